"""Removing blobs that nothing names any more."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.storage.database import reading
from dumbbell_server.storage.dialect import MAX_PARAMETERS
from dumbbell_server.storage.house import House
from dumbbell_server.storage.tables import OrphanRow


def orphan(session: Session, keys: Iterable[str]) -> None:
    """In the unit that removes the last row which names them: the blobs are to go."""
    session.add_all(OrphanRow(key=key) for key in keys)


def collect(house: House) -> int:
    """After the unit, and at every start: remove the blobs, then forget them. Returns how many."""
    removed = 0
    while True:
        with reading(house.database) as session:
            keys = session.execute(select(OrphanRow.key).limit(MAX_PARAMETERS)).scalars().all()
        if not keys:
            return removed
        for key in keys:
            house.blobs.delete(key)
        house.database.write(lambda session, gone=keys: session.execute(  # type: ignore[misc]
            delete(OrphanRow).where(col(OrphanRow.key).in_(gone))))
        removed += len(keys)
