"""Removing what nothing needs: expired and abandoned versions, and bytes that nothing names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, exists, func
from sqlalchemy.orm import Session, aliased
from sqlmodel import col, select

from dumbbell_server.artifacts import removal
from dumbbell_server.artifacts.tables import COMMITTED, PENDING, ArtifactBlobRow, ArtifactRow, EntryRow
from dumbbell_server.backend import Backend
from dumbbell_server.blobs.garbage import delete_orphaned_blobs, find_strays, find_unfinished_uploads, mark_orphaned
from dumbbell_server.database.engine import reading
from dumbbell_server.database.statements import Statement

_AT_ONCE = 500
_EXPIRED = Statement("SELECT 1 FROM artifacts WHERE expires_at <= :now AND state = 'COMMITTED' LIMIT 1")
OnProgress = Callable[[int], object]  # how many more are gone


@dataclass
class GarbageReport:
    """What may go, or went."""

    versions: int = 0
    files: int = 0
    size: int = 0
    strays: int = 0


def survey(backend: Backend) -> GarbageReport:
    """What a pass would remove now. Bytes of the versions among it come with the next pass."""
    with reading(backend.database) as session:
        versions = session.execute(select(func.count()).select_from(ArtifactRow).where(_unwanted(backend))).scalar_one()
        files, size = session.execute(select(func.count(), func.coalesce(func.sum(ArtifactBlobRow.size), 0))
                                      .where(*_unneeded(backend))).one()
    database, blobs, before = backend.database, backend.blobs, _long_ago(backend)
    stray = sum(1 for _ in find_strays(database, blobs, before))
    stray += sum(1 for _ in find_unfinished_uploads(database, blobs, before))
    return GarbageReport(versions, files, int(size), stray)


def sweep(backend: Backend, on_progress: OnProgress = lambda _count: None) -> GarbageReport:
    """Remove it. Every unit is small: whoever writes meanwhile hardly waits."""
    done = GarbageReport()
    while count := backend.database.write(lambda session: _remove(session, _unwanted(backend))):
        done.versions += count
        on_progress(count)
    while found := backend.database.write(lambda session: _remove_files(session, backend)):
        done.files += len(found)
        done.size += sum(found)
        delete_orphaned_blobs(backend.database, backend.blobs)
        on_progress(len(found))
    for key in find_strays(backend.database, backend.blobs, _long_ago(backend)):
        backend.blobs.delete(key)
        done.strays += 1
        on_progress(1)
    for key, upload in find_unfinished_uploads(backend.database, backend.blobs, _long_ago(backend)):
        assert backend.blobs.direct is not None  # noqa: S101 - or nothing was found
        backend.blobs.direct.drop_parts(key, upload)
        done.strays += 1
        on_progress(1)
    delete_orphaned_blobs(backend.database, backend.blobs)
    return done


def _long_ago(backend: Backend) -> float:
    """Before this moment (seconds) a signed URL was handed out at the latest that could still bring bytes."""
    return backend.clock.seconds() - backend.settings.url_lifetime


def has_expired(session: Session, backend: Backend) -> bool:
    """Whether a version that readers still see is past its lifetime."""
    return _EXPIRED(session, now=backend.clock.text()).first() is not None


def remove_expired(session: Session, backend: Backend) -> None:
    _remove(session, _expired(backend))


def _expired(backend: Backend) -> ColumnElement[bool]:
    return (col(ArtifactRow.expires_at) <= backend.clock.text()) & (col(ArtifactRow.state) == COMMITTED)


def _unwanted(backend: Backend) -> ColumnElement[bool]:
    """Versions past their lifetime, and those that were begun long ago and never committed."""
    silent_since = backend.clock.text_ago(backend.settings.abandoned_after)
    return _expired(backend) | ((col(ArtifactRow.state) == PENDING) & (col(ArtifactRow.updated_at) < silent_since))


def _unneeded(backend: Backend) -> tuple[ColumnElement[bool], ...]:
    """Bytes that no version names, that no upload URL may bring again, and on which no open version counts.

    A client counts on bytes that it sent, or was told not to send, after it had opened its version.
    """
    waiting = aliased(ArtifactRow)
    return (
        col(ArtifactBlobRow.touched_at) < backend.clock.text_ago(backend.settings.url_lifetime),
        ~exists().where(col(EntryRow.blob_id) == col(ArtifactBlobRow.id)),
        ~exists().where(col(waiting.project_id) == col(ArtifactBlobRow.project_id), col(waiting.state) == PENDING,
                        col(waiting.created_at) <= col(ArtifactBlobRow.touched_at)),
    )


def _remove(session: Session, which: ColumnElement[bool]) -> int:
    rows = session.execute(select(ArtifactRow).where(which).limit(_AT_ONCE).with_for_update()).scalars().all()
    for artifact in rows:
        removal.remove(session, artifact)
    return len(rows)


def _remove_files(session: Session, backend: Backend) -> list[int]:
    """Sizes of what was removed."""
    rows = session.execute(select(ArtifactBlobRow).where(*_unneeded(backend)).limit(_AT_ONCE)
                           .with_for_update()).scalars().all()
    mark_orphaned(session, [row.blob_key for row in rows])
    session.execute(delete(ArtifactBlobRow).where(col(ArtifactBlobRow.id).in_([row.id for row in rows])))
    return [row.size for row in rows]
