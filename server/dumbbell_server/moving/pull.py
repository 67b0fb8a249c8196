"""A project of any server of the protocol as the folder of a fixture (docs/fixtures.md#pull-and-push).

Order: what runs there are, the project with sweeps and reports, artifacts, runs, accounts. Every document is written
whole and last, so that a pull which was cut goes on where it was.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import yaml
from tqdm import tqdm

from dumbbell import Api
from dumbbell.errors import NotFoundError
from dumbbell_server.artifact_files import manifests
from dumbbell_server.artifact_files.digests import hex_of
from dumbbell_server.errors import BadInput
from dumbbell_server.json_text import loads
from dumbbell_server.moving import documents as ask
from dumbbell_server.moving import marks, options
from dumbbell_server.moving.blobs import Blobs, remove_others
from dumbbell_server.moving.checked import Notes, checked, row, username
from dumbbell_server.moving.options import Options
from dumbbell_server.moving.pull_artifacts import ArtifactPull, Listed
from dumbbell_server.moving.pull_runs import Known, RunPull
from dumbbell_server.moving.wire import Wire, at
from dumbbell_server.seeding.form import documents as form
from dumbbell_server.seeding.form.folder import ACCOUNTS, Folder, described, documents, write_document

_THREADS = 4
_FILE_THREADS = 6
_QUEUED = 32
_RUNS = 200  # a page of names
_VIEW_TYPES = ("runs", "runs/draft", "project-view")
_SWEEP_STATES = {"PENDING", "RUNNING", "PAUSED", "FINISHED", "CANCELED"}
_AGENT_STATES = {"RUNNING", "FINISHED", "CRASHED"}
_ROLES = {"admin": "admin", "viewer": "viewer", "view-only": "viewer"}


@dataclass(frozen=True)
class Pulled:
    """How much is in the folder, and what is not."""

    runs: int
    versions: int
    left_out: list[str]


def pull(api: Api, entity: str, project: str, root: Path, wanted: Options) -> Pulled:
    """Fill the folder, or go on with it. Conflict where it holds something else."""
    wanted.check()
    options.begin(root, api.settings["base_url"], entity, project, wanted)
    return _Pull(Wire(api, entity, project), Folder(root), wanted).run()


class _Pull:
    def __init__(self, wire: Wire, folder: Folder, wanted: Options) -> None:
        self._wire = wire
        self._folder = folder
        self._options = wanted
        self._known = Known()
        self._notes = Notes()
        self._blobs = Blobs(wire.client, folder)
        self._users: dict[str, dict[str, Any]] = {}

    def run(self) -> Pulled:
        place = (self._wire.entity, self._wire.project)
        data = at(self._wire.ask(ask.PROJECT), "project")
        if data is None:
            raise NotFoundError(f"there is no project {'/'.join(place)}, or this key may not see it")
        if checked(form.Project, {"entity": place[0], "name": place[1]}, "project", self._notes) is None:
            raise BadInput("; ".join(self._notes.lines()))
        self._list_runs()
        fields = self._project(data)
        with ThreadPoolExecutor(_FILE_THREADS, thread_name_prefix="pull-files") as pool:
            if self._options.artifacts:
                pull_artifacts = ArtifactPull(self._wire, self._folder, self._blobs, self._options, self._known, pool)
                fields["artifact_types"] = list(pull_artifacts.types(self._notes))
                self._artifacts(pull_artifacts, [kind["name"] for kind in fields["artifact_types"]])
        write_document(self._folder.project_file(*place), {"projects": [described(**fields)]})
        self._runs()
        self._accounts()
        self._finish()
        return Pulled(len(self._known.runs), len(self._known.versions), sorted(self._notes.lines()))

    def _list_runs(self) -> None:
        """Names of the runs that are wanted."""
        nodes = self._wire.nodes(ask.RUN_NAMES, "project", "runs", needed=True, perPage=_RUNS,
                                 order=self._options.order, filters=self._options.filters)
        for node in islice(nodes, self._options.max_runs):
            self._known.runs[str(node.get("name"))] = marks.digest(node)
            self._meet(node.get("user"))

    def _meet(self, user: Any) -> str | None:
        name = username(user)
        if name is not None:
            known = self._users.setdefault(name, {"name": name})
            known |= described(full_name=user.get("name"), email=user.get("email"), created=user.get("createdAt"))
        return name

    def _project(self, data: Mapping[str, Any]) -> dict[str, Any]:
        fields = {
            "entity": self._wire.entity, "name": self._wire.project, "user": self._meet(data.get("user")),
            "description": data.get("description"), "access": data.get("access"), "views": data.get("views"),
            "repo": data.get("repo"), "docker_image": data.get("dockerImage"), "framework": data.get("framework"),
            "is_benchmark": data.get("isBenchmark"), "is_published": data.get("isPublished"),
            "created": data.get("createdAt"), "updated": data.get("updatedAt"), "row": row("Project", data.get("id"))}
        kept = checked(form.Project, fields, "project", self._notes) or {}
        kept["sweeps"] = list(self._sweeps())
        kept["reports"] = list(self._reports())
        self._known.sweeps |= {sweep["name"] for sweep in kept["sweeps"]}
        return kept

    def _sweeps(self) -> Iterator[dict[str, Any]]:
        for node in self._wire.nodes(ask.SWEEPS, "project", "sweeps"):
            name, state = str(node.get("name")), str(node.get("state") or "").upper()
            user = self._meet(node.get("user"))
            fields = {
                "name": name, "user": user, "config_yaml": node.get("config"),
                "state": state if state in _SWEEP_STATES else "FINISHED", "title": _title(node),
                "description": node.get("description"), "controller": node.get("controller"),
                "scheduler": node.get("scheduler"), "agents": list(self._agents(name, user)),
                "created": node.get("createdAt"), "updated": node.get("updatedAt"),
                "heartbeat": node.get("heartbeatAt"), "row": row("Sweep", node.get("id"))}
            sweep = checked(form.Sweep, fields, f"sweep {name[:140]}", self._notes)
            if sweep is not None:
                yield sweep

    def _agents(self, sweep: str, user: str | None) -> Iterator[dict[str, Any]]:
        data = self._wire.maybe(ask.AGENTS, name=sweep)
        for edge in at(data, "project", "sweep", "agents", "edges") or ():
            node = edge["node"]
            state = str(node.get("state") or "").upper()
            for run in self._wire.nodes(ask.AGENT_RUNS, "project", "sweep", "agent", "runs", name=sweep,
                                        agent=node.get("name")):
                self._known.agents[str(run.get("name"))] = str(node.get("name"))
            yield described(
                name=node.get("name"), host=node.get("host"), user=user, created=node.get("createdAt"),
                state=state if state in _AGENT_STATES else "FINISHED", heartbeat=node.get("heartbeatAt"),
                row=row("Agent", node.get("id")))

    def _reports(self) -> Iterator[dict[str, Any]]:
        for kind in _VIEW_TYPES:
            for node in self._wire.nodes(ask.VIEWS, "project", "allViews", viewType=kind):
                fields = {
                    "name": node.get("name"), "title": node.get("displayName"), "type": kind,
                    "user": self._meet(node.get("user")), "description": node.get("description"),
                    "spec_json": node.get("spec"), "created": node.get("createdAt"), "updated": node.get("updatedAt"),
                    "row": row("View", node.get("id"))}
                view = checked(form.Report, fields, f"report {str(node.get('name'))[:140]}", self._notes)
                if view is not None:
                    yield view

    def _artifacts(self, artifacts: ArtifactPull, kinds: Iterable[str]) -> None:
        """Sequences first: portfolios link to what is in them."""
        portfolios: list[Listed] = []
        places: set[Path] = set()

        def sequences() -> Iterator[Listed]:
            for kind in kinds:
                for found in artifacts.collections(kind):
                    for edge in found.edges:
                        self._meet(at(edge, "node", "createdBy"))
                    places.add(artifacts.place(found.name))
                    if found.links:
                        portfolios.append(found)
                    else:
                        yield found
        with self._progress("artifacts") as told:
            self._each(lambda found: artifacts.pull(found, self._notes), sequences(), told)
            self._each(lambda found: artifacts.pull(found, self._notes), portfolios, told)
        _remove_folders(artifacts.place("x").parent, places)

    def _runs(self) -> None:
        runs = RunPull(self._wire, self._folder, self._blobs, self._options, self._known)
        with self._progress("runs", len(self._known.runs)) as told:
            self._each(lambda name: runs.pull(name, self._notes), list(self._known.runs), told)
        _remove_folders(runs.place("x").parent, {runs.place(name) for name in self._known.runs})

    @contextmanager
    def _progress(self, what: str, total: int | None = None) -> Iterator[Callable[[], object]]:
        with tqdm(total=total, desc=what, unit=" " + what, disable=None) as bar:
            yield bar.update

    def _each(self, call: Callable[[Any], None], things: Iterable[Any], told: Callable[[], object]) -> None:
        """Call with each, several at a time and few waiting; the first error ends it."""
        pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="pull")
        waiting: set[Future[None]] = set()
        try:
            for thing in things:
                waiting.add(pool.submit(call, thing))
                while len(waiting) >= _QUEUED:
                    done = {future for future in waiting if future.done()} or {_first(waiting)}
                    for future in done:
                        future.result()
                        told()
                    waiting -= done
            while waiting:
                future = _first(waiting)
                waiting.remove(future)
                future.result()
                told()
        finally:
            pool.shutdown(cancel_futures=True)

    def _accounts(self) -> None:
        """The users that were met, and the entity."""
        found = at(self._wire.maybe(ask.ENTITY), "entity") or {}
        teams: list[dict[str, Any]] = []
        if found.get("isTeam"):
            roles = self._members(found)
            fields = {"name": self._wire.entity, "members": roles, "created": found.get("createdAt")}
            teams = [team for team in [checked(form.Team, fields, "team", self._notes)] if team is not None]
        else:
            self._users.setdefault(self._wire.entity, {"name": self._wire.entity})
        users = [checked(form.User, fields, f"user {name}", self._notes) for name, fields in sorted(
            self._users.items())]
        write_document(self._folder.root / ACCOUNTS, described(
            users=[user for user in users if user is not None], teams=teams))

    def _members(self, entity: Mapping[str, Any]) -> dict[str, str]:
        """Roles in the team by user, an admin among them."""
        roles: dict[str, str] = {}
        for member in entity.get("members") or ():
            if not member.get("pending") and self._meet(member) is not None:
                told = "admin" if member.get("admin") else str(member.get("role") or "").lower()
                roles[member["username"]] = _ROLES.get(told, "member")
        if "admin" not in roles.values():
            first = self._meet(at(self._wire.ask(ask.VIEWER), "viewer"))
            roles[first or self._wire.entity] = "admin"
            self._users.setdefault(first or self._wire.entity, {"name": first or self._wire.entity})
        return dict(sorted(roles.items()))

    def _finish(self) -> None:
        """What nothing names any more goes."""
        self._blobs.clear()
        remove_others(self._folder, set(named_blobs(self._folder.root)))


def _first(waiting: set[Future[None]]) -> Future[None]:
    return next(iter(wait(waiting, return_when=FIRST_EXCEPTION if len(waiting) == 1 else "FIRST_COMPLETED").done))


def named_blobs(root: Path) -> Iterator[str]:
    """The MD5s of all bytes that the documents and manifests of a pulled folder name; one document at a time."""
    for path in documents(root):
        for project in orjson.loads(path.read_bytes()).get("projects", ()):
            for run in project.get("runs", ()):
                yield from (content["blob"] for content in run.get("files", {}).values())
            for collection in project.get("artifacts", ()):
                for version in collection.get("versions", ()):
                    yield from manifest_blobs(path.parent / version["manifest"])


def manifest_blobs(path: Path) -> Iterator[str]:
    for entry in manifests.entries(manifests.parse(path.read_bytes())):
        digest = hex_of(entry.digest) if entry.ref is None else None
        if digest is not None:
            yield digest


def _remove_folders(parent: Path, wanted: set[Path]) -> None:
    """Folders of runs or collections that the server no longer has."""
    for path in parent.iterdir() if parent.is_dir() else ():
        if path not in wanted:
            shutil.rmtree(path)


def _title(sweep: Mapping[str, Any]) -> str | None:
    """The title that somebody gave a sweep; the name in its config, or its id, is none."""
    title = sweep.get("displayName")
    return title if title not in {None, sweep.get("name"), config_name(str(sweep.get("config") or ""))} else None


def config_name(text: str) -> Any:
    """The name in a sweep's config."""
    try:
        return at(loads(text), "name")
    except ValueError:
        pass
    try:
        return at(yaml.safe_load(text), "name")
    except (yaml.YAMLError, RecursionError):
        return None
