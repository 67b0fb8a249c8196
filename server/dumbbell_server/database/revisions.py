"""Revisions of changed rows, by which a cache of rows is brought up to date.

A table whose rows are cached has a column `revision`, set to `next_revision()` by every statement that writes a row.
Reading `watermark()` first, and then the rows with a revision above the watermark of the time before, shows every unit
that was committed by then. On SQLite revisions count up in the one writer, so they are committed in their order. On
Postgres they are transaction numbers, and the watermark is one less than the oldest that was still running, of any
database of the server: rows of recent transactions may be read twice, which does no harm, but none is missed. While one
runs long (an ANALYZE, a backup) the watermark stands still though others commit, so that it is the `snapshot()` that
says whether there can be anything new.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, inspect, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlmodel import SQLModel

POSTGRES_REVISION = "(pg_current_xact_id()::text::bigint)"
_POSTGRES_WATERMARK = "(SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1)"


class next_revision(GenericFunction[int]):  # noqa: N801 - a function in SQL
    type = BigInteger()
    inherit_cache = True


@compiles(next_revision, "postgresql")
def _on_postgres(_element: next_revision, _compiler: Any, **_: Any) -> str:
    return POSTGRES_REVISION


def watermark(table: str, scope: str, dialect: str) -> str:
    """SQL of the watermark of those rows of a table that meet a condition."""
    if dialect == "postgresql":
        return _POSTGRES_WATERMARK
    return f"(SELECT coalesce(max(revision), 0) FROM {table} WHERE {scope})"  # noqa: S608 - names of ours


def snapshot(dialect: str) -> str:
    """SQL of a text that is the same as long as no unit was committed; in one statement with the watermark.

    On SQLite the watermark says that already.
    """
    return "pg_current_snapshot()::text" if dialect == "postgresql" else "''"


def since_watermark(dialect: str) -> str:
    """SQL of whether a row was changed after `:watermark`.

    On Postgres rows that came from another database, by a dump, may bear revisions that are yet to come here: those
    were not written by anybody since.
    """
    if dialect == "postgresql":
        return "revision > :watermark AND revision < pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    return "revision > :watermark"


def revision_column() -> Column[int]:
    return Column(BigInteger, nullable=False, default=next_revision(), onupdate=next_revision(), server_default="0")


def counter(connection: Connection) -> Iterator[int]:
    """Revisions above all that are in use."""
    look = inspect(connection)
    highest = 0
    for table in SQLModel.metadata.sorted_tables:
        if "revision" in table.columns and look.has_table(table.name):
            found = connection.execute(text(f"SELECT max(revision) FROM {table.name}")).scalar()  # noqa: S608
            highest = max(highest, found or 0)
    return itertools.count(highest + 1)
