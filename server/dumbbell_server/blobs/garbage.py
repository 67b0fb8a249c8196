"""Blobs that nothing names: those whose last row went, and what a crash left between the bytes and their row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

from sqlalchemy import Column, delete
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col, select

from dumbbell_server.blobs.store import BlobStore
from dumbbell_server.database.engine import Database, reading
from dumbbell_server.database.statements import MAX_PARAMETERS, Statement
from dumbbell_server.database.tables import OrphanRow
from dumbbell_server.database.units import Unit


@dataclass(frozen=True)
class BlobsOrphaned:
    """The unit has orphaned blobs. `app.py` has them deleted once it is on disk."""


def orphan(unit: Unit, keys: Iterable[str]) -> None:
    """In the unit that removes the last row which names them: the blobs go after it."""
    unit.session.add_all(OrphanRow(key=key) for key in keys)
    unit.emit(BlobsOrphaned())


def delete_orphaned_blobs(database: Database, blobs: BlobStore) -> int:
    """After units that orphan blobs, and at every start: remove them, then forget them. Returns how many."""
    removed = 0
    while True:
        with reading(database) as session:
            keys = session.execute(select(OrphanRow.key).limit(MAX_PARAMETERS)).scalars().all()
        if not keys:
            return removed
        for key in keys:
            blobs.delete(key)
        database.write(lambda session, gone=keys: session.execute(  # type: ignore[misc]
            delete(OrphanRow).where(col(OrphanRow.key).in_(gone))))
        removed += len(keys)


def columns() -> list[Column[str]]:
    """Every column that names a blob: in every domain it is called so."""
    return [column for table in SQLModel.metadata.sorted_tables for column in table.columns
            if column.name == "blob_key"]


def find_strays(database: Database, blobs: BlobStore, before: float) -> Iterator[str]:
    """Keys that no row names, of what came before a moment (seconds): the younger may be on its way to its row."""
    yield from (key for key, _ in _unnamed(database, ((key, "") for key in blobs.keys(before=before))))


def find_unfinished_uploads(database: Database, blobs: BlobStore, before: float) -> Iterator[tuple[str, str]]:
    """Keys and uploads in parts that were begun in a bucket and will never be ended: it keeps their parts for ever."""
    direct = blobs.direct
    return iter(()) if direct is None else _unnamed(database, direct.begun_parts(before=before))


def _unnamed(database: Database, found: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    while some := list(islice(found, MAX_PARAMETERS)):
        with reading(database) as session:
            named = _named(session, [key for key, _ in some])
        yield from ((key, upload) for key, upload in some if key not in named)


def named_keys(session: Session) -> set[str]:
    """All that rows name."""
    return {row.blob_key for row in _all_named()(session)}


@cache
def _all_named() -> Statement:
    return Statement(" UNION ALL ".join(
        f"SELECT blob_key FROM {column.table.name} WHERE blob_key IS NOT NULL" for column in columns()))  # noqa: S608


def _named(session: Session, keys: Sequence[str]) -> set[str]:
    return {key for column in columns() for key in session.execute(
        select(column).where(column.in_(keys))).scalars()}
