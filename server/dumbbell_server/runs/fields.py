"""The keys by which runs are filtered and ordered (semantics.md 10), and how a row tells their cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from dumbbell_server.graph.context import Context
from dumbbell_server.json_text import loads
from dumbbell_server.listing.tree import Field
from dumbbell_server.listing.values import MISSING, lookup

_NAMES = {
    "name": ("name",),
    "display_name": ("display_name", "displayName"),
    "state": ("state",),
    "created_at": ("created_at", "createdAt"),
    "heartbeat_at": ("heartbeat_at", "heartbeatAt"),
    "updated_at": ("updated_at", "updatedAt"),
    "duration": ("duration",),
    "group": ("group", "groupName", "group_name"),
    "job_type": ("job_type", "jobType"),
    "host": ("host",),
    "tags": ("tags",),
    "notes": ("notes",),
    "description": ("description",),
    "commit": ("commit",),
    "username": ("username", "user"),
    "sweep": ("sweep", "sweepName", "sweep_name"),
    "exitcode": ("exitcode",),
    "history_line_count": ("historyLineCount", "history_line_count"),
    "entity": ("entity", "entityName", "entity_name"),
    "project": ("project", "projectName", "project_name"),
    "input_artifacts": ("inputArtifacts", "input_artifacts"),
    "output_artifacts": ("outputArtifacts", "output_artifacts"),
}
_MOMENTS = {"created_at", "heartbeat_at", "updated_at"}
_COLUMNS = {name: Field(column, moment=column in _MOMENTS) for column, names in _NAMES.items() for name in names}
_DOCUMENTS = {"config": "config", "summary_metrics": "summary_metrics", "summaryMetrics": "summary_metrics",
              "summary": "summary_metrics", "system_metrics": "system_metrics", "systemMetrics": "system_metrics",
              "keys_info": "keys_info", "keysInfo": "keys_info", "tags": "tags", "input_artifacts": "input_artifacts",
              "inputArtifacts": "input_artifacts", "output_artifacts": "output_artifacts",
              "outputArtifacts": "output_artifacts"}
KNOWN = "created_at, heartbeat_at, name, display_name, state and other columns, config.KEY, summary_metrics.KEY"

SHARED = frozenset({"entity", "project", ""})  # columns whose cell is the same in all runs of a project
FLEETING = frozenset({"input_artifacts", "output_artifacts"})  # columns that change where the run's row does not
# Columns that another domain tells: facts(context, run ids) → cell of each run that has one.
Facts = Callable[[Context, Sequence[int]], Mapping[int, Any]]

_SQL = {"group": ("r.group_name",), "commit": ("r.git_commit",), "sweep": ("r.sweep_name",),
        "username": ("u.username",), "duration": ("r.created_at", "r.heartbeat_at")}
_JSON = frozenset({"config", "summary_metrics", "system_metrics", "tags"})
_SHORT = 64  # characters of a text that other runs may well have too
_TOLD = FLEETING | {"keys_info"}


def known_field(key: str) -> Field | None:
    """The field of a key that runs have."""
    if key in _COLUMNS:
        return _COLUMNS[key]
    head, _, rest = key.partition(".")
    if head not in _DOCUMENTS or not rest:
        return None
    return Field(_DOCUMENTS[head], tuple(rest.split(".")))


def field(key: str) -> Field:
    """The same for filters, where a key that runs do not have is a field that is missing in all of them."""
    return known_field(key) or Field("", tuple(key.split(".")))


class Reader:
    """Reads the cells of some fields from rows, each document parsed once a row."""

    def __init__(self, wanted: Iterable[Field]) -> None:
        asked = [found for found in wanted if found.column not in SHARED]
        documents = sorted({found.column for found in asked} & _JSON)
        plain = sorted({found.column for found in asked} - _JSON - _TOLD)
        self.told = sorted({found.column for found in asked} & _TOLD)
        self.sql = [text for column in (*documents, *plain) for text in _SQL.get(column, (f"r.{column}",))]
        inside = {column: [found for found in asked if found.column == column] for column in (*documents, *self.told)}
        self.fields = [*(found for column in documents for found in inside[column]), *map(_COLUMNS.__getitem__, plain),
                       *(found for column in self.told for found in inside[column])]
        self._documents = [[_getter(found) for found in inside[column]] for column in documents]
        self._told = [(column, [_getter(found) for found in inside[column]]) for column in self.told]
        self._duration = len(documents) + plain.index("duration") if "duration" in plain else None
        self._texts: dict[str, str] = {}

    def cells(self, row: Sequence[Any], told: Mapping[str, Any]) -> list[Any]:
        """The cells, in the order of `fields`, of a row of `sql` and of what other domains tell of this run."""
        found: list[Any] = []
        for text, getters in zip(row, self._documents, strict=False):
            document = _loaded(text)
            for get in getters:
                found.append(get(document))  # noqa: PERF401 - the quickest of the ways tried
        at = self._duration
        if at is None:
            found += row[len(self._documents):]
        else:
            found += (*row[len(self._documents):at], _duration(row[at], row[at + 1]), *row[at + 2:])
        for column, getters in self._told:
            document = told.get(column, MISSING)
            found += [get(document) for get in getters]
        # one object for equal texts: many runs share a state or the name of a model
        return [self._texts.setdefault(cell, cell) if type(cell) is str and len(cell) < _SHORT else cell
                for cell in found]


def _getter(asked: Field) -> Callable[[Any], Any]:
    """Reads a field's cell from the document of its column."""
    path = asked.path
    if asked.column == "config":
        return lambda config: _of_config(config, path)
    if len(path) == 1:
        key = path[0]
        return lambda document: document.get(key, MISSING) if type(document) is dict else lookup(document, path)
    return lambda document: lookup(document, path)


def _loaded(text: str) -> Any:
    try:
        return loads(text)
    except ValueError:
        return MISSING


def _duration(start: str, end: str) -> float:
    """Seconds from the start of a run to when it was last heard of."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def _of_config(config: Any, path: tuple[str, ...]) -> Any:
    """A config holds `{"lr": {"value": 0.1}}`; `lr`, `lr.value`, `a.b`, `a.value.b` and `a.b.value` all find theirs."""
    if not path or type(config) is not dict:
        return config
    if len(path) == 1:
        entry = config.get(path[0], MISSING)
        return entry["value"] if type(entry) is dict and "value" in entry else entry
    for length in range(len(path), 0, -1):
        entry = config.get(".".join(path[:length]), MISSING)
        if entry is not MISSING:
            inner = entry["value"] if type(entry) is dict and "value" in entry else entry
            found = _inside(inner, path[length:])
            if found is not MISSING:
                return found
    return MISSING


def _inside(value: Any, rest: tuple[str, ...]) -> Any:
    if not rest:
        return value
    if rest[0] == "value":
        found = lookup(value, rest[1:])
        if found is not MISSING:
            return found
    found = lookup(value, rest)
    return lookup(value, rest[:-1]) if found is MISSING and rest[-1] == "value" else found
