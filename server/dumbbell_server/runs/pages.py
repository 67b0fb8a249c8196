"""A page of runs as it is answered: the columns asked for, and nothing for each field of each run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

from dumbbell_server.accounts.tables import UserRow
from dumbbell_server.budget import PAGE, Budget
from dumbbell_server.graph.context import Context
from dumbbell_server.graph.planned import PlannedList, Selection
from dumbbell_server.listing import cursors
from dumbbell_server.listing.columns import Found
from dumbbell_server.listing.fields import Columns, FieldAnswer
from dumbbell_server.listing.orders import Position
from dumbbell_server.listing.pages import Edge, PageInfo
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs import queries
from dumbbell_server.runs.fields import HISTORY_KEYS, LONG, RUN_FIELDS, RunReading

_AT_ONCE = 1000  # rows

# Objects that many runs share: the column that tells which, and its row.
_SHARED: dict[str, tuple[str, type]] = {"user": ("user_id", UserRow), "project": ("project_id", ProjectRow)}


@dataclass
class RunPage:
    """A page in the shape of a connection."""

    edges: RunEdges
    page_info: PageInfo
    total_count: int

    @classmethod
    def of(cls, context: Context, project: ProjectRow, found: Found) -> RunPage:
        context.budget.execute(PAGE)
        edges = RunEdges(context, project, found.rows)
        info = PageInfo(has_next_page=found.more, end_cursor=edges.cursor_at(-1), start_cursor=edges.cursor_at(0))
        return cls(edges, info, found.count)


@dataclass
class RunEdges(PlannedList):
    """The edges of a page, by the numbers of its runs and their places in the order."""

    context: Context
    project: ProjectRow
    found: list[tuple[int, Position]]
    _answers: Mapping[str, FieldAnswer] = field(init=False)

    def __post_init__(self) -> None:
        keys = self.context.backend.provided(HISTORY_KEYS)
        self._answers = RUN_FIELDS.answers if keys is None else {**RUN_FIELDS.answers, "historyKeys": keys}

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
        selected = dict(selection)
        nodes = [name for name, what in selected.items() if what == "node"]
        below = {name: selection.below(name) for name in nodes}
        if not all(self._knows(inner) for inner in below.values()):
            return None
        budget = selection.budget
        budget.add_cells(len(self.found) * (len(selection) + sum(map(len, below.values()))))
        columns = self._columns({column for inner in below.values() for column in self._needed(inner)}, budget)
        there = dict.fromkeys(columns["id"])
        there_now = [pair for pair in self.found if pair[0] in there]
        parts: list[Sequence[Any]] = []
        for name, what in selected.items():
            if what == "node":
                parts.append(self._nodes(below[name], columns))
            elif what == "cursor":
                parts.append([cursors.write(position, number) for number, position in there_now])
            else:
                parts.append([selection.type_name] * len(there_now))
        return _objects(list(selected), parts, len(there_now))

    def _knows(self, selection: Selection) -> bool:
        return all(what in _SHARED or what == "__typename" or (what in self._answers and selection.plain(name))
                   for name, what in selection)

    def _needed(self, selection: Selection) -> Iterator[str]:
        for _, what in selection:
            if what in _SHARED:
                yield _SHARED[what][0]
            elif what in self._answers:
                yield from self._answers[what].columns

    def _columns(self, names: set[str], budget: Budget) -> dict[str, Sequence[Any]]:
        """The columns of the runs that are still there, in the order of the page."""
        wanted = ("id", *sorted(names - {"id"}))
        rows = self._rows(wanted, budget)
        ordered = [rows[number] for number, _ in self.found if number in rows]
        return dict(zip(wanted, zip(*ordered, strict=True) if ordered else repeat(()), strict=False))

    def _rows(self, columns: tuple[str, ...], budget: Budget) -> dict[int, Sequence[Any]]:
        """Rows by number. A very long page is read in parts: its documents may be more than an answer has."""
        numbers = [number for number, _ in self.found]
        if len(numbers) <= _AT_ONCE:
            return queries.columns_of(self.context.session, columns, numbers)
        long = [at for at, name in enumerate(columns) if name in LONG]
        found: dict[int, Sequence[Any]] = {}
        size = 0
        for at in range(0, len(numbers), _AT_ONCE):
            rows = queries.columns_of(self.context.session, columns, numbers[at:at + _AT_ONCE])
            size += sum(_length_of(row[place] for row in rows.values()) for place in long)
            budget.expect_text(size)
            found |= rows
        return found

    def _nodes(self, selection: Selection, columns: Columns) -> list[dict[str, Any]]:
        names: list[str] = []
        parts: list[Sequence[Any]] = []
        reading = RunReading(self.context.session, self.context.viewer, self.project)
        for name, what in selection:
            names.append(name)
            if what in _SHARED:
                parts.append(self._shared(selection, name, what, columns))
            elif what == "__typename":
                parts.append([selection.type_name] * len(columns["id"]))
            else:
                answer = self._answers[what]
                parts.append(answer.read(reading, columns))
                _pay(selection.budget, [columns[name] for name in answer.columns if name in LONG], parts[-1])
        return _objects(names, parts, len(columns["id"]))

    def _shared(self, selection: Selection, name: str, what: str, columns: Columns) -> list[Any]:
        column, row = _SHARED[what]
        values = {key: selection.complete(name, self.context.get(row, key), times)
                  for key, times in Counter(columns[column]).items()}
        return [values[key] for key in columns[column]]


def _pay(budget: Budget, documents: list[Sequence[Any]], values: Sequence[Any]) -> None:
    """For the texts of a field; documents are stored texts, whatever is made of them."""
    if documents:
        budget.add_text(sum(map(_length_of, documents)))
    else:
        budget.add_column(values)


def _length_of(texts: Iterable[str | None]) -> int:
    return sum(map(len, filter(None, texts)))


def _objects(names: list[str], parts: list[Sequence[Any]], count: int) -> list[dict[str, Any]]:
    if not names:
        return [{} for _ in range(count)]
    return [dict(zip(names, values, strict=True)) for values in zip(*parts, strict=True)]
