"""A run of a server as a folder of a fixture."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from dumbbell.errors import DigestError, PermissionDeniedError
from dumbbell_server.json_text import loads
from dumbbell_server.moving import documents as ask
from dumbbell_server.moving import marks
from dumbbell_server.moving.blobs import Blobs
from dumbbell_server.moving.checked import Notes, checked, username
from dumbbell_server.moving.options import Options
from dumbbell_server.moving.wire import Wire, at, run_of
from dumbbell_server.runs.states import ENDED_STATES, STATES
from dumbbell_server.seeding.form import documents as form
from dumbbell_server.seeding.form.folder import CONSOLE, HISTORY, SYSTEM, Folder, described, write_document

_STEPS = 1000  # a page of history, at first
_MOST_STEPS = 16_000
_LIGHT_PAGE = 1 << 20  # characters; below that a page may be longer
_LONGEST_GAP = 1 << 20  # steps a page, where there are no rows
_LINES = 10_000  # a page of console
_FILES = 500
_MOST_EVENTS = 100_000
_END = 2**62
_ALL = 2**31 - 1  # samples of which none is left out
_CONSOLE_FILE = "output.log"


@dataclass
class Known:
    """What a pull has found so far: runs by their names, and versions with the run that logged each."""

    runs: dict[str, str] = field(default_factory=dict)  # digest of what the server tells
    versions: dict[str, str | None] = field(default_factory=dict)
    sweeps: set[str] = field(default_factory=set)
    agents: dict[str, str] = field(default_factory=dict)  # by the runs that they did


class RunPull:
    """Fetches runs. Threads may share one."""

    def __init__(self, wire: Wire, folder: Folder, blobs: Blobs, options: Options, known: Known) -> None:
        self._wire = wire
        self._folder = folder
        self._blobs = blobs
        self._options = options
        self._known = known

    def place(self, name: str) -> Path:
        return self._folder.run(self._wire.entity, self._wire.project, name)

    def pull(self, name: str, notes: Notes) -> None:
        """The run's folder is whole, unless the form refuses the run."""
        document = self._folder.run_file(self._wire.entity, self._wire.project, name)
        seen = self._known.runs[name]
        lines = marks.left_out(self.place(name), seen, document)
        if lines is None or not self._is_complete(document):
            own = Notes()
            fields = self._fetched(name, own)
            lines = own.lines()
            if fields is not None:
                write_document(document, {"projects": [{
                    "entity": self._wire.entity, "name": self._wire.project, "runs": [fields]}]})
                marks.write(self.place(name), seen, lines)
        for line in lines:
            notes.add(line)

    def _is_complete(self, document: Path) -> bool:
        """Whether all that the run names is in the folder."""
        run = orjson.loads(document.read_bytes())["projects"][0]["runs"][0]
        return (all(use["artifact"] in self._known.versions for use in run.get("uses", ()))
                and sweep_of(run) in {None, *self._known.sweeps}
                and at(run, "fork", "run") in {None, *self._known.runs})

    def _fetched(self, name: str, notes: Notes) -> dict[str, Any] | None:
        what = f"run {name}"
        run = run_of(self._wire.ask(ask.RUN, name=name), name)
        if checked(form.Run, {"id": run.get("name")}, what, notes) is None:
            return None
        if run["name"] != name:
            notes.add(f"{what} is left out: the server answers with {run['name'][:140]!r}")
            return None
        self.place(name).mkdir(parents=True, exist_ok=True)
        fields = self._facts(run) | self._fork(run)
        if self._options.history:
            fields |= self._histories(run, fields.get("fork"))
        listed = list(self._listed(name))
        if self._options.console:
            fields["console"] = self._console(name, listed, notes)
        if self._options.files:
            fields["files"] = dict(self._files(listed, what, notes))
        if self._options.artifacts:
            fields["uses"] = list(self._uses(name, notes))
        return checked(form.Run, fields, what, notes)

    def _facts(self, run: Mapping[str, Any]) -> dict[str, Any]:
        state = str(run.get("state") or "").lower()
        return {
            "id": run["name"], "name": run.get("displayName"), "user": username(run.get("user")),
            "state": state if state in STATES else "finished", "exitcode": run.get("exitcode"),
            "group": run.get("group"), "job_type": run.get("jobType"), "notes": run.get("notes"),
            "description": run.get("description"), "tags": run.get("tags"), "config_json": run.get("config"),
            "summary_json": run.get("summaryMetrics"), "system_metrics_json": run.get("systemMetrics"),
            "sweep": self._sweep(run), "host": run.get("host"),
            "program": at(run, "runInfo", "program"), "repo": at(run, "runInfo", "git", "remote"),
            "commit": run.get("commit") or at(run, "runInfo", "git", "commit"), "stop_requested": run.get("stopped"),
            "created": run.get("createdAt"), "updated": run.get("updatedAt"), "heartbeat": run.get("heartbeatAt")}

    def _sweep(self, run: Mapping[str, Any]) -> str | dict[str, Any] | None:
        """The sweep of a run; with the agent that did it, which was told to by the sweep."""
        sweep, agent = run.get("sweepName"), self._known.agents.get(run["name"])
        if sweep not in self._known.sweeps:
            return None
        ended = str(run.get("state")).lower() in ENDED_STATES
        return sweep if agent is None else {"sweep": sweep, "agent": agent, "made": True, "ended": ended}

    def _fork(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """A fork of a run that is here too; any other has all of its rows."""
        with contextlib.suppress(ValueError, TypeError):
            branch = at(loads(run.get("config") or "{}"), "_wandb", "value", "branch_point")
            step = at(branch, "step")
            if at(branch, "run_id") in self._known.runs and isinstance(step, int | float):
                return {"fork": {"run": branch["run_id"], "step": int(step)}}
        return {}

    def _histories(self, run: Mapping[str, Any], fork: Mapping[str, Any] | None) -> dict[str, Any]:
        name = run["name"]
        start = 0 if fork is None else fork["step"] + 1
        rows = self._samples(name, start, self._options.samples) if self._options.samples else self._rows(run, start)
        events = self._wire.maybe(ask.EVENTS, run=name, samples=_events(run))
        found: dict[str, Any] = {}
        for key, file, lines in (("history", HISTORY, rows),
                                 ("system", SYSTEM, at(events, "project", "run", "events") or ())):
            if _write_lines(self.place(name) / file, lines):
                found[key] = {"lines": file}
        return found

    def _samples(self, name: str, start: int, samples: int) -> Iterator[str]:
        data = self._wire.ask(ask.SAMPLED, run=name, samples=samples)
        return (line for line in run_of(data, name)["history"] or () if not start or _step(line) >= start)

    def _rows(self, run: Mapping[str, Any], start: int) -> Iterator[str]:
        """The very lines of a history, in the order of their steps."""
        name, width = run["name"], _STEPS
        last = at(run, "historyKeys", "lastStep")
        end = last + 1 if isinstance(last, int) else _END
        left = run.get("historyLineCount")
        if left is None and end == _END:  # the server tells neither how many there are nor how far they go
            yield from self._samples(name, start, _ALL)
            return
        left = left or 0
        while start < end and (left > 0 or end != _END):
            stop = min(start + width, end)
            data = self._wire.ask(ask.HISTORY_PAGE, run=name, minStep=start, maxStep=stop, pageSize=stop - start)
            lines = run_of(data, name)["history"] or []
            yield from lines
            left -= len(lines)
            start = stop
            if not lines:
                width = min(width * 2, _LONGEST_GAP)
            elif sum(map(len, lines)) < _LIGHT_PAGE:
                width = min(width * 2, _MOST_STEPS)
            else:
                width = _STEPS

    def _console(self, name: str, listed: list[dict[str, Any]], notes: Notes) -> dict[str, Any] | None:
        """Lines that the server tells one by one; without them those of the file that a run saves at its end."""
        target = self.place(name) / CONSOLE
        edges = self._wire.nodes(ask.CONSOLE, "project", "run", "logLines", run=name, perPage=_LINES)
        if _write_lines(target, _console_lines(edges)):
            return {"lines": CONSOLE}
        file = next((each for each in listed if each.get("name") == _CONSOLE_FILE), None)
        found = dict(self._files([file], f"run {name}", notes)) if file is not None else {}
        if found:
            with self._folder.blob(found[_CONSOLE_FILE]["blob"]).open(encoding="utf-8", errors="replace") as text:
                if _write_lines(target, (line.rstrip("\n") for line in text)):
                    return {"lines": CONSOLE}
        return None

    def _listed(self, name: str) -> Iterator[dict[str, Any]]:
        if self._options.files or self._options.console:
            yield from self._wire.nodes(ask.FILES, "project", "run", "files", run=name, perPage=_FILES)

    def _files(self, listed: Iterable[dict[str, Any]], what: str, notes: Notes) -> Iterator[tuple[str, dict[str, Any]]]:
        for file in listed:
            name = str(file.get("name"))
            shown = f"{what}: file {name[:140]!r}"
            content = described(blob="0" * 32, mimetype=file.get("mimetype"), updated=file.get("updatedAt"))
            fields = checked(form.Run, {"id": "0", "files": {name: content}}, shown, notes)
            if fields is None or name not in fields.get("files", {}) or file.get("md5") == "0":  # 0: nobody uploaded it
                continue
            url = file.get("directUrl") or file.get("url")
            try:
                blob = self._blobs.fetch(str(url), file.get("md5"), _number(file.get("sizeBytes")), shown)
            except (DigestError, PermissionDeniedError) as error:
                notes.add(f"{shown} is left out: {str(error).removeprefix(f'{shown}: ')}")
                continue
            yield name, fields["files"][name] | {"blob": blob}

    def _uses(self, name: str, notes: Notes) -> Iterator[dict[str, Any]]:
        for kind, document, path in (("input", ask.INPUTS, "inputArtifacts"), ("output", ask.OUTPUTS,
                                                                               "outputArtifacts")):
            for node in self._wire.nodes(document, "project", "run", path, run=name):
                version = version_of(node)
                if version is None or (kind == "output" and self._known.versions.get(version, "") in {name, ""}):
                    continue
                if version not in self._known.versions:
                    notes.add(f"run {name}: that it used {version} is left out, since that is not in the folder")
                    continue
                yield {"artifact": version} | ({"kind": kind} if kind == "output" else {})


def sweep_of(run: Mapping[str, Any]) -> Any:
    """The name of the sweep of a run, in a document."""
    place = run.get("sweep")
    return place["sweep"] if isinstance(place, dict) else place


def version_of(node: Mapping[str, Any]) -> str | None:
    """ENTITY/PROJECT/NAME:vN of a version, where it was logged."""
    project = at(node, "artifactSequence", "project")
    if project is None or not isinstance(node.get("versionIndex"), int):
        return None
    return f"{project['entityName']}/{project['name']}/{at(node, 'artifactSequence', 'name')}:v{node['versionIndex']}"


def _events(run: Mapping[str, Any]) -> int:
    count = run.get("eventsLineCount")
    return min(count + 1, _MOST_EVENTS) if isinstance(count, int) else _MOST_EVENTS


def _step(line: str) -> float:
    try:
        step = at(loads(line), "_step")
    except ValueError:
        return 0
    return step if isinstance(step, int | float) else 0


def _number(value: Any) -> int | None:
    with contextlib.suppress(TypeError, ValueError):
        return int(value)
    return None


def _console_lines(nodes: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Lines as a client sends them (docs/protocol/http.md#console-lines), each at its number."""
    expected = 0
    for node in nodes:
        number = _number(node.get("number"))
        if number is not None and expected <= number < expected + _LONGEST_GAP:
            yield from [""] * (number - expected)
            expected = number
        expected += 1
        yield _console_line(node)


def _console_line(node: Mapping[str, Any]) -> str:
    time, label, text = node.get("timestamp"), node.get("label"), str(node.get("line") or "")
    if not time and not label and not node.get("level") and text and not text.startswith("{"):
        return text
    fields = {"content": text, "ts": time, "level": node.get("level"), "label": label}
    return orjson.dumps({key: value for key, value in fields.items() if value is not None}).decode()


def _write_lines(target: Path, lines: Iterable[str]) -> int:
    """The file has these lines, and is not there where there are none; how many they are."""
    part = target.with_name(f".{target.name}.part")
    count = 0
    with part.open("w", encoding="utf-8", errors="surrogatepass", newline="\n") as file:
        for line in lines:
            file.write(line.replace("\n", " ") + "\n")
            count += 1
    if count:
        part.replace(target)
    else:
        part.unlink()
        target.unlink(missing_ok=True)
    return count
