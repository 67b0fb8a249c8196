"""Bytes of files on their way in: who needs to send what, and what has come."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, update
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server.artifacts import access, manifests, queries
from dumbbell_server.artifacts.tables import (
    DELETED,
    PENDING,
    ArtifactBlobRow,
    ArtifactRow,
    ManifestRow,
    PartRow,
    UploadRow,
)
from dumbbell_server.blobs.garbage import mark_orphaned
from dumbbell_server.clock import Clock
from dumbbell_server.database.statements import Statement
from dumbbell_server.errors import BadInput, NotFound
from dumbbell_server.identity import Actor
from dumbbell_server.json_text import storable

FOLDER = "artifacts"  # of the keys of files
_MOST_PARTS = 10_000


@dataclass(frozen=True)
class FileSpec:
    """A file that a client says it has."""

    artifact_id: str
    name: str
    md5: str  # base64
    parts: Sequence[int] = ()


@dataclass(frozen=True)
class Planned:
    """What is to be done about it: nothing where its bytes are there, under the version that brought them."""

    artifact_id: int
    birth_artifact_id: int
    name: str
    md5: str
    stored_size: int | None
    upload_id: str | None = None
    parts: Sequence[int] = field(default_factory=tuple)


def plan(session: Session, clock: Clock, actor: Actor, specs: Sequence[FileSpec]) -> list[Planned]:
    """One for each file, in their order. What is there already stays until the version is committed."""
    artifacts = {node: _open(session, actor, node) for node in dict.fromkeys(spec.artifact_id for spec in specs)}
    for spec in specs:
        _check(spec)
    held = {node: queries.blobs(session, artifact.project_id,
                                (spec.md5 for spec in specs if spec.artifact_id == node))
            for node, artifact in artifacts.items()}
    _mend_births(session, artifacts, held)
    kept = [row.id for rows in held.values() for row in rows.values()]
    for some in queries.pieces(kept):
        session.execute(update(ArtifactBlobRow).where(col(ArtifactBlobRow.id).in_(some)).values(
            touched_at=clock.text()))
    return [_planned(session, artifacts[spec.artifact_id], spec, held[spec.artifact_id].get(spec.md5))
            for spec in specs]


def _mend_births(session: Session, artifacts: dict[str, ArtifactRow], held: dict[str, dict[str, ArtifactBlobRow]],
                 ) -> None:
    """Bytes whose birth artifact is gone with its collection are from now on of the one that asks."""
    births = {row.birth_artifact_id for rows in held.values() for row in rows.values()}
    alive = queries.which_exist(session, births)
    for node, rows in held.items():
        for row in rows.values():
            if row.birth_artifact_id not in alive:
                row.birth_artifact_id = artifacts[node].id


def _planned(session: Session, artifact: ArtifactRow, spec: FileSpec, row: ArtifactBlobRow | None) -> Planned:
    number = artifact.id
    if row is not None:
        return Planned(number, row.birth_artifact_id, spec.name, spec.md5, row.size)
    if not spec.parts:
        return Planned(number, number, spec.name, spec.md5, None)
    upload = UploadRow(id=secrets.token_hex(16), artifact_id=number, digest=spec.md5)
    session.add(upload)
    return Planned(number, number, spec.name, spec.md5, None, upload.id, tuple(spec.parts))


def _open(session: Session, actor: Actor, node_id: str) -> ArtifactRow:
    artifact = access.for_writing(session, actor, node_id, "upload files")
    if artifact.state != PENDING:
        raise BadInput(f"artifact {node_id[:80]!r} is committed; its files can no longer change")
    return artifact


def _check(spec: FileSpec) -> None:
    if manifests.hex_of(spec.md5) is None:
        raise BadInput(f"file {spec.name[:140]!r}: md5 {spec.md5[:40]!r} is no base64 MD5")
    if len(spec.parts) > _MOST_PARTS or sorted(spec.parts) != list(range(1, len(spec.parts) + 1)):
        raise BadInput(f"file {spec.name[:140]!r}: parts are numbered from 1, without a gap, "
                       f"to at most {_MOST_PARTS}")


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


def received_manifest(session: Session, clock: Clock, manifest_id: int, size: int, md5: str, blob_key: str) -> None:
    """The manifest is these bytes. BadInput where others were announced, or the version is committed."""
    row = session.get(ManifestRow, manifest_id, with_for_update=True)
    artifact = session.get(ArtifactRow, row.artifact_id, with_for_update=True) if row else None
    if row is None or artifact is None or artifact.state == DELETED:
        raise NotFound("the artifact of this manifest does not exist; it may be deleted")
    if artifact.state != PENDING:
        raise BadInput("the artifact of this manifest is committed; it can no longer change")
    if manifests.hex_of(row.digest) is not None and row.digest != md5:
        raise BadInput(f"the manifest was announced with MD5 {row.digest!r}, the body has {md5!r}; send it again")
    if row.blob_key:
        mark_orphaned(session, [row.blob_key])
    row.blob_key, row.size = blob_key, size
    artifact.updated_at = clock.text()
    session.flush()


def received_part(session: Session, upload_id: str, number: int, size: int, md5: str, blob_key: str) -> None:
    """The part is these bytes, whatever it was before. NotFound where the upload is unknown or done."""
    if not storable(upload_id) or session.get(UploadRow, upload_id) is None:
        raise NotFound("this upload does not exist; it may be complete already")
    row = session.get(PartRow, (upload_id, number))
    if row is not None:
        mark_orphaned(session, [row.blob_key])
        session.delete(row)
        session.flush()
    session.add(PartRow(upload_id=upload_id, number=number, size=size, md5=md5, blob_key=blob_key))
    session.flush()


def parts_of(session: Session, actor: Actor, node_id: str, upload_id: str, wanted: dict[int, str],
             ) -> tuple[UploadRow, list[PartRow]] | None:
    """The upload with its parts in order; None where it is complete already.

    BadInput where a part is missing or has another MD5 than `wanted` says.
    """
    artifact = access.for_writing(session, actor, node_id, "upload files")
    upload = session.get(UploadRow, upload_id) if storable(upload_id) else None
    if upload is None or upload.artifact_id != artifact.id:
        return None
    parts = [session.get(PartRow, (upload_id, number)) for number in sorted(wanted)]
    for number, part in zip(sorted(wanted), parts, strict=True):
        if part is None:
            raise BadInput(f"part {number} of this upload did not come; send it again")
        if manifests.hex_of(part.md5) != wanted[number].strip('"'):
            raise BadInput(f"part {number} has MD5 {manifests.hex_of(part.md5)}, not {wanted[number][:40]!r}")
    return upload, [part for part in parts if part is not None]


def forget(session: Session, upload_ids: Sequence[str]) -> None:
    """These uploads and their parts are gone."""
    for upload_id in upload_ids:
        for part in session.query(PartRow).filter_by(upload_id=upload_id).all():
            mark_orphaned(session, [part.blob_key])
            session.delete(part)
        session.flush()
        upload = session.get(UploadRow, upload_id)
        if upload is not None:
            session.delete(upload)
    session.flush()
