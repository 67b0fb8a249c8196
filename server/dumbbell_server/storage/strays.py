"""Blobs that no row names: what a crash left between the bytes and their row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from sqlalchemy import Column, select
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from dumbbell_server.storage.database import reading
from dumbbell_server.storage.dialect import MAX_PARAMETERS
from dumbbell_server.storage.house import House


def columns() -> list[Column[str]]:
    """Every column that names a blob: in every room it is called so."""
    return [column for table in SQLModel.metadata.sorted_tables for column in table.columns
            if column.name == "blob_key"]


def find(house: House) -> Iterator[str]:
    """Keys of strays. What is younger than a signed URL lives may still be on its way to its row."""
    yield from (key for key, _ in _unnamed(house, ((key, "") for key in house.blobs.keys(before=_long_ago(house)))))


def find_unfinished(house: House) -> Iterator[tuple[str, str]]:
    """Keys and uploads in parts that were begun in a bucket and will never be ended: it keeps their parts for ever."""
    direct = house.blobs.direct
    return iter(()) if direct is None else _unnamed(house, direct.begun_parts(before=_long_ago(house)))


def _long_ago(house: House) -> float:
    return house.clock.seconds() - house.settings.url_lifetime


def _unnamed(house: House, found: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    while some := list(islice(found, MAX_PARAMETERS)):
        with reading(house.database) as session:
            named = _named(session, [key for key, _ in some])
        yield from ((key, upload) for key, upload in some if key not in named)


def _named(session: Session, keys: Sequence[str]) -> set[str]:
    return {key for column in columns() for key in session.execute(
        select(column).where(column.in_(keys))).scalars()}
