"""Removing what is large in pieces, between which others write.

The unit that deletes a run, a project, a collection or a version hides it: for everybody it is gone, whole. It also
writes it down (`remove_later`). Pieces follow, each a unit of a few hundredths of a second, until no row of it is left;
they begin once the first unit is on disk. What a crash left is gone on with at the next start, or by the next pass that
removes garbage. Rows that name a blob orphan it as they go.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from sqlalchemy import Column, Connection, LargeBinary, Table, delete
from sqlmodel import SQLModel, col, select

from dumbbell_server.blobs.garbage import orphan
from dumbbell_server.database.tables import RemovalRow
from dumbbell_server.database.units import Unit

_PIECE = 0.02  # seconds of work after which a piece ends
_MANY, _FEW = 500, 10  # rows that go at once, of tables without long bodies and with them
_PARENTS = 50  # rows that go once nothing is left below them


class Piece:
    """How much a unit may still do. Each does something, however slow the database is: else none would ever end."""

    def __init__(self) -> None:
        self._end = time.monotonic() + _PIECE
        self.has_removed = False

    @property
    def over(self) -> bool:
        return self.has_removed and time.monotonic() >= self._end


# removes rows of a target, by its number, until the piece is over: whether nothing of it is left
Remover = Callable[[Unit, int, Piece], bool]

# runs a unit of the server's own, by its function and arguments: `Backend.write` without a viewer
Writing = Callable[..., Any]


@dataclass(frozen=True)
class RemovalsBegun:
    """The unit has hidden what these removals name. `app.py` has them carried on once it is on disk."""

    removals: tuple[int, ...]


def remove_later(unit: Unit, kind: str, targets: Sequence[int]) -> None:
    """In the unit that hides them: pieces of their removal follow it."""
    if not targets:
        return
    rows = [RemovalRow(kind=kind, target=target) for target in targets]
    unit.session.add_all(rows)
    unit.session.flush()
    unit.emit(RemovalsBegun(tuple(row.id for row in rows)))


def carry_on(write: Writing, removers: Mapping[str, Remover], removals: Sequence[int],
             stopped: Callable[[], bool]) -> None:
    """All of these are done, or it was stopped in between."""
    left = removals
    while left and not stopped():
        left = write(_remove_some, removers, left)


def find_removals(unit: Unit) -> Sequence[int]:
    """Those that were begun and have not ended, the oldest first."""
    return unit.session.execute(select(RemovalRow.id).order_by(col(RemovalRow.id))).scalars().all()


def _remove_some(unit: Unit, removers: Mapping[str, Remover], removals: Sequence[int]) -> Sequence[int]:
    """A piece. Returns the removals that are left."""
    piece = Piece()
    for at, number in enumerate(removals):
        row = unit.session.get(RemovalRow, number, with_for_update=True)
        if row is None:  # another server has done it
            continue
        if not removers[row.kind](unit, row.target, piece):
            return removals[at:]
        unit.session.delete(row)
        unit.session.flush()
        piece.has_removed = True
        if piece.over:
            return removals[at + 1:]
    return ()


def remover_of(kind: type[SQLModel]) -> Remover:
    """For rows that are gone for everybody: each goes with all that goes with it by foreign keys."""
    return partial(remove_row, kind)


def remove_row(kind: type[SQLModel], unit: Unit, number: int, piece: Piece) -> bool:
    """The row of this number, as far as the piece goes. Whether nothing of it is left."""
    table = kind.metadata.tables[str(kind.__tablename__)]
    key = table.c.id
    if unit.session.execute(select(key).where(key == number).with_for_update()).first() is None:
        return True
    if not trim(unit, table, [number], piece):
        return False
    unit.session.execute(delete(table).where(key == number))
    return True


def trim(unit: Unit, table: Table, keys: Sequence[Any], piece: Piece) -> bool:
    """Remove what would go with these rows by foreign keys. Whether nothing of it is left."""
    return all(clear(unit, below, column, keys, piece) for below, column in _below(table))


def clear(unit: Unit, table: Table, column: Column[Any], keys: Sequence[Any], piece: Piece) -> bool:
    """Remove the rows that have one of these keys in a column, and what is below them. Whether none is left."""
    while not piece.over:
        rows = _some(unit, table, column, keys)
        if not rows:
            return True
        if _below(table) and not trim(unit, table, [row[0] for row in rows], piece):
            return False
        if "blob_key" in table.c:
            orphan(unit, [row[-1] for row in rows if row[-1] is not None])
        _delete(unit.connection, table, rows)
        piece.has_removed = True
    return False


def _some(unit: Unit, table: Table, column: Column[Any], keys: Sequence[Any]) -> Sequence[Any]:
    """Keys of rows that have one of these in a column, and last the blobs that they name."""
    names = [key.name for key in table.primary_key] + (["blob_key"] if "blob_key" in table.c else [])
    signs = ", ".join([_sign(unit.connection)] * len(keys))
    return unit.connection.exec_driver_sql(
        f"SELECT {', '.join(names)} FROM {table.name} WHERE {column.name} IN ({signs})"  # noqa: S608 - names of ours
        f" LIMIT {_at_once(table)}", tuple(keys)).fetchall()


def _delete(connection: Connection, table: Table, rows: Sequence[Any]) -> None:
    """By the driver, row by row.

    SQLAlchemy's own way costs ten times as much; and asked for rows of values, SQLite looks at all that have the first.
    """
    keys = [key.name for key in table.primary_key]
    where = " AND ".join(f"{key} = {_sign(connection)}" for key in keys)
    connection.exec_driver_sql(
        f"DELETE FROM {table.name} WHERE {where}", [tuple(row[:len(keys)]) for row in rows])  # noqa: S608


def _sign(connection: Connection) -> str:
    return "?" if connection.dialect.name == "sqlite" else "%s"


@cache
def _at_once(table: Table) -> int:
    if _below(table):
        return _PARENTS
    return _FEW if any(isinstance(column.type, LargeBinary) for column in table.columns) else _MANY


@cache
def _below(table: Table) -> list[tuple[Table, Column[Any]]]:
    """Tables whose rows go with a row of this one, and by which column; first those that others must outlive."""
    found = [(below, key.parent) for below in SQLModel.metadata.sorted_tables for key in below.foreign_keys
             if key.column.table is table and key.ondelete == "CASCADE"]
    return sorted(found, key=lambda each: -_deepest(each[0]))


@cache
def _deepest(table: Table) -> int:
    """Where the last of what goes with a table stands among all, in the order in which they need each other."""
    own = SQLModel.metadata.sorted_tables.index(table)
    return max([own, *(_deepest(below) for below, _ in _below(table))])
