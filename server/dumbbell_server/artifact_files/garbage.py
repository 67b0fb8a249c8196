"""Removing what nothing needs: expired and abandoned versions, and bytes that nothing names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, exists, func
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from dumbbell_server.artifact_files.tables import ArtifactBlobRow, EntryRow
from dumbbell_server.artifacts import removal
from dumbbell_server.artifacts.tables import PENDING, ArtifactRow
from dumbbell_server.backend import Backend
from dumbbell_server.blobs.garbage import delete_orphaned_blobs, find_strays, find_unfinished_uploads, orphan
from dumbbell_server.clock import Clock
from dumbbell_server.database.engine import reading
from dumbbell_server.database.units import Unit

_AT_ONCE = 500
OnProgress = Callable[[int], object]  # how many more are gone


@dataclass
class GarbageReport:
    """What may go, or went."""

    versions: int = 0
    files: int = 0
    size: int = 0
    strays: int = 0


def survey(backend: Backend) -> GarbageReport:
    """What `run` would remove now. Bytes of the versions among it go with the next run."""
    settings, clock = backend.settings, backend.clock
    with reading(backend.database) as session:
        versions = removal.count_unneeded(session, clock, settings.abandoned_after)
        files, size = session.execute(select(func.count(), func.coalesce(func.sum(ArtifactBlobRow.size), 0))
                                      .where(*_unneeded(clock, settings.url_lifetime))).one()
    database, blobs, before = backend.database, backend.blobs, _long_ago(backend)
    strays = sum(1 for _ in find_strays(database, blobs, before))
    strays += sum(1 for _ in find_unfinished_uploads(database, blobs, before))
    return GarbageReport(versions, files, int(size), strays)


def run(backend: Backend, on_progress: OnProgress = lambda _count: None) -> GarbageReport:
    """Remove it. Every unit is small: whoever writes meanwhile hardly waits."""
    report = GarbageReport()
    backend.remove()
    _remove_versions(backend, report, on_progress)
    _remove_files(backend, report, on_progress)
    _remove_strays(backend, report, on_progress)
    delete_orphaned_blobs(backend.database, backend.blobs)
    return report


def _remove_versions(backend: Backend, report: GarbageReport, on_progress: OnProgress) -> None:
    while count := backend.write(None, removal.remove_unneeded, backend.settings.abandoned_after):
        report.versions += count
        on_progress(count)


def _remove_files(backend: Backend, report: GarbageReport, on_progress: OnProgress) -> None:
    """They are looked for where nobody waits: among very many this takes long, also where there are none."""
    last = 0
    while True:
        with reading(backend.database) as session:
            numbers = session.execute(
                select(ArtifactBlobRow.id).where(*_unneeded(backend.clock, backend.settings.url_lifetime),
                                                 col(ArtifactBlobRow.id) > last)
                .order_by(col(ArtifactBlobRow.id)).limit(_AT_ONCE)).scalars().all()
        if not numbers:
            return
        last = numbers[-1]
        sizes = backend.write(None, _remove_some_files, numbers, backend.settings.url_lifetime)
        report.files += len(sizes)
        report.size += sum(sizes)
        on_progress(len(sizes))


def _remove_strays(backend: Backend, report: GarbageReport, on_progress: OnProgress) -> None:
    for key in find_strays(backend.database, backend.blobs, _long_ago(backend)):
        backend.blobs.delete(key)
        report.strays += 1
        on_progress(1)
    for key, upload in find_unfinished_uploads(backend.database, backend.blobs, _long_ago(backend)):
        assert backend.blobs.direct is not None  # noqa: S101 - or nothing was found
        backend.blobs.direct.drop_parts(key, upload)
        report.strays += 1
        on_progress(1)


def _long_ago(backend: Backend) -> float:
    """Before this moment (seconds) a signed URL was handed out at the latest that could still bring bytes.

    By the machine, as the times of files: what arrives while the clock is moved on is no older for that.
    """
    return backend.clock.machine_seconds() - backend.settings.url_lifetime


def _unneeded(clock: Clock, url_lifetime: float) -> tuple[ColumnElement[bool], ...]:
    """Bytes that no version names, that no upload URL may bring again, and on which no open version counts.

    A client counts on bytes that it sent, or heard that it need not send, after it had opened its version.
    """
    waiting = aliased(ArtifactRow)
    return (
        col(ArtifactBlobRow.touched_at) < clock.text_ago(url_lifetime),
        ~exists().where(col(EntryRow.blob_id) == col(ArtifactBlobRow.id)),
        ~exists().where(col(waiting.project_id) == col(ArtifactBlobRow.project_id), col(waiting.state) == PENDING,
                        col(waiting.created_at) <= col(ArtifactBlobRow.touched_at)),
    )


def _remove_some_files(unit: Unit, numbers: Sequence[int], url_lifetime: float) -> list[int]:
    """Sizes of those that were removed: of these, what is not needed still."""
    session = unit.session
    rows = session.execute(
        select(ArtifactBlobRow).where(col(ArtifactBlobRow.id).in_(numbers), *_unneeded(unit.clock, url_lifetime))
        .with_for_update()).scalars().all()
    orphan(unit, [row.blob_key for row in rows])
    session.execute(delete(ArtifactBlobRow).where(col(ArtifactBlobRow.id).in_([row.id for row in rows])))
    return [row.size for row in rows]
