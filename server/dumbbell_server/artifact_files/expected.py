"""Bytes of files that clients send to a bucket themselves: expected when the URLs are handed out, found at commit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server.artifact_files import uploads
from dumbbell_server.artifact_files.plan import Planned
from dumbbell_server.artifact_files.tables import ExpectedBlobRow
from dumbbell_server.artifacts import access
from dumbbell_server.backend import Backend
from dumbbell_server.blobs import direct_uploads
from dumbbell_server.blobs.garbage import orphan
from dumbbell_server.blobs.store import DirectStore, StagedBlob, new_key
from dumbbell_server.database.engine import reading
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput
from dumbbell_server.identity import Actor


def expect(backend: Backend, direct: DirectStore, actor: Actor, plans: Sequence[Planned]) -> dict[Planned, str]:
    """Where the bytes of those planned files that are missing go: a key each."""
    keys = {plan: new_key(uploads.FOLDER) for plan in plans if plan.stored_size is None}
    rows = [ExpectedBlobRow(blob_key=key, artifact_id=plan.artifact_id, digest=plan.md5, upload_id=plan.upload_id,
                            store_id=direct.begin_parts(key) if plan.upload_id else None)
            for plan, key in keys.items()]
    backend.write(actor, _insert, rows)
    return keys


def _insert(unit: Unit, rows: Sequence[ExpectedBlobRow]) -> None:
    unit.session.add_all(rows)


def part_urls(session: Session, direct: DirectStore, upload_id: str, parts: Sequence[int]) -> list[str]:
    row = _of_upload(session, upload_id)
    return [direct.part_url(row.blob_key, row.store_id or "", number) for number in parts] if row else []


def complete(backend: Backend, direct: DirectStore, actor: Actor, node_id: str, upload_id: str,
             parts: dict[int, str]) -> str | None:
    """The parts (their MD5s in hex) are one file; its digest, or None where they are that already."""
    with reading(backend.database) as session:
        artifact = access.for_writing(session, actor, node_id, "upload files")
        row = _of_upload(session, upload_id)
    if row is None or row.store_id is None or row.artifact_id != artifact.id:
        return None
    direct.join_parts(row.blob_key, row.store_id, parts)
    backend.write(actor, uploads.forget, upload_id)
    return row.digest


def register(backend: Backend, artifact_id: int) -> None:
    """What came for this version belongs to its project. BadInput, and nothing kept, where a digest is another."""
    if backend.blobs.direct is None:
        return
    with reading(backend.database) as session:
        rows = session.execute(select(ExpectedBlobRow).where(
            col(ExpectedBlobRow.artifact_id) == artifact_id)).scalars().all()
    came = direct_uploads.register_direct_uploads(partial(backend.write, None), backend.blobs, rows, _take)
    for row in rows:
        if row.blob_key in came and not _is_right(row, came[row.blob_key]):
            raise BadInput(f"the bytes announced with MD5 {row.digest!r} have another; send them again, then commit")


def _is_right(row: ExpectedBlobRow, came: StagedBlob) -> bool:
    """As far as the bucket knows: of what came in parts it knows no digest."""
    return not came.md5 or came.md5_base64 == row.digest


def _take(unit: Unit, row: ExpectedBlobRow, came: StagedBlob) -> None:
    if not _is_right(row, came) or not uploads.received(unit.connection, unit.clock, row.artifact_id, row.digest,
                                                        came.size, row.blob_key):
        orphan(unit, [row.blob_key])


def forget(unit: Unit, artifact_id: int) -> None:
    """Nothing more is expected for this version; what comes nevertheless goes."""
    orphan(unit, unit.session.execute(delete(ExpectedBlobRow).where(
        col(ExpectedBlobRow.artifact_id) == artifact_id).returning(col(ExpectedBlobRow.blob_key))).scalars().all())


def _of_upload(session: Session, upload_id: str) -> ExpectedBlobRow | None:
    return session.execute(select(ExpectedBlobRow).where(col(ExpectedBlobRow.upload_id) == upload_id)).scalar()
