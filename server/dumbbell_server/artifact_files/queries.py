"""SELECTs of the files of versions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.artifact_files.tables import ArtifactBlobRow, EntryRow, ManifestRow
from dumbbell_server.artifacts.tables import MembershipRow
from dumbbell_server.database.statements import batches
from dumbbell_server.projects.tables import ProjectRow


def manifests_of(session: Session, artifact_id: int) -> Sequence[ManifestRow]:
    return session.execute(select(ManifestRow).where(ManifestRow.artifact_id == artifact_id)
                           .order_by(col(ManifestRow.id))).scalars().all()


def current_manifest(session: Session, artifact_id: int) -> ManifestRow | None:
    return session.execute(select(ManifestRow).where(
        ManifestRow.artifact_id == artifact_id, col(ManifestRow.current))).scalar()


def blob(session: Session, project_id: int, digest: str) -> ArtifactBlobRow | None:
    return session.execute(select(ArtifactBlobRow).where(
        ArtifactBlobRow.project_id == project_id, ArtifactBlobRow.digest == digest)).scalar()


def blobs(session: Session, project_id: int, digests: Iterable[str]) -> dict[str, ArtifactBlobRow]:
    """Those of the digests whose bytes are there, and stay until this unit ends."""
    return {row.digest: row for some in batches(list(dict.fromkeys(digests))) for row in session.execute(
        select(ArtifactBlobRow).where(ArtifactBlobRow.project_id == project_id,
                                      col(ArtifactBlobRow.digest).in_(some)).with_for_update()).scalars()}


def stored_blobs(session: Session, project_id: int, digests: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Number and size in bytes by digest, of those whose bytes are there."""
    return {digest: (number, size) for some in batches(list(set(digests))) for digest, number, size in session.execute(
        select(ArtifactBlobRow.digest, ArtifactBlobRow.id, ArtifactBlobRow.size).where(
            ArtifactBlobRow.project_id == project_id, col(ArtifactBlobRow.digest).in_(some))).all()}


def size_of_entries(session: Session, artifact_id: int) -> int:
    return int(session.execute(select(func.coalesce(func.sum(EntryRow.size), 0)).where(
        EntryRow.artifact_id == artifact_id)).scalar_one())


def count_entries(session: Session, artifact_id: int) -> int:
    return int(session.execute(
        select(func.count()).select_from(EntryRow).where(EntryRow.artifact_id == artifact_id)).scalar_one())


def has_entries(session: Session, artifact_id: int, first: str, last: str) -> bool:
    """Whether a version holds a file between these paths."""
    return session.execute(select(EntryRow.artifact_id).where(
        EntryRow.artifact_id == artifact_id, col(EntryRow.path) >= first, col(EntryRow.path) <= last,
    ).limit(1)).first() is not None


FileOfVersion = tuple[EntryRow, ArtifactBlobRow | None]


def _files(artifact_id: int, names: Sequence[str] | None) -> Any:
    statement = (select(EntryRow, ArtifactBlobRow)
                 .join(ArtifactBlobRow, col(ArtifactBlobRow.id) == EntryRow.blob_id, isouter=True)
                 .where(EntryRow.artifact_id == artifact_id))
    return statement if names is None else statement.where(col(EntryRow.path).in_(names))


def files(session: Session, artifact_id: int, after: str | None, limit: int) -> list[FileOfVersion]:
    """Files of a version by name."""
    statement = _files(artifact_id, None)
    if after is not None:
        statement = statement.where(col(EntryRow.path) > after)
    return [(row[0], row[1]) for row in session.execute(statement.order_by(col(EntryRow.path)).limit(limit)).all()]


def files_named(session: Session, artifact_id: int, names: Sequence[str]) -> list[FileOfVersion]:
    found = [(row[0], row[1]) for some in batches(list(dict.fromkeys(names)))
             for row in session.execute(_files(artifact_id, some)).all()]
    return sorted(found, key=lambda file: file[0].path)


def holds(session: Session, collection_id: int, blob_id: int) -> bool:
    """Whether some version of a collection has this file."""
    return session.execute(
        select(EntryRow.artifact_id)
        .join(MembershipRow, col(MembershipRow.artifact_id) == EntryRow.artifact_id)
        .where(EntryRow.blob_id == blob_id, MembershipRow.collection_id == collection_id).limit(1)).first() is not None


def blob_in_entity(session: Session, entity_id: int, digest: str) -> list[tuple[ArtifactBlobRow, ProjectRow]]:
    return [(row[0], row[1]) for row in session.execute(
        select(ArtifactBlobRow, ProjectRow).join(ProjectRow, col(ProjectRow.id) == ArtifactBlobRow.project_id)
        .where(ProjectRow.entity_id == entity_id, ArtifactBlobRow.digest == digest)).all()]
