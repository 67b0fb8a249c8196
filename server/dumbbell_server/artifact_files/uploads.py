"""Bytes of files that come through this server, whole or in parts."""

from __future__ import annotations

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from dumbbell_server.artifact_files.digests import hex_of
from dumbbell_server.artifact_files.tables import PartRow, UploadRow
from dumbbell_server.artifacts import access
from dumbbell_server.blobs.garbage import orphan
from dumbbell_server.clock import Clock
from dumbbell_server.database.statements import Statement
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, NotFound
from dumbbell_server.identity import Actor

FOLDER = "artifacts"  # of the keys of files
PARTS = "parts"  # and of parts

_RECEIVED = Statement("""
    INSERT INTO artifact_blobs (project_id, birth_artifact_id, digest, size, blob_key, touched_at)
    SELECT project_id, id, :digest, :size, :key, :now FROM artifacts WHERE id = :artifact AND state <> 'DELETED'
    ON CONFLICT (project_id, digest) DO UPDATE SET touched_at = excluded.touched_at RETURNING blob_key""")


def received(connection: Connection, clock: Clock, artifact_id: int, digest: str, size: int, blob_key: str) -> bool:
    """The bytes belong to the project; False where it has them already, so that these are nobody's.

    NotFound where the version is gone.
    """
    kept = _RECEIVED.on(connection, digest=digest, size=size, key=blob_key, now=clock.text(),
                        artifact=artifact_id).scalar()
    if kept is None:
        raise NotFound("the artifact of this file does not exist; it may be deleted")
    return bool(kept == blob_key)


def received_part(unit: Unit, upload_id: str, number: int, size: int, md5: str, blob_key: str) -> None:
    """The part is these bytes, whatever it was before. NotFound where the upload is unknown or done."""
    session = unit.session
    if session.get(UploadRow, upload_id) is None:
        raise NotFound("this upload does not exist; it may be complete already")
    row = session.get(PartRow, (upload_id, number))
    if row is not None:
        orphan(unit, [row.blob_key])
        session.delete(row)
        session.flush()
    session.add(PartRow(upload_id=upload_id, number=number, size=size, md5=md5, blob_key=blob_key))
    session.flush()


def parts_of(session: Session, actor: Actor, node_id: str, upload_id: str, md5s: dict[int, str],
             ) -> tuple[UploadRow, list[PartRow]] | None:
    """The upload with its parts in order; None where it is complete already.

    BadInput where a part is missing or has another MD5.
    """
    artifact = access.for_writing(session, actor, node_id, "upload files")
    upload = session.get(UploadRow, upload_id)
    if upload is None or upload.artifact_id != artifact.id:
        return None
    parts = [session.get(PartRow, (upload_id, number)) for number in sorted(md5s)]
    for number, part in zip(sorted(md5s), parts, strict=True):
        if part is None:
            raise BadInput(f"part {number} of this upload did not come; send it again")
        if hex_of(part.md5) != md5s[number].strip('"'):
            raise BadInput(f"part {number} has MD5 {hex_of(part.md5)}, not {md5s[number][:40]!r}")
    return upload, [part for part in parts if part is not None]


def forget(unit: Unit, upload_id: str) -> None:
    """The upload and its parts are gone, which they may have been before."""
    session = unit.session
    for part in session.query(PartRow).filter_by(upload_id=upload_id).all():
        orphan(unit, [part.blob_key])
        session.delete(part)
    session.flush()
    upload = session.get(UploadRow, upload_id)
    if upload is not None:
        session.delete(upload)
    session.flush()
