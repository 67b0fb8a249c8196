"""What filters and orders look at: the cells of a run's row, by field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from dumbbell_server.json_text import loads
from dumbbell_server.listing.paths import readings
from dumbbell_server.listing.tree import Field, Kind
from dumbbell_server.listing.values import MISSING, lookup
from dumbbell_server.runs.fields import PROVIDED, RUN_FIELDS, SHARED, SQL

_JSON = frozenset({"config", "summary_metrics", "system_metrics", "tags"})  # columns that hold JSON
_SHORT = 64  # characters of a text that other runs may well have too


class CellReader:
    """Reads the cells of some fields from rows, each document parsed once a row."""

    def __init__(self, wanted: Iterable[Field]) -> None:
        fields = [field for field in wanted if field.column not in SHARED]
        columns = {field.column for field in fields}
        documents = sorted(columns & _JSON)
        plain = sorted(columns - _JSON - PROVIDED.keys())
        self.provided = sorted(columns & PROVIDED.keys())
        self.sql = [text for column in (*documents, *plain) for text in SQL.get(column, (f"r.{column}",))]
        inside = {column: [field for field in fields if field.column == column]
                  for column in (*documents, *plain, *self.provided)}
        self.fields = [field for column in (*documents, *plain, *self.provided) for field in inside[column]]
        self._documents = [[_getter(field) for field in inside[column]] for column in documents]
        self._provided = [(column, [_getter(field) for field in inside[column]]) for column in self.provided]
        self._duration = len(documents) + plain.index("duration") if "duration" in plain else None
        self._flags = [len(self._documents) + at for at, column in enumerate(plain)
                       if RUN_FIELDS.kind_of(column) is Kind.FLAG]
        self._texts: dict[str, str] = {}

    def cells(self, row: Sequence[Any], provided: Mapping[str, Any]) -> list[Any]:
        """The cells, in the order of `fields`, of a row of `sql` and of what other domains know of this run."""
        found: list[Any] = []
        for text, getters in zip(row, self._documents, strict=False):
            document = _loaded(text)
            for get in getters:
                found.append(get(document))  # noqa: PERF401 - the quickest of the ways tried
        found += self._plain(row)
        for column, getters in self._provided:
            document = provided.get(column, MISSING)
            found += [get(document) for get in getters]
        # one object for equal texts: many runs share a state or the name of a model
        return [self._texts.setdefault(cell, cell) if type(cell) is str and len(cell) < _SHORT else cell
                for cell in found]

    def _plain(self, row: Sequence[Any]) -> Sequence[Any]:
        at = self._duration
        if at is None and not self._flags:
            return row[len(self._documents):]
        cells = list(row)
        for flag in self._flags:
            position = flag if at is None or flag < at else flag + 1  # a duration is read from two columns
            cells[position] = bool(cells[position])
        if at is not None:
            cells[at:at + 2] = [_duration(cells[at], cells[at + 1])]
        return cells[len(self._documents):]


def _getter(field: Field) -> Callable[[Any], Any]:
    """Reads a field's cell from the document of its column."""
    path = field.path
    if field.column == "config":
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
    for key, rest in readings(path):
        entry = config.get(key, MISSING)
        if entry is not MISSING:
            inner = entry["value"] if type(entry) is dict and "value" in entry else entry
            found = _inside(inner, rest)
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
