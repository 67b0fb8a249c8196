"""What one log says: read record by record, rows and lines to the disk as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from dumbbell_server.clock import to_text
from dumbbell_server.errors import BadInput
from dumbbell_server.json_text import MOST_LEVELS, dumps, nested_too_deeply
from dumbbell_server.moving.offline import log
from dumbbell_server.moving.offline.about import About
from dumbbell_server.moving.offline.console import STDERR, Console
from dumbbell_server.moving.offline.messages import HEADER_OR_RUN, RECORD
from dumbbell_server.moving.offline.values import change, merge, moment, nanoseconds, put, value_of
from dumbbell_server.moving.offline.wire import Message, decode

_NANOS = 10**9
_STEP = "_step"

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """A log that begins with a run, and the folder that it lies in."""

    path: Path
    run: Fields

    @property
    def folder(self) -> Path:
        return self.path.parent

    @property
    def start(self) -> int:
        """Nanoseconds since 1970."""
        return nanoseconds(self.run.get("start_time", {}))


def look(path: Path) -> Found | None:
    """The log, or None where its process was killed before it wrote a run."""
    for found in _records(path, HEADER_OR_RUN):
        if "run" in found:
            return Found(path, found["run"])
    return None


def _records(path: Path, message: Message) -> Iterator[dict[str, Any]]:
    for entry in log.entries(path):
        try:
            yield decode(entry.data, message)
        except ValueError as error:
            raise log.wrong(path, entry.offset, error) from None


@dataclass
class Part:
    """A process of a run. What was written by one from before 0.18 has no `producer`, and other habits."""

    run: dict[str, Any] = field(default_factory=dict)
    producer: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    about: About = field(default_factory=About)
    summary: dict[str, Any] = field(default_factory=dict)
    system: dict[str, Any] = field(default_factory=dict)  # last values
    files: list[str] = field(default_factory=list)
    exitcode: int | None = None
    preempting: bool = False
    heard: int = 0  # nanoseconds since 1970
    steps: list[int] = field(default_factory=list)  # the lowest and the highest

    @property
    def start(self) -> int:
        return nanoseconds(self.run.get("start_time", {}))

    @property
    def resumes(self) -> bool:
        return bool(self.run.get("resume"))


class Reader:
    """Reads a log into a part; rows, system metrics and console go to files that are open.

    `after` is the last step of the processes before it: where this one resumes them, its rows follow.
    """

    def __init__(self, rows: TextIO, events: TextIO, console: Console, artifact: Callable[[Fields, Part], None],
                 after: int | None = None) -> None:
        self.part = Part()
        self._last_step = after
        self._rows = rows
        self._events = events
        self._console = console
        self._log_artifact = artifact
        self._runtime: int | None = None
        self._handlers: dict[str, Callable[[Any], None]] = {
            "header": self._header, "run": self._run, "config": self._config, "summary": self._summary,
            "history": self._history, "stats": self._stats, "output": self._output, "files": self._files,
            "artifact": self._artifact, "telemetry": self.part.about.add_telemetry,
            "metric": self.part.about.add_metric, "environment": self.part.about.add_environment,
            "preempting": self._preempting, "exit": self._exit}

    def read(self, path: Path, count: Callable[[int], object]) -> Part:
        """All of the log. `count` is told how far it has come, in bytes."""
        done = 0
        for entry in log.entries(path):
            try:
                for name, found in decode(entry.data, RECORD).items():
                    self._handlers[name](found)
            except RecursionError:
                raise log.wrong(path, entry.offset, "a value is nested too deeply") from None
            except (ValueError, BadInput) as error:
                raise log.wrong(path, entry.offset, error) from None
            count(entry.offset - done)
            done = entry.offset
        if self.part.resumes and self.part.steps and "_step" in self.part.summary:
            self.part.summary["_step"] = self.part.steps[1]
        if self._runtime is not None:
            merge(self.part.summary, {"_wandb": {"runtime": self._runtime}})
        return self.part

    def _header(self, found: Fields) -> None:
        self.part.producer = found.get("version_info", {}).get("producer", "")

    def _run(self, found: Fields) -> None:
        """The first has everything, later ones what changed."""
        self.part.run.update({name: value for name, value in found.items() if value not in ("", [])})
        change(self.part.config, found.get("config", {}))
        change(self.part.summary, found.get("summary", {}))
        self.part.about.add_telemetry(found.get("telemetry", b""))
        point = found.get("branch_point")
        if point is not None:
            self.part.about.branch = {"run_id": point.get("run", ""), "step": int(point.get("value", 0))}
        self._hear(self.part.start)

    def _config(self, found: Fields) -> None:
        change(self.part.config, found)

    def _summary(self, found: Fields) -> None:
        if not self.part.producer:
            self.part.summary = {}  # each record has the whole of it
        change(self.part.summary, found)

    def _history(self, found: Fields) -> None:
        row: dict[str, Any] = {}
        for item in found.get("item", ()):
            put(row, item)
        step, moment_of_row = row.setdefault(_STEP, found.get("step", {}).get("num", 0)), row.get("_timestamp")
        if isinstance(step, int):
            if self.part.resumes and self._last_step is not None:
                row[_STEP] = step = self._last_step = max(step, self._last_step + 1)
            self.part.steps = [min([step, *self.part.steps]), max([step, *self.part.steps])]
        if isinstance(moment_of_row, int | float) and abs(moment_of_row) < _NANOS * 100:
            self._hear(int(moment_of_row * _NANOS))
        _write(self._rows, row)

    def _stats(self, found: Fields) -> None:
        nanos = nanoseconds(found.get("timestamp", {}))
        runtime = nanos - self.part.start
        row = {f"system.{key}": value for item in found.get("item", ())
               for key, value in _flat(item.get("key", ""), value_of(item))}
        whole = not self.part.producer
        row |= {"_wandb": True, "_timestamp": nanos // _NANOS if whole else nanos / _NANOS,
                "_runtime": nanos // _NANOS - self.part.start // _NANOS if whole else runtime / _NANOS}
        self.part.system.update({key: value for key, value in row.items() if key != "_wandb"})
        self._hear(nanos)
        _write(self._events, row)

    def _output(self, found: Fields) -> None:
        nanos = nanoseconds(found.get("timestamp", {})) or self.part.heard
        shown = to_text(moment(nanos)).removesuffix("Z")
        self._console.write(found.get("line", ""), shown, stderr=found.get("output_type", STDERR) == STDERR)
        self._hear(nanos)

    def _files(self, found: Fields) -> None:
        self.part.files += [file.get("path", "") for file in found.get("files", ())]

    def _artifact(self, found: Fields) -> None:
        self._log_artifact(found, self.part)

    def _preempting(self, _: bytes) -> None:
        self.part.preempting = True

    def _exit(self, found: Fields) -> None:
        self.part.exitcode = found.get("exit_code", 0)
        self._runtime = found.get("runtime")  # which comes before the last summary

    def _hear(self, nanos: int) -> None:
        moment(nanos)
        self.part.heard = max(self.part.heard, nanos)


def _flat(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(f"{key}.{name}", inner)
    else:
        yield key, value


def _write(file: TextIO, row: Mapping[str, Any]) -> None:
    line = dumps(row)
    if nested_too_deeply(line):
        raise BadInput(f"a row is nested more than {MOST_LEVELS} levels deep")
    file.write(line)
    file.write("\n")
