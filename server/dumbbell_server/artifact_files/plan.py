"""Who needs to send what: a client names the files of a version, and hears which bytes are there already."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import update
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server.artifact_files import queries
from dumbbell_server.artifact_files.digests import hex_of
from dumbbell_server.artifact_files.tables import ArtifactBlobRow, UploadRow
from dumbbell_server.artifacts import access
from dumbbell_server.artifacts.queries import existing_ids
from dumbbell_server.artifacts.tables import PENDING, ArtifactRow
from dumbbell_server.database.statements import batches
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput

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


def plan_files(unit: Unit, specs: Sequence[FileSpec]) -> list[Planned]:
    """One for each file, in their order. What is there already stays until the version is committed."""
    session = unit.session
    artifacts = {node: _open(unit, node) for node in dict.fromkeys(spec.artifact_id for spec in specs)}
    for spec in specs:
        _check(spec)
    held = {node: queries.blobs(session, artifact.project_id,
                                (spec.md5 for spec in specs if spec.artifact_id == node))
            for node, artifact in artifacts.items()}
    _mend_births(session, artifacts, held)
    kept = [row.id for rows in held.values() for row in rows.values()]
    for some in batches(kept):
        session.execute(update(ArtifactBlobRow).where(col(ArtifactBlobRow.id).in_(some)).values(
            touched_at=unit.clock.text()))
    return [_planned(session, artifacts[spec.artifact_id], spec, held[spec.artifact_id].get(spec.md5))
            for spec in specs]


def _open(unit: Unit, node_id: str) -> ArtifactRow:
    artifact = access.for_writing(unit.session, unit.actor, node_id, "upload files")
    if artifact.state != PENDING:
        raise BadInput(f"artifact {node_id[:80]!r} is committed; its files can no longer change")
    return artifact


def _check(spec: FileSpec) -> None:
    if hex_of(spec.md5) is None:
        raise BadInput(f"file {spec.name[:140]!r}: md5 {spec.md5[:40]!r} is no base64 MD5")
    if len(spec.parts) > _MOST_PARTS or sorted(spec.parts) != list(range(1, len(spec.parts) + 1)):
        raise BadInput(f"file {spec.name[:140]!r}: parts are numbered from 1, without a gap, "
                       f"to at most {_MOST_PARTS}")


def _mend_births(session: Session, artifacts: dict[str, ArtifactRow], held: dict[str, dict[str, ArtifactBlobRow]],
                 ) -> None:
    """Bytes whose birth artifact is gone with its collection are from now on of the one that asks."""
    births = {row.birth_artifact_id for rows in held.values() for row in rows.values()}
    alive = existing_ids(session, births)
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
