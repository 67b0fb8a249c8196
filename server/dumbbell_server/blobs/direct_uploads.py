"""Blobs that clients send to a bucket themselves: a row is there from when the URL is handed out until they came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from sqlalchemy import delete
from sqlmodel import col

from dumbbell_server.blobs.garbage import orphan
from dumbbell_server.blobs.store import BlobStore, DirectStore, StagedBlob
from dumbbell_server.database.units import Unit

_AT_ONCE = 16  # questions to the bucket


class Expected(Protocol):
    """A row of a table of such blobs, whose key is the blob's."""

    blob_key: str


Row = TypeVar("Row", bound=Expected)


def register_direct_uploads(write: Callable[[Callable[[Unit], None]], None], blobs: BlobStore, rows: Sequence[Row],
                            take: Callable[[Unit, Row, StagedBlob], None],
                            given_up: Callable[[Row], bool] = lambda _: False) -> dict[str, StagedBlob]:
    """What came is taken, once, and expected no longer; nor is what was given up. Returns what came, by its key.

    `write` runs a unit of work.
    """
    direct = blobs.direct
    if direct is None or not rows:
        return {}
    came = _look(direct, [row.blob_key for row in rows])
    done = [row for row in rows if row.blob_key in came or given_up(row)]
    if done:
        write(lambda unit: _register(unit, done, came, take))
    return came


def _look(direct: DirectStore, keys: Iterable[str]) -> dict[str, StagedBlob]:
    with ThreadPoolExecutor(_AT_ONCE, "dumbbell-bucket") as pool:
        return {found.key: found for found in pool.map(direct.look, keys) if found is not None}


def _register(unit: Unit, rows: Sequence[Row], came: dict[str, StagedBlob],
              take: Callable[[Unit, Row, StagedBlob], None]) -> None:
    for row in rows:
        table = type(row)
        taken = unit.session.execute(delete(table).where(col(table.blob_key) == row.blob_key)
                                     .returning(col(table.blob_key))).first()
        if taken is None:
            continue  # another request was quicker
        if row.blob_key in came:
            take(unit, row, came[row.blob_key])
        else:
            orphan(unit, [row.blob_key])
