"""What versions and projects hold goes with them: entries, manifests, uploads, and in the end the bytes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.artifact_files.tables import (
    ArtifactBlobRow,
    EntryRow,
    ExpectedBlobRow,
    ManifestRow,
    PartRow,
    UploadRow,
)
from dumbbell_server.artifacts.events import VersionsDeleting
from dumbbell_server.blobs.garbage import BlobsOrphaned
from dumbbell_server.database.tables import OrphanRow
from dumbbell_server.database.units import Unit
from dumbbell_server.projects.service import ProjectDeleting


def versions_deleting(unit: Unit, event: VersionsDeleting) -> None:
    """The versions have no files any more. Bytes of files stay with the project: other versions may have them."""
    session, versions = unit.session, event.ids
    _orphan_found(session, select(ManifestRow.blob_key).where(
        col(ManifestRow.artifact_id).in_(versions), col(ManifestRow.blob_key).is_not(None)))
    _orphan_found(session, select(PartRow.blob_key).join(UploadRow, col(UploadRow.id) == PartRow.upload_id).where(
        col(UploadRow.artifact_id).in_(versions)))
    _orphan_found(session, select(ExpectedBlobRow.blob_key).where(col(ExpectedBlobRow.artifact_id).in_(versions)))
    unit.emit(BlobsOrphaned())
    tables: tuple[Any, ...] = (EntryRow, ManifestRow, UploadRow, ExpectedBlobRow)  # parts go with their upload
    for table in tables:
        session.execute(delete(table).where(col(table.artifact_id).in_(versions)),
                        execution_options={"synchronize_session": False})


def project_deleting(unit: Unit, event: ProjectDeleting) -> None:
    """No version is left that names the project's bytes; their rows go with the project."""
    _orphan_found(unit.session, select(ArtifactBlobRow.blob_key).where(
        ArtifactBlobRow.project_id == event.project_id))
    unit.emit(BlobsOrphaned())


def _orphan_found(session: Session, keys: Any) -> None:
    session.execute(insert(OrphanRow).from_select(["key"], keys))
