"""A page of runs as it is answered: the columns asked for, and nothing for each field of each run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import orjson

from dumbbell_server import ids
from dumbbell_server.accounts.tables import EntityRow, UserRow
from dumbbell_server.graph.connections import Edge
from dumbbell_server.graph.context import Context
from dumbbell_server.graph.planned import PlannedList, Selection
from dumbbell_server.listing import cursors
from dumbbell_server.listing.orders import Position
from dumbbell_server.projects.access import may_write
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs import queries
from dumbbell_server.runs.states import FAILED_STATES, LIVE_STATES
from dumbbell_server.settings import Settings

Columns = Mapping[str, Sequence[Any]]  # the values of all runs, by column; `id` is always there


@dataclass(frozen=True)
class Answer:
    """How a field is answered for many runs at once, from these columns."""

    columns: tuple[str, ...]
    read: Callable[[Context, ProjectRow, Columns], Sequence[Any]]


def _column(name: str) -> Answer:
    return Answer((name,), lambda _context, _project, columns: columns[name])


def _is_in(name: str, values: frozenset[str]) -> Answer:
    return Answer((name,), lambda _context, _project, columns: [value in values for value in columns[name]])


def _node_ids(context: Context, project: ProjectRow, columns: Columns) -> list[str]:
    entity = context.require(EntityRow, project.entity_id).name
    return [ids.encode_run(name, project.name, entity) for name in columns["name"]]


def _read_only(context: Context, project: ProjectRow, columns: Columns) -> list[bool]:
    return [not may_write(context.viewer, project)] * len(columns["id"])


class RunAnswers:
    """The fields of a run that are answered by the page; other domains add theirs."""

    def __init__(self, _settings: Settings) -> None:
        named = ("name", "display_name", "description", "notes", "state", "job_type", "host", "exitcode", "sweep_name",
                 "config", "summary_metrics", "system_metrics", "history_line_count", "events_line_count",
                 "log_line_count", "project_id", "created_at", "heartbeat_at", "updated_at")
        self.fields = {_camel(name): _column(name) for name in named} | {
            "group": _column("group_name"),
            "commit": _column("git_commit"),
            "id": Answer(("name",), _node_ids),
            "tags": Answer(("tags",), lambda _context, _project, columns: [*map(orjson.Fragment, columns["tags"])]),
            "readOnly": Answer((), _read_only),
            "stopped": Answer(("stop_requested",), _flags),
            "shouldStop": Answer(("stop_requested",), _flags),
            "running": _is_in("state", LIVE_STATES),
            "failed": _is_in("state", FAILED_STATES),
        }


def _flags(_context: Context, _project: ProjectRow, columns: Columns) -> list[bool]:
    return [bool(value) for value in columns["stop_requested"]]


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


# Objects that many runs share: the column that tells which, and its row.
_SHARED: dict[str, tuple[str, type]] = {"user": ("user_id", UserRow), "project": ("project_id", ProjectRow)}


@dataclass
class RunEdges(PlannedList):
    """The edges of a page, by the numbers of its runs and their places in the order."""

    context: Context
    project: ProjectRow
    found: list[tuple[int, Position]]
    _answers: Mapping[str, Answer] = field(init=False)

    def __post_init__(self) -> None:
        self._answers = self.context.backend.keeps(RunAnswers).fields

    def __iter__(self) -> Iterator[Edge[Any]]:
        rows = queries.by_numbers(self.context.session, [number for number, _ in self.found])
        return (Edge(rows[number], cursors.write(position, number)) for number, position in self.found
                if number in rows)

    def cursor_at(self, index: int) -> str | None:
        if not self.found:
            return None
        number, position = self.found[index]
        return cursors.write(position, number)

    def planned(self, selection: Selection) -> list[dict[str, Any]] | None:
        asked = dict(selection)
        nodes = [name for name, what in asked.items() if what == "node"]
        below = {name: selection.below(name) for name in nodes}
        if not all(self._knows(inner) for inner in below.values()):
            return None
        columns = self._columns({column for inner in below.values() for column in self._needed(inner)})
        there = dict.fromkeys(columns["id"])
        kept = [pair for pair in self.found if pair[0] in there]
        parts: list[Sequence[Any]] = []
        for name, what in asked.items():
            if what == "node":
                parts.append(self._nodes(below[name], columns))
            elif what == "cursor":
                parts.append([cursors.write(position, number) for number, position in kept])
            else:
                parts.append([selection.type_name] * len(kept))
        return _objects(list(asked), parts, len(kept))

    def _knows(self, selection: Selection) -> bool:
        return all(what in _SHARED or what == "__typename" or (what in self._answers and selection.plain(name))
                   for name, what in selection)

    def _needed(self, selection: Selection) -> Iterator[str]:
        for _, what in selection:
            if what in _SHARED:
                yield _SHARED[what][0]
            elif what in self._answers:
                yield from self._answers[what].columns

    def _columns(self, names: set[str]) -> dict[str, Sequence[Any]]:
        """The columns of the runs that are still there, in the order of the page."""
        wanted = ("id", *sorted(names - {"id"}))
        rows = queries.columns_of(self.context.session, wanted, [number for number, _ in self.found])
        ordered = [rows[number] for number, _ in self.found if number in rows]
        return dict(zip(wanted, zip(*ordered, strict=True) if ordered else repeat(()), strict=False))

    def _nodes(self, selection: Selection, columns: Columns) -> list[dict[str, Any]]:
        names: list[str] = []
        parts: list[Sequence[Any]] = []
        for name, what in selection:
            names.append(name)
            if what in _SHARED:
                parts.append(self._shared(selection, name, what, columns))
            elif what == "__typename":
                parts.append([selection.type_name] * len(columns["id"]))
            else:
                parts.append(self._answers[what].read(self.context, self.project, columns))
        return _objects(names, parts, len(columns["id"]))

    def _shared(self, selection: Selection, name: str, what: str, columns: Columns) -> list[Any]:
        column, row = _SHARED[what]
        values = {key: selection.complete(name, self.context.get(row, key)) for key in set(columns[column])}
        return [values[key] for key in columns[column]]


def _objects(names: list[str], parts: list[Sequence[Any]], count: int) -> list[dict[str, Any]]:
    if not names:
        return [{} for _ in range(count)]
    return [dict(zip(names, values, strict=True)) for values in zip(*parts, strict=True)]
