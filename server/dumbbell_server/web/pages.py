"""Plain pages behind the links that the SDK prints."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dumbbell_server.accounts import queries as accounts
from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.artifact_files import queries as artifact_files
from dumbbell_server.artifacts import queries as artifacts
from dumbbell_server.artifacts.tables import ArtifactRow, CollectionRow
from dumbbell_server.database.engine import snapshot
from dumbbell_server.files import service as files
from dumbbell_server.graph.context import Context
from dumbbell_server.history import queries as history
from dumbbell_server.history.tables import HISTORY
from dumbbell_server.http.state import base_url, state_of
from dumbbell_server.identity import Role
from dumbbell_server.projects import service as projects
from dumbbell_server.projects.access import role_in
from dumbbell_server.projects.registries import PREFIX
from dumbbell_server.registries import search
from dumbbell_server.reports import service as views
from dumbbell_server.runs import queries, service
from dumbbell_server.runs.graphql import expire_silent_runs
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.sweeps import queries as sweep_queries
from dumbbell_server.sweeps import service as sweeps
from dumbbell_server.sweeps.metrics import best as best_of
from dumbbell_server.web.html import answer, document, escape, for_frames, in_frame
from dumbbell_server.web.sign_in import link_to_sign_in, to_sign_in
from dumbbell_server.web.sign_in_routes import ROUTES as SIGN_IN
from dumbbell_server.web.sign_in_routes import sign_in_of

_LAST_ROWS = 20
_MOST_RUNS = 100
_MOST_FILES = 1000
Page = Callable[[Context, dict[str, str]], str | None]


def _page(make: Page) -> Callable[[Request], object]:
    async def answer(request: Request) -> Response:
        state = state_of(request)
        text, known = await asyncio.get_running_loop().run_in_executor(state.pool, _made, make, request)
        if text is not None:
            return for_frames(request, text)
        # one that is not there and one that may not be seen look the same, to who is signed in and who is not
        if not known and "text/html" in request.headers.get("accept", ""):
            return link_to_sign_in(request) if in_frame(request) else to_sign_in(request)
        return for_frames(
            request, document("Not found", ["<p>There is nothing here, or you may not see it.</p>"]), 404)
    return answer


def _made(make: Page, request: Request) -> tuple[str | None, bool]:
    """The page, and whether it is known who asks."""
    context = Context(state_of(request).backend, None, base_url(request))
    try:
        context.viewer = sign_in_of(request).viewer(request, context.session)
        expire_silent_runs(context)
        return make(context, request.path_params), context.viewer is not None
    finally:
        context.close()


def _project(context: Context, where: dict[str, str]) -> str | None:
    project = projects.find(context.session, context.viewer, where["entity"], where["project"])
    if project is None:
        return None
    rows = queries.newest(context.session, project.id, _MOST_RUNS)
    return document(f"{where['entity']}/{project.name}", _table(context, where["entity"], project.name, rows))


def _table(context: Context, entity: str, project: str, runs: Iterable[RunRow]) -> list[str]:
    # by path alone: a page reached by another name than the public URL leads on by that name
    path = "/".join(["", *context.base_url.split("/")[3:]])
    base = f"{path}/{quote(entity)}/{quote(project)}/runs/"
    items = (f'<tr><td><a href="{escape(base)}{quote(run.name, safe="")}">{escape(run.display_name)}</a><td>'
             f"{escape(run.state)}<td>{escape(run.created_at)}" for run in runs)
    return ["<table>", *items, "</table>"]


def _run(context: Context, where: dict[str, str]) -> str | None:
    run = service.find(context.session, context.viewer, where["entity"], where["project"], where["run"])
    if run is None:
        return None
    lines = _last_lines(context, run)
    stored = files.list_files(context.session, run.id)
    return document(run.display_name, [
        f"<p>{escape(run.name)}, {escape(run.state)}, created {escape(run.created_at)}</p>",
        f"<h2>Config</h2><pre>{escape(run.config)}</pre>",
        f"<h2>Summary</h2><pre>{escape(run.summary_metrics)}</pre>",
        f"<h2>Last rows of {run.history_line_count}</h2><pre>{escape(chr(10).join(lines))}</pre>",
        "<h2>Files</h2><ul>", *(f"<li>{escape(file.name)} ({file.size} bytes)" for file in stored), "</ul>"])


def _last_lines(context: Context, run: RunRow) -> list[str]:
    lines: list[str] = []
    with snapshot(context.backend.database) as session:
        for chunk in reversed(history.chunks(session, run.id, HISTORY)):
            if len(lines) >= _LAST_ROWS:
                break
            lines = history.lines_of(session, chunk.id) + lines
    return lines[-_LAST_ROWS:]


def _sweep(context: Context, where: dict[str, str]) -> str | None:
    project = projects.find(context.session, context.viewer, where["entity"], where["project"])
    sweep = sweeps.find(context.session, project.id, where["sweep"]) if project else None
    if project is None or sweep is None:
        return None
    best = best_of(sweep, sweep_queries.summaries(context.session, sweep))
    rows = sweep_queries.first_runs(context.session, sweep, _MOST_RUNS)
    runs = _table(context, where["entity"], project.name, rows)
    expected = "" if sweep.run_count_expected is None else f" of {sweep.run_count_expected}"
    return document(sweeps.title(sweep), [
        f"<p>{escape(sweep.name)}, {escape(sweep.state)}, created {escape(sweep.created_at)}</p>",
        f"<p>{sweep_queries.run_count(context.session, sweep)}{expected} runs</p>",
        f"<p>Best {escape(sweep.metric or '')}: {best}</p>" if best is not None else "",
        f"<h2>Config</h2><pre>{escape(sweep.config)}</pre><h2>Runs</h2>", *runs])


def _report(context: Context, where: dict[str, str]) -> str | None:
    """The link is a slug for people, `--`, and the id."""
    view = views.find_by_id(context.session, context.viewer, where["report"].rpartition("--")[2])
    if view is None:
        return None
    return document(view.display_name or view.name, [
        f"<p>{escape(view.description or '')}</p><p>Written {escape(view.updated_at)}</p>",
        f"<h2>Document</h2><pre>{escape(view.spec)}</pre>"])


def _registry(context: Context, where: dict[str, str]) -> str | None:
    organization = accounts.organization_by_name(context.session, where["organization"])
    entity = context.get(EntityRow, organization.entity_id) if organization else None
    registry = projects.find(context.session, context.viewer, entity.name, PREFIX + where["name"]) if entity else None
    if entity is None or registry is None:
        return None
    only = f'{{"id": {registry.id}}}'
    found = search.versions(context.backend.registry_columns, context.session, context.viewer, entity, only, None, None,
                            "-acm_created_at", None, _MOST_RUNS)
    items = (f"<tr><td>{escape(context.require(CollectionRow, member.collection_id).name)}:v"
             f"{member.version_index}<td>{escape(member.created_at)}" for member, _ in
             (edge.node for edge in found.edges))
    return document(f"{where['organization']}: {where['name']}", [
        f"<p>{escape(registry.description or '')}</p><h2>Versions, linked last first</h2><table>", *items, "</table>"])


def _artifact(context: Context, where: dict[str, str]) -> str | None:
    project = projects.find(context.session, context.viewer, where["entity"], where["project"])
    found = artifacts.collection_by_name(context.session, project.id, where["collection"]) if project else None
    member = artifacts.membership_by_alias(context.session, found.id, where["version"]) if found else None
    version = context.get(ArtifactRow, member.artifact_id) if member else None
    if member is None or version is None:
        return None
    readable = project is not None and role_in(context.viewer, project) >= Role.VIEWER
    rows = artifact_files.files(context.session, version.id, None, _MOST_FILES) if readable else []
    return document(f"{where['collection']}:v{member.version_index}", [
        (f"<p>{escape(where['type'])}, {version.file_count} files of {version.size} bytes, "
         f"created {escape(version.created_at)}, digest {escape(version.digest)}</p>"),
        f"<p>{escape(version.description or '')}</p>",
        f"<h2>Metadata</h2><pre>{escape(version.metadata_json or '{}')}</pre>",
        "<h2>Files</h2><ul>", *(f"<li>{escape(entry.path)} ({entry.size} bytes)" for entry, _ in rows), "</ul>"])


async def _home(_: Request) -> Response:
    return answer(document("Dumbbell", ["<p>The server runs. Point WANDB_BASE_URL at this address.</p>"]))


ROUTES = [
    Route("/", _home),
    *SIGN_IN,
    Route("/{entity}/{project}", _page(_project)),
    Route("/{entity}/{project}/workspace", _page(_project)),
    Route("/{entity}/{project}/runs/{run}", _page(_run)),
    Route("/{entity}/{project}/artifacts/{type}/{collection}/{version}", _page(_artifact)),
    Route("/{entity}/{project}/sweeps/{sweep}", _page(_sweep)),
    Route("/{entity}/{project}/reports/{report}", _page(_report)),
    Route("/orgs/{organization}/registry/{name}", _page(_registry)),
]
