"""Logs of offline runs into the folder of a fixture."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
import yaml

from dumbbell_server.errors import BadInput
from dumbbell_server.files.names import clean
from dumbbell_server.json_text import dumps, loads
from dumbbell_server.moving.offline.artifacts import Artifacts
from dumbbell_server.moving.offline.blobs import Blobs
from dumbbell_server.moving.offline.checking import checked
from dumbbell_server.moving.offline.console import Console
from dumbbell_server.moving.offline.part import Fields, Found, Part, Reader
from dumbbell_server.moving.offline.values import moment_text
from dumbbell_server.projects.service import UNCATEGORIZED
from dumbbell_server.runs.states import PREEMPTING, RUNNING, after_completion
from dumbbell_server.seeding.form import documents
from dumbbell_server.seeding.form import folder as layout
from dumbbell_server.seeding.form.folder import Folder, described, write_document

FIRST = "local"  # what the fixture calls the server's first user
_LOST = 1  # the exit code of a process that nobody heard of the end of, as wandb 0.31.0 gives it
_ROWS, _LINES = "rows.part", "lines.part"
_PATTERN = frozenset("*?[")


@dataclass(frozen=True)
class Target:
    """Where runs go, where it is not where they say."""

    entity: str | None = None
    project: str | None = None
    run_id: str | None = None

    def path(self, run: Fields) -> tuple[str, str, str]:
        """Entity, project and id."""
        return (self.entity or run.get("entity") or FIRST, self.project or run.get("project") or UNCATEGORIZED,
                self.run_id or run.get("run_id", ""))


@dataclass
class _Merged:
    """A run of one process, or of several that went on with it."""

    run: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    system: dict[str, Any] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    steps: list[int] = field(default_factory=list)
    start: int = 0
    heard: int = 0
    exitcode: int = 0
    state: str = RUNNING

    def add(self, part: Part) -> None:
        """As `wandb sync` has it of a run that comes in parts: what is said last holds."""
        self.start = self.start or part.start
        self.run |= part.run
        self.config |= {name: {"value": value} for name, value in part.config.items()}
        about = part.config.get("_wandb")
        self.config["_wandb"] = {"value": {**(about if isinstance(about, dict) else {}), **part.about.config()}}
        self.summary = part.summary or self.summary
        self.system |= part.system
        self.heard = max(self.heard, part.heard)
        self.exitcode = _LOST if part.exitcode is None else part.exitcode
        self.state = after_completion(PREEMPTING if part.preempting else RUNNING, self.exitcode, stopped=False)


class Conversion:
    """A fixture in the making. Nothing of it is of use before `finish`."""

    def __init__(self, root: Path, target: Target, say: Callable[[str], object]) -> None:
        self._folder = Folder(root)
        self._target = target
        self._say = say
        self._blobs = Blobs(self._folder)
        self._artifacts = Artifacts(self._folder, self._blobs, say)
        self._projects: dict[tuple[str, str], int] = {}  # with the moment of their first run
        self.runs = 0

    def add(self, founds: Sequence[Found], count: Callable[[int], object]) -> None:
        """The logs of one run, in the order in which their processes ran."""
        entity, project, run_id = self._target.path(founds[0].run)
        checked(documents.Project, {"entity": entity, "name": project, "runs": [{"id": run_id}]}, str(founds[0].path))
        where = self._folder.run(entity, project, run_id)
        where.mkdir(parents=True, exist_ok=True)
        merged = _Merged()
        for found in founds:
            self._add_part(where, merged, found, (entity, project, run_id), count)
        if "sweep" in merged.run:
            self._say(f"run {run_id} is not put into sweep {merged.run['sweep']}, which only its own server has")
        document = _document(where, run_id, merged)
        checked(documents.Run, document, str(founds[0].path))
        write_document(self._folder.run_file(entity, project, run_id),
                       {"projects": [{"entity": entity, "name": project, "runs": [document]}]})
        first = self._projects.setdefault((entity, project), merged.start)
        self._projects[entity, project] = min(first, merged.start)
        self.runs += 1

    def _add_part(self, where: Path, merged: _Merged, found: Found, path: tuple[str, str, str],
                  count: Callable[[int], object]) -> None:
        console = Console(where)
        with ExitStack() as opened:
            rows = opened.enter_context((where / _ROWS).open("w", encoding="ascii"))
            events = opened.enter_context((where / layout.SYSTEM).open("a", encoding="ascii"))
            reader = Reader(rows, events, console, lambda artifact, part: self._artifacts.add(
                artifact, *path, part.heard), merged.steps[1] if merged.steps else None)
            part = reader.read(found.path, count)
        _go_on(where, merged, part)
        merged.add(part)
        try:
            merged.files |= self._files(where, found, part, merged, _store_console(where, console))
        except BadInput as error:
            raise BadInput(f"{found.path}: {error}") from None

    def _files(self, where: Path, found: Found, part: Part, merged: _Merged, has_output: bool) -> dict[str, Any]:
        """Those that the run has saved, and those that say what is in its log."""
        blobs = {name: self._blobs.copy(path) for name, path in self._saved(found, part)}
        if has_output and (part.producer or layout.CONSOLE not in blobs):
            blobs[layout.CONSOLE] = self._blobs.copy(where / _LINES)
        (where / _LINES).unlink(missing_ok=True)
        if part.about.environment:
            blobs["wandb-metadata.json"] = self._blobs.store(orjson.dumps(part.about.environment,
                                                                          option=orjson.OPT_INDENT_2))
        blobs["config.yaml"] = self._blobs.store(yaml.safe_dump(loads(dumps(merged.config)), indent=4).encode())
        if part.producer or part.summary:
            blobs["wandb-summary.json"] = self._blobs.store(dumps(part.summary).encode())
        heard = moment_text(part.heard)
        return {name: {"blob": md5, "created": heard, "updated": heard} for name, md5 in blobs.items()}

    def _saved(self, found: Found, part: Part) -> Iterator[tuple[str, Path]]:
        """Names and places of files. Releases before 0.18 send all that is in the folder."""
        root = found.folder / "files"
        names = [*part.files, *([] if part.producer else ["**"])]
        for name in dict.fromkeys(names):
            cleaned = clean(name)
            path = root / cleaned
            if path.is_file():
                yield cleaned, path
            elif _PATTERN.intersection(cleaned):
                yield from ((clean(str(one.relative_to(root))), one) for one in _matching(root, cleaned))
            else:
                self._say(f"file {cleaned} of run {part.run.get('run_id')} is left out: it is not in {root} any more")

    def finish(self) -> None:
        """The documents of everything that runs share are written."""
        self._artifacts.finish()
        for (entity, project), start in self._projects.items():
            write_document(self._folder.project_file(entity, project), {
                "projects": [{"entity": entity, "name": project, "created": moment_text(start)}]})

    def entities(self) -> set[str]:
        return {entity for entity, _ in self._projects}


def _matching(root: Path, pattern: str) -> list[Path]:
    wanted = f"{pattern}/*" if pattern == "**" else pattern
    return sorted(path for path in root.glob(wanted) if path.is_file())


def _go_on(where: Path, merged: _Merged, part: Part) -> None:
    """The part's rows take the place of those from its first step on, as they do where they are logged.

    See docs/protocol/behaviours.md#a-run-that-comes-in-parts.
    """
    whole, more = where / layout.HISTORY, where / _ROWS
    if not whole.exists() or (part.steps and merged.steps and part.steps[0] <= merged.steps[0]):
        more.replace(whole)
        merged.steps = part.steps
        return
    kept = where / f".{layout.HISTORY}"
    with kept.open("wb") as target:
        with whole.open("rb") as source:
            target.writelines(line for line in source if not part.steps or _step(line) < part.steps[0])
        with more.open("rb") as source:
            shutil.copyfileobj(source, target)
    kept.replace(whole)
    more.unlink()
    both = [*merged.steps, *part.steps]
    merged.steps = [min(both), max(both)] if both else []


def _step(line: bytes) -> float:
    step = loads(line.decode()).get("_step")
    return step if isinstance(step, int | float) else -1


def _store_console(where: Path, console: Console) -> bool:
    """The lines follow those that are there; their text alone is in a file too. False where there is none."""
    found = console.finish()
    first = next(found, None)
    if first is None:
        return False
    with (where / layout.CONSOLE).open("a", encoding="ascii") as stored, \
            (where / _LINES).open("w", encoding="utf-8", errors="replace", newline="") as texts:
        for line, text in chain([first], found):
            stored.write(f"{line}\n")
            texts.write(f"{text}\n")
    return True


def _document(where: Path, run_id: str, merged: _Merged) -> dict[str, Any]:
    run = merged.run
    about = merged.config["_wandb"]["value"]
    environment: dict[str, Any] = next(iter(about.get("e", {}).values()), {})
    branch = about.get("branch_point")
    heard = moment_text(merged.heard)
    streams = {name: {"lines": file} for name, file in (("history", layout.HISTORY), ("system", layout.SYSTEM),
                                                        ("console", layout.CONSOLE)) if _has_some(where / file)}
    return {"id": run_id, "state": merged.state, **described(
        name=run.get("name"), group=run.get("group"), job_type=run.get("job_type"), notes=run.get("notes"),
        tags=list(dict.fromkeys(run.get("tags", ()))), host=run.get("host"),
        program=environment.get("program"), repo=run.get("git", {}).get("remote"),
        commit=run.get("git", {}).get("commit"), config_json=dumps(merged.config),
        summary_json=dumps(merged.summary), system_metrics_json=dumps(merged.system), files=merged.files,
        fork={"run": branch["run_id"], "step": branch["step"]} if isinstance(branch, dict) else None,
        created=moment_text(merged.start), updated=heard, heartbeat=heard),
        "exitcode": merged.exitcode, **streams}


def _has_some(path: Path) -> bool:
    """Whether the file has lines; an empty one goes."""
    if path.exists() and not path.stat().st_size:
        path.unlink()
    return path.exists()
