"""A project of a fixture into any server, over the protocol alone (docs/fixtures.md#pull-and-push)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dumbbell import Api
from dumbbell_server.errors import BadInput
from dumbbell_server.json_text import dumps
from dumbbell_server.moving import push_documents as ask
from dumbbell_server.moving.checked import Notes
from dumbbell_server.moving.pull import Pulled
from dumbbell_server.moving.push_artifacts import ArtifactPush, Version
from dumbbell_server.moving.push_runs import RunPush
from dumbbell_server.moving.wire import Wire, at
from dumbbell_server.seeding.form import documents as form
from dumbbell_server.seeding.form.reading import Read, read_fixture

_THREADS = 4
_STEPS = {"PENDING": (), "RUNNING": ("RUNNING",), "PAUSED": ("RUNNING", "PAUSED"), "FINISHED": ("FINISHED",),
          "CANCELED": ("CANCELED",)}


def push(api: Api, folder: Path, source: tuple[str, str] | None, entity: str, project: str) -> Pulled:
    """The project of the folder is on the server. BadInput where the folder is no fixture, or does not hold it."""
    documents = read_fixture(folder).documents
    parts = [(read, part) for read in documents for part in read.document.projects]
    places = {(part.entity, part.name) for _, part in parts}
    if source is None and len(places) != 1:
        raise BadInput(f"{str(folder)!r} holds {len(places)} projects; name one by --source: "
                       + ", ".join(sorted("/".join(place) for place in places)))
    wanted = source or next(iter(places))
    if wanted not in places:
        raise BadInput(f"{str(folder)!r} holds no project {'/'.join(wanted)}; it holds "
                       + ", ".join(sorted("/".join(place) for place in places)))
    chosen = [(read, part) for read, part in parts if (part.entity, part.name) == wanted]
    return _Push(Wire(api, entity, project), chosen).run()


class _Push:
    def __init__(self, wire: Wire, parts: list[tuple[Read, form.Project]]) -> None:
        self._wire = wire
        self._parts = parts
        self._notes = Notes()

    def run(self) -> Pulled:
        self._project()
        sweeps = self._sweeps()
        for report in sorted((report for _, part in self._parts for report in part.reports),
                             key=lambda report: (report.created or "", report.row or 0)):
            self._report(report)
        runs = [(read, run) for read, part in self._parts for run in part.runs]
        logging = RunPush(self._wire, {name: node["name"] for name, node in sweeps.items()})
        for generation in _generations(sorted(runs, key=lambda one: (one[1].created or "", one[1].row or 0))):
            self._log(logging, generation)
        count = self._artifacts(runs)
        for sweep in (sweep for _, part in self._parts for sweep in part.sweeps):
            self._end(sweep, sweeps[sweep.name])
        return Pulled(len(runs), count, sorted(self._notes.lines()))

    def _project(self) -> None:
        fields: dict[str, Any] = {"name": self._wire.project, "entityName": self._wire.entity}
        for _, part in self._parts:
            told = {"description": part.description, "repo": part.repo, "framework": part.framework,
                    "dockerImage": part.docker_image}
            fields |= {name: value for name, value in told.items() if value is not None}
        self._wire.ask(ask.PROJECT, input=fields)

    def _sweeps(self) -> dict[str, dict[str, Any]]:
        """What the server has for each sweep of the folder: one of the same config and title, or a new one."""
        wanted = sorted((sweep for _, part in self._parts for sweep in part.sweeps),
                        key=lambda sweep: (sweep.row or 0, sweep.name))
        there = sorted(self._wire.nodes(ask.SWEEPS, "project", "sweeps"), key=lambda node: node.get("createdAt") or "")
        found = {}
        for sweep in wanted:
            config = sweep.config_yaml if sweep.config is None else dumps(sweep.config)
            same = next((node for node in there if node["config"] == config and (
                sweep.title is None or node.get("displayName") == sweep.title)), None)
            if same is not None:
                there.remove(same)
                found[sweep.name] = same
                continue
            fields = {"config": config, "entityName": self._wire.entity, "projectName": self._wire.project,
                      "description": sweep.description, "displayName": sweep.title}
            made = self._wire.ask(ask.UPSERT_SWEEP, input={
                name: value for name, value in fields.items() if value is not None})["upsertSweep"]["sweep"]
            found[sweep.name] = {**made, "state": "PENDING"}
        return found

    def _end(self, sweep: form.Sweep, node: dict[str, Any]) -> None:
        """The sweep has its state, once all of its runs are there."""
        for state in _STEPS[sweep.state]:
            if node.get("state") != sweep.state:
                self._wire.ask(ask.UPSERT_SWEEP, input={"id": node["id"], "state": state})

    def _report(self, report: form.Report) -> None:
        spec = report.spec_json if report.spec is None else dumps(report.spec)
        if spec is None or report.name is None:
            self._notes.add(f"report {report.title!r} is left out: it is made as a fixture is seeded; push an export")
            return
        data = self._wire.maybe(ask.VIEW, viewType=report.type, viewName=report.name)
        there = next((edge["node"] for edge in at(data, "project", "allViews", "edges") or ()), None)
        fields = {"displayName": report.title, "description": report.description, "spec": spec}
        if there is not None and all((there.get(name) or "") == (value or "") for name, value in fields.items()):
            return
        place = {"id": there["id"]} if there is not None else {
            "entityName": self._wire.entity, "projectName": self._wire.project, "type": report.type,
            "name": report.name}
        self._wire.ask(ask.UPSERT_VIEW, input=place | {
            name: value for name, value in fields.items() if value is not None})

    def _log(self, logging: RunPush, runs: list[tuple[Read, form.Run]]) -> None:
        """Runs that are not there yet: begun one after the other, in their order, and sent several at a time."""
        pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="push")
        waiting: deque[Future[None]] = deque()
        try:
            there = pool.map(lambda one: logging.is_there(*one), runs)
            missing = [one for one, is_there in zip(runs, there, strict=True) if not is_there]
            for read, run in tqdm(missing, desc="runs", disable=None):
                waiting.append(pool.submit(logging.send, read, run, logging.start(run), self._notes))
                if len(waiting) > _THREADS:
                    waiting.popleft().result()
            for future in waiting:
                future.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _artifacts(self, runs: list[tuple[Read, form.Run]]) -> int:
        """Versions in the order in which they were made, so that references lead to what is there; then the rest."""
        pushing = ArtifactPush(self._wire, {run.id for _, run in runs}, self._notes)
        for _, part in self._parts:
            pushing.types(part.artifact_types)
        versions = sorted(self._versions(), key=lambda one: (
            one.version.created or "", one.version.row or 0, one.collection.name, one.version.index or 0))
        for one in tqdm(versions, desc="artifacts", disable=None):
            pushing.push(one)
        pushing.finish(versions)
        for collection in (collection for _, part in self._parts for collection in part.artifacts):
            pushing.collection(collection)
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="push") as pool:
            for _ in pool.map(pushing.uses, [run for _, run in runs if run.uses]):
                pass
        return len(pushing.ids)

    def _versions(self) -> Iterator[Version]:
        for read, part in self._parts:
            for collection in part.artifacts:
                for version in collection.versions:
                    name = f"{part.entity}/{part.name}/{collection.name}:v{version.index}"
                    yield Version(read, collection, version, name)


def _generations(runs: list[tuple[Read, form.Run]]) -> Iterator[list[tuple[Read, form.Run]]]:
    """Runs after those of which they are forks."""
    left = {run.id: (read, run) for read, run in runs}
    while left:
        waiting = {name for name, (_, run) in left.items() if run.fork is not None and run.fork.run in left}
        ready = [name for name in left if name not in waiting] or list(left)  # forks of each other in a circle
        yield [left.pop(name) for name in ready]
