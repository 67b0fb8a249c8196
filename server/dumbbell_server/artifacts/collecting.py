"""Removing what nothing needs: expired and abandoned versions, and bytes that nothing names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, exists, func
from sqlalchemy.orm import Session, aliased
from sqlmodel import col, select

from dumbbell_server.artifacts import removal
from dumbbell_server.artifacts.tables import COMMITTED, PENDING, ArtifactBlobRow, ArtifactRow, EntryRow
from dumbbell_server.storage import strays
from dumbbell_server.storage.database import reading
from dumbbell_server.storage.dialect import Statement
from dumbbell_server.storage.house import House
from dumbbell_server.storage.orphans import collect, orphan

_AT_ONCE = 500
_EXPIRED = Statement("SELECT 1 FROM artifacts WHERE expires_at <= :now AND state = 'COMMITTED' LIMIT 1")
Tell = Callable[[int], object]  # how many more are gone


@dataclass
class Rubbish:
    """What may go, or went."""

    versions: int = 0
    files: int = 0
    size: int = 0
    strays: int = 0


def survey(house: House) -> Rubbish:
    """What a pass would remove now. Bytes of the versions among it come with the next pass."""
    with reading(house.database) as session:
        versions = session.execute(select(func.count()).select_from(ArtifactRow).where(_doomed(house))).scalar_one()
        files, size = session.execute(select(func.count(), func.coalesce(func.sum(ArtifactBlobRow.size), 0))
                                      .where(*_unneeded(house))).one()
    stray = sum(1 for _ in strays.find(house)) + sum(1 for _ in strays.find_unfinished(house))
    return Rubbish(versions, files, int(size), stray)


def sweep(house: House, tell: Tell = lambda _count: None) -> Rubbish:
    """Remove it. Every unit is small: whoever writes meanwhile hardly waits."""
    done = Rubbish()
    while count := house.database.write(lambda session: _remove(session, _doomed(house))):
        done.versions += count
        tell(count)
    while found := house.database.write(lambda session: _remove_files(session, house)):
        done.files += len(found)
        done.size += sum(found)
        collect(house)
        tell(len(found))
    for key in strays.find(house):
        house.blobs.delete(key)
        done.strays += 1
        tell(1)
    for key, upload in strays.find_unfinished(house):
        assert house.blobs.direct is not None  # noqa: S101 - or nothing was found
        house.blobs.direct.drop_parts(key, upload)
        done.strays += 1
        tell(1)
    collect(house)
    return done


def has_expired(session: Session, house: House) -> bool:
    """Whether a version that readers still see is past its lifetime."""
    return _EXPIRED(session, now=house.clock.text()).first() is not None


def remove_expired(session: Session, house: House) -> None:
    _remove(session, _expired(house))


def _expired(house: House) -> ColumnElement[bool]:
    return (col(ArtifactRow.expires_at) <= house.clock.text()) & (col(ArtifactRow.state) == COMMITTED)


def _doomed(house: House) -> ColumnElement[bool]:
    """Versions past their lifetime, and those that were begun long ago and never committed."""
    silent_since = house.clock.text_ago(house.settings.abandoned_after)
    return _expired(house) | ((col(ArtifactRow.state) == PENDING) & (col(ArtifactRow.updated_at) < silent_since))


def _unneeded(house: House) -> tuple[ColumnElement[bool], ...]:
    """Bytes that no version names, that no upload URL may bring again, and on which no open version counts.

    A client counts on bytes that it sent, or was told not to send, after it had opened its version.
    """
    waiting = aliased(ArtifactRow)
    return (
        col(ArtifactBlobRow.touched_at) < house.clock.text_ago(house.settings.url_lifetime),
        ~exists().where(col(EntryRow.blob_id) == col(ArtifactBlobRow.id)),
        ~exists().where(col(waiting.project_id) == col(ArtifactBlobRow.project_id), col(waiting.state) == PENDING,
                        col(waiting.created_at) <= col(ArtifactBlobRow.touched_at)),
    )


def _remove(session: Session, which: ColumnElement[bool]) -> int:
    rows = session.execute(select(ArtifactRow).where(which).limit(_AT_ONCE).with_for_update()).scalars().all()
    for artifact in rows:
        removal.remove(session, artifact)
    return len(rows)


def _remove_files(session: Session, house: House) -> list[int]:
    """Sizes of what was removed."""
    rows = session.execute(select(ArtifactBlobRow).where(*_unneeded(house)).limit(_AT_ONCE)
                           .with_for_update()).scalars().all()
    orphan(session, [row.blob_key for row in rows])
    session.execute(delete(ArtifactBlobRow).where(col(ArtifactBlobRow.id).in_([row.id for row in rows])))
    return [row.size for row in rows]
