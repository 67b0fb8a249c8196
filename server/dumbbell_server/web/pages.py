"""Plain pages behind the links that the SDK prints."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from html import escape
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from dumbbell_server.accounts import queries as accounts
from dumbbell_server.accounts.access import actor_of_user
from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.artifact_files import queries as artifact_files
from dumbbell_server.artifacts import queries as artifacts
from dumbbell_server.artifacts.tables import ArtifactRow, CollectionRow
from dumbbell_server.database.engine import snapshot
from dumbbell_server.files import service as files
from dumbbell_server.graph.context import Context
from dumbbell_server.history import queries as history
from dumbbell_server.history.tables import HISTORY
from dumbbell_server.http.state import actor_of, base_url, state_of
from dumbbell_server.identity import Actor, Role
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

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LOCAL_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")
_LAST_ROWS = 20
_MOST_RUNS = 100
_MOST_FILES = 1000
_STYLE = ("body{font:15px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}pre{background:#f4f4f4;"
          "padding:.7rem;overflow:auto}table{border-collapse:collapse}td{padding:.1rem 1rem .1rem 0}")
Page = Callable[[Context, dict[str, str]], str | None]


def _html(title: str, parts: Iterable[str]) -> str:
    return (f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
            f"<style>{_STYLE}</style><h1>{escape(title)}</h1>{''.join(parts)}</html>")


def _page(make: Page) -> Callable[[Request], object]:
    async def answer(request: Request) -> Response:
        state = state_of(request)
        text = await asyncio.get_running_loop().run_in_executor(state.pool, _made, make, request)
        if text is None:
            return HTMLResponse(_html("Not found", ["<p>There is nothing here, or you may not see it.</p>"]), 404)
        return HTMLResponse(text)
    return answer


def _made(make: Page, request: Request) -> str | None:
    backend = state_of(request).backend
    context = Context(backend, actor_of(request), base_url(request))
    try:
        if context.viewer is None and _is_local(request, backend.settings.host):
            context.viewer = _local(context)
        expire_silent_runs(context)
        return make(context, request.path_params)
    finally:
        context.close()


def _is_local(request: Request, bound_to: str) -> bool:
    """Whether somebody at this very machine asks: not through a proxy, nor in a page of somebody else's.

    The scripts of any page may ask what answers on this machine, by their own name for it, and could read it.
    """
    through = any(name in request.headers for name in ("origin", "forwarded", "x-forwarded-for", "x-real-ip", "via"))
    return bound_to in _LOOPBACK and _LOCAL_HOST.fullmatch(request.headers.get("host", "")) is not None and not through


def _local(context: Context) -> Actor | None:
    user = accounts.user_by_name(context.session, context.backend.settings.user)
    return actor_of_user(context.session, user) if user else None


def _project(context: Context, where: dict[str, str]) -> str | None:
    project = projects.find(context.session, context.viewer, where["entity"], where["project"])
    if project is None:
        return None
    rows = queries.newest(context.session, project.id, _MOST_RUNS)
    return _html(f"{where['entity']}/{project.name}", _table(context, where["entity"], project.name, rows))


def _table(context: Context, entity: str, project: str, runs: Iterable[RunRow]) -> list[str]:
    # by path alone: a page reached by another name than the public URL leads on by that name
    base = f"{urlsplit(context.base_url).path}/{quote(entity)}/{quote(project)}/runs/"
    items = (f'<tr><td><a href="{escape(base)}{quote(run.name, safe="")}">{escape(run.display_name)}</a><td>'
             f"{escape(run.state)}<td>{escape(run.created_at)}" for run in runs)
    return ["<table>", *items, "</table>"]


def _run(context: Context, where: dict[str, str]) -> str | None:
    run = service.find(context.session, context.viewer, where["entity"], where["project"], where["run"])
    if run is None:
        return None
    lines = _last_lines(context, run)
    stored = files.list_files(context.session, run.id)
    return _html(run.display_name, [
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
    best = sweeps.best(sweep, sweep_queries.summaries(context.session, sweep))
    rows = sweep_queries.first_runs(context.session, sweep, _MOST_RUNS)
    runs = _table(context, where["entity"], project.name, rows)
    expected = "" if sweep.run_count_expected is None else f" of {sweep.run_count_expected}"
    return _html(sweeps.title(sweep), [
        f"<p>{escape(sweep.name)}, {escape(sweep.state)}, created {escape(sweep.created_at)}</p>",
        f"<p>{sweep_queries.run_count(context.session, sweep)}{expected} runs</p>",
        f"<p>Best {escape(sweep.metric or '')}: {best}</p>" if best is not None else "",
        f"<h2>Config</h2><pre>{escape(sweep.config)}</pre><h2>Runs</h2>", *runs])


def _report(context: Context, where: dict[str, str]) -> str | None:
    """The link is a slug for people, `--`, and the id."""
    view = views.find_by_id(context.session, context.viewer, where["report"].rpartition("--")[2])
    if view is None:
        return None
    return _html(view.display_name or view.name, [
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
    return _html(f"{where['organization']}: {where['name']}", [
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
    return _html(f"{where['collection']}:v{member.version_index}", [
        (f"<p>{escape(where['type'])}, {version.file_count} files of {version.size} bytes, "
         f"created {escape(version.created_at)}, digest {escape(version.digest)}</p>"),
        f"<p>{escape(version.description or '')}</p>",
        f"<h2>Metadata</h2><pre>{escape(version.metadata_json or '{}')}</pre>",
        "<h2>Files</h2><ul>", *(f"<li>{escape(entry.path)} ({entry.size} bytes)" for entry, _ in rows), "</ul>"])


async def _authorize(_: Request) -> Response:
    return HTMLResponse(_html("Your API key", [
        "<p>Keys are shown once, when the server makes them. <code>dumbbell token</code> makes another one.</p>"]))


async def _home(_: Request) -> Response:
    return HTMLResponse(_html("Dumbbell", ["<p>The server runs. Point WANDB_BASE_URL at this address.</p>"]))


ROUTES = [
    Route("/", _home),
    Route("/authorize", _authorize),
    Route("/settings", _authorize),
    Route("/{entity}/{project}", _page(_project)),
    Route("/{entity}/{project}/workspace", _page(_project)),
    Route("/{entity}/{project}/runs/{run}", _page(_run)),
    Route("/{entity}/{project}/artifacts/{type}/{collection}/{version}", _page(_artifact)),
    Route("/{entity}/{project}/sweeps/{sweep}", _page(_sweep)),
    Route("/{entity}/{project}/reports/{report}", _page(_report)),
    Route("/orgs/{organization}/registry/{name}", _page(_registry)),
]
