"""Stamps of changed rows, by which a memory of rows is brought up to date.

A table whose rows are remembered has a column `revision`, set to `stamp()` by every statement that writes a row. Who
reads `mark()` first, and then the rows stamped after the mark of the time before, has seen every unit that was
committed by then. On SQLite stamps count up in the one writer, so they are committed in their order. On Postgres they
are transaction numbers, and the mark is one less than the oldest that was still running: rows of recent transactions
may be read twice, which does no harm, but none is missed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, inspect, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlmodel import SQLModel

POSTGRES_STAMP = "(pg_current_xact_id()::text::bigint)"
_POSTGRES_MARK = "(SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1)"


class stamp(GenericFunction[int]):  # noqa: N801 - a function in SQL
    type = BigInteger()
    inherit_cache = True


@compiles(stamp, "postgresql")
def _on_postgres(_element: stamp, _compiler: Any, **_: Any) -> str:
    return POSTGRES_STAMP


def mark(table: str, scope: str, dialect: str) -> str:
    """SQL of the mark of those rows of a table that meet a condition."""
    if dialect == "postgresql":
        return _POSTGRES_MARK
    return f"(SELECT coalesce(max(revision), 0) FROM {table} WHERE {scope})"  # noqa: S608 - names of ours


def since_mark(dialect: str) -> str:
    """SQL of whether a row was stamped after `:mark`.

    On Postgres rows that came from another database, by a dump, may bear stamps that are yet to come here: those were
    not written by anybody since.
    """
    if dialect == "postgresql":
        return "revision > :mark AND revision < pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    return "revision > :mark"


def revision_column() -> Column[int]:
    return Column(BigInteger, nullable=False, default=stamp(), onupdate=stamp(), server_default="0")


def counter(connection: Connection) -> Iterator[int]:
    """Stamps above all that are in use."""
    look = inspect(connection)
    highest = 0
    for table in SQLModel.metadata.sorted_tables:
        if "revision" in table.columns and look.has_table(table.name):
            found = connection.execute(text(f"SELECT max(revision) FROM {table.name}")).scalar()  # noqa: S608
            highest = max(highest, found or 0)
    return itertools.count(highest + 1)
