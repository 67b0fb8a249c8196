"""The keys by which runs are filtered and ordered (semantics.md 10), and how a row tells their cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from dumbbell_server.filters.tree import Field
from dumbbell_server.filters.values import MISSING, lookup
from dumbbell_server.graph.context import Context
from dumbbell_server.graph.wandb_json import loads

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
# Columns that another room tells: facts(context, run ids) → cell of each run that has one.
Facts = Callable[[Context, Sequence[int]], Mapping[int, Any]]

_SQL = {"group": ("r.group_name",), "commit": ("r.git_commit",), "sweep": ("r.sweep_name",),
        "username": ("u.username",), "duration": ("r.created_at", "r.heartbeat_at")}
_JSON = frozenset({"config", "summary_metrics", "system_metrics", "tags"})
_TOLD = frozenset({"keys_info", "input_artifacts", "output_artifacts"})


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

    def __init__(self, fields: Iterable[Field]) -> None:
        self.fields = [found for found in fields if found.column not in SHARED]
        columns = {found.column for found in self.fields}
        self.told = sorted(columns & _TOLD)
        self._documents = sorted(columns & _JSON)
        self._plain = sorted(columns - _JSON - _TOLD)
        self.sql = [text for column in (*self._documents, *self._plain)
                    for text in _SQL.get(column, (f"r.{column}",))]
        self._texts: dict[str, str] = {}

    def cells(self, row: Sequence[Any], told: Mapping[str, Any]) -> dict[Field, Any]:
        """The cells of a row of `sql`, and of what other rooms tell of this run."""
        values = iter(row)
        found: dict[str, Any] = {column: _loaded(next(values)) for column in self._documents}
        for column in self._plain:
            found[column] = _duration(next(values), next(values)) if column == "duration" else next(values)
        found.update(told)
        return {asked: self._interned(_cell(asked, found.get(asked.column, MISSING))) for asked in self.fields}

    def _interned(self, cell: Any) -> Any:
        """One object for equal texts: many runs share a state or the name of a model."""
        return self._texts.setdefault(cell, cell) if type(cell) is str and len(cell) < 64 else cell  # noqa: PLR2004


def _cell(asked: Field, value: Any) -> Any:
    if asked.column == "config":
        return _of_config(value, asked.path)
    return lookup(value, asked.path)


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
