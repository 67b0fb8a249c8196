"""The columns of projects' runs, in memory: loaded when first asked for, brought up to date before every answer.

Whoever asks sees every unit that was committed before, also by another process (see storage/stamps.py). Within its
bound the memory keeps what was asked for last.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.database.revisions import since_watermark, watermark
from dumbbell_server.database.statements import Statement
from dumbbell_server.graph.context import Context
from dumbbell_server.listing.columns import Found, Table
from dumbbell_server.listing.orders import Key, Position
from dumbbell_server.listing.tree import Field, Tree, fields_of
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.fields import FLEETING, SHARED, Facts, Reader
from dumbbell_server.settings import Settings

_CHUNK = 2000  # rows read at once
_CHANGED = 5000  # rows changed since, from which on all are read again

_STATES = {dialect: Statement(
    f"SELECT p.removal, {watermark('runs', 'project_id = p.id', dialect)} AS watermark FROM projects p"  # noqa: S608 - ours
    " WHERE p.id = :project") for dialect in ("sqlite", "postgresql")}
_IDS = Statement("SELECT id FROM runs WHERE project_id = :project ORDER BY id")


@dataclass(frozen=True)
class Question:
    """Which runs, in which order. Equal texts of filters are equal filters."""

    filters: str
    tree: Tree
    keys: tuple[Key, ...]


class _Memory:
    """What is remembered of one project."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.table = Table()
        self.removal: int | None = None
        self.watermark = -1
        self.size = 0


class RunColumnCache:
    def __init__(self, settings: Settings) -> None:
        self._bound = settings.column_cache
        self._projects: OrderedDict[int, _Memory] = OrderedDict()
        self._lock = threading.Lock()
        self.facts: dict[str, Facts] = {}  # columns that other domains tell

    def ask(self, context: Context, project: ProjectRow, asked: Question, after: tuple[Position, int] | None,
            size: int) -> Found:
        """Count the runs that a filter lets through, and find a page of them.

        Within a request, a page holds the runs that were counted with the same filter, whatever was written since.
        """
        memory = self._of(project.id)
        noted = (RunColumnCache, project.id, asked.filters)
        with memory.lock:
            table, passing = context.answers.get(noted, (None, 0))
            again = table is not None and table is memory.table
            if not again:
                self._bring_up(context, project.id, memory)
                self._load(context, project.id, memory.table, fields_of(asked.tree))
                entity = context.require(EntityRow, project.entity_id).name
                passing = memory.table.passing(asked.tree, {"entity": entity, "project": project.name})
                context.answers[noted] = memory.table, passing
            self._load(context, project.id, memory.table, {key.field for key in asked.keys})
            found = memory.table.page(passing, asked.keys, after, size)
            for fleeting in [field for field in memory.table.columns if field.column in FLEETING]:
                memory.table.forget(fleeting)
            memory.size = memory.table.size
            self._give_way(project.id, memory)
        return found

    @property
    def size(self) -> int:
        """About how many bytes are kept."""
        with self._lock:
            return sum(memory.size for memory in self._projects.values())

    def _of(self, project: int) -> _Memory:
        with self._lock:
            memory = self._projects.setdefault(project, _Memory())
            self._projects.move_to_end(project)
            return memory

    def _give_way(self, project: int, memory: _Memory) -> None:
        """Other projects go first, then the columns of this one that were not asked about for longest."""
        with self._lock:
            total = sum(kept.size for kept in self._projects.values())
            for other in [number for number in self._projects if number != project]:
                if total <= self._bound:
                    return
                total -= self._projects.pop(other).size
        while total > self._bound and memory.table.columns:
            before = memory.size
            memory.table.drop_column()
            memory.size = memory.table.size
            total -= before - memory.size

    def _bring_up(self, context: Context, project: int, memory: _Memory) -> None:
        """The table knows of everything that was committed before."""
        session = context.session
        state = _STATES[session.get_bind().dialect.name](session, project=project).first()
        removal, now = (state.removal, state.watermark) if state else (None, -1)
        if memory.removal is not None and removal != memory.removal:
            memory.table.keep_only(row.id for row in _IDS(session, project=project))
        if memory.watermark >= 0 and now != memory.watermark:
            self._follow(context, project, memory)
        if memory.watermark < 0 or memory.table.dead > len(memory.table.ids) // 4:
            memory.table = Table([row.id for row in _IDS(session, project=project)])
        memory.removal, memory.watermark = removal, now

    def _follow(self, context: Context, project: int, memory: _Memory) -> None:
        """Read the rows that changed since; where that is most of them, forget all."""
        reader = Reader(memory.table.columns)
        since = since_watermark(context.session.get_bind().dialect.name)
        rows = _rows(context.session, reader, since, _CHANGED + 1, project=project, watermark=memory.watermark)
        if len(rows) > _CHANGED:
            memory.watermark = -1
            return
        cells = self._read(context, reader, rows)
        memory.table.change(reader.fields, [(row[0], found) for row, found in zip(rows, cells, strict=True)])

    def _load(self, context: Context, project: int, table: Table, wanted: set[Field]) -> None:
        """The table has these columns."""
        fields = {found for found in wanted - table.columns.keys() if found.column not in SHARED}
        if not fields:
            return
        reader = Reader(fields)
        numbers: list[int] = []
        columns: list[list[Any]] = [[] for _ in reader.fields]
        last = 0
        while True:
            rows = _rows(context.session, reader, "r.id > :last ORDER BY r.id", _CHUNK, project=project, last=last)
            numbers += [row[0] for row in rows]
            for column, cells in zip(columns, zip(*self._read(context, reader, rows), strict=True), strict=False):
                column.extend(cells)
            if len(rows) < _CHUNK:
                break
            last = rows[-1][0]
        for field, column in zip(reader.fields, columns, strict=True):
            table.add_column(field, column if numbers == table.ids else dict(zip(numbers, column, strict=True)))

    def _read(self, context: Context, reader: Reader, rows: Sequence[Any]) -> list[list[Any]]:
        """The cells of each row."""
        if not reader.told:
            return [reader.cells(row[1:], {}) for row in rows]
        ids = [row[0] for row in rows]
        told = {column: self.facts[column](context, ids) for column in reader.told if column in self.facts}
        return [reader.cells(row[1:], {column: cells[row[0]] for column, cells in told.items() if row[0] in cells})
                for row in rows]


def _rows(session: Session, reader: Reader, which: str, limit: int, **values: int) -> Sequence[Any]:
    columns = ", ".join(("r.id", *reader.sql))
    users = " LEFT JOIN users u ON u.id = r.user_id" if "u.username" in reader.sql else ""
    text = f"SELECT {columns} FROM runs r{users} WHERE r.project_id = :project AND {which} LIMIT :limit"  # noqa: S608
    return Statement(text)(session, limit=limit, **values).all()
