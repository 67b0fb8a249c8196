"""The rows of runs, as the column cache asks for them; a scope is a project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from dumbbell_server.backend import Backend
from dumbbell_server.budget import current
from dumbbell_server.database.revisions import since_watermark, snapshot, watermark
from dumbbell_server.database.statements import Statement, by_dialect, dialect_of
from dumbbell_server.identity import Actor
from dumbbell_server.listing.cache import Cells, Changes, State
from dumbbell_server.listing.tree import Field
from dumbbell_server.runs.cells import CellReader
from dumbbell_server.runs.fields import PASSING, PROVIDED, SHARED
from dumbbell_server.runs.queries import RENAMES

_BATCH = 2000  # rows read at once
_MOST_CHANGES = 5000  # rows changed since, from which on all are read again

_STATE = by_dialect(lambda dialect: (
    f"SELECT p.removal, {watermark('runs', 'project_id = p.id', dialect)} AS watermark,"  # noqa: S608 - names of ours
    f" {snapshot(dialect)} AS snapshot,"
    f" (SELECT value FROM server_state WHERE key = '{RENAMES}') AS renames FROM projects p WHERE p.id = :project"))
_IDS = Statement("SELECT id FROM runs WHERE project_id = :project ORDER BY id")


class RunSource:
    shared = SHARED
    passing = PASSING

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def state(self, session: Session, scope: int) -> State:
        found = _STATE(session, project=scope).first()
        return State(found.watermark, found.removal, found.renames or "", found.snapshot) if found else State(-1, -1)

    def lost(self, before: State, now: State, alive: int) -> bool:
        del alive
        return before.removals != now.removals

    def ids(self, session: Session, scope: int) -> list[int]:
        return [row.id for row in _IDS(session, project=scope)]

    def changes(self, session: Session, viewer: Actor | None, scope: int, fields: Iterable[Field],
                since: int) -> Changes | None:
        reader = CellReader(fields)
        rows = _rows(session, reader, since_watermark(dialect_of(session)), _MOST_CHANGES + 1, project=scope,
                     watermark=since)
        if len(rows) > _MOST_CHANGES:
            return None
        cells = self._cells(session, viewer, reader, rows)
        return Changes(reader.fields, [(row[0], found) for row, found in zip(rows, cells, strict=True)])

    def load(self, session: Session, viewer: Actor | None, scope: int, fields: set[Field]) -> Cells:
        reader = CellReader(fields)
        numbers: list[int] = []
        columns: list[list[Any]] = [[] for _ in reader.fields]
        last = 0
        while True:
            current().look()
            rows = _rows(session, reader, "r.id > :last ORDER BY r.id", _BATCH, project=scope, last=last)
            numbers += [row[0] for row in rows]
            found = self._cells(session, viewer, reader, rows)
            for column, cells in zip(columns, zip(*found, strict=True), strict=False):
                column.extend(cells)
            if len(rows) < _BATCH:
                break
            last = rows[-1][0]
        return {field: dict(zip(numbers, column, strict=True))
                for field, column in zip(reader.fields, columns, strict=True)}

    def _cells(self, session: Session, viewer: Actor | None, reader: CellReader,
               rows: Sequence[Any]) -> list[list[Any]]:
        """The cells of each row."""
        if not reader.provided:
            return [reader.cells(row[1:], {}) for row in rows]
        numbers = [row[0] for row in rows]
        known = {column: self._provided(session, viewer, column, numbers) for column in reader.provided}
        return [reader.cells(row[1:], {column: cells[row[0]] for column, cells in known.items() if row[0] in cells})
                for row in rows]

    def _provided(self, session: Session, viewer: Actor | None, column: str,
                  numbers: Sequence[int]) -> Mapping[int, Any]:
        provider = self._backend.provided(PROVIDED[column])
        return {} if provider is None else provider(session, viewer, numbers)


def _rows(session: Session, reader: CellReader, which: str, limit: int, **values: int) -> Sequence[Any]:
    columns = ", ".join(("r.id", *reader.sql))
    users = " LEFT JOIN users u ON u.id = r.user_id" if "u.username" in reader.sql else ""
    text = f"SELECT {columns} FROM runs r{users} WHERE r.project_id = :project AND {which} LIMIT :limit"  # noqa: S608
    return Statement(text)(session, limit=limit, **values).all()
