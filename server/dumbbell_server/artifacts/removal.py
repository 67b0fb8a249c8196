"""Versions that go: one by one, with their collection, or with a run or project."""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, func, insert, update
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.artifacts import access, expected, queries, uploads
from dumbbell_server.artifacts.aliases import keep_latest, leave
from dumbbell_server.artifacts.service import count_collections
from dumbbell_server.artifacts.tables import (
    COMMITTED,
    DELETED,
    ArtifactBlobRow,
    ArtifactRow,
    CollectionRow,
    EntryRow,
    ExpectedBlobRow,
    ManifestRow,
    MembershipRow,
    PartRow,
    UploadRow,
)
from dumbbell_server.blobs.garbage import BlobsOrphaned, mark_orphaned
from dumbbell_server.database.tables import OrphanRow
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput
from dumbbell_server.identity import Actor, Role
from dumbbell_server.projects.service import ProjectDeleting
from dumbbell_server.runs.service import RunsDeleting


def delete_version(session: Session, actor: Actor, node_id: str, *, aliases: bool) -> ArtifactRow:
    """The version is gone, from its links as well; its number is not used again.

    Members delete what they logged, admins all. BadInput where it has aliases and nobody said that they may go.
    """
    artifact = access.for_writing(session, actor, node_id, "delete artifacts")
    if artifact.user_id != actor.user_id:
        access.for_writing(session, actor, node_id, "delete the artifacts of others", Role.ADMIN)
    held = [alias.name for _, alias in queries.aliases_of(session, [artifact.id])]
    if held and not aliases:
        raise BadInput(f"this version has aliases ({', '.join(held)[:200]}); "
                       "remove them first, or delete it with delete_aliases=True")
    remove(session, artifact)
    return artifact


def remove(session: Session, artifact: ArtifactRow) -> None:
    """Its row stays as a tombstone; all it held goes."""
    session.refresh(artifact, with_for_update=True)  # a commit may be placing its files
    number = artifact.id
    leave(session, queries.memberships_of(session, number))
    session.execute(delete(EntryRow).where(col(EntryRow.artifact_id) == number))
    for row in queries.manifests_of(session, number):
        mark_orphaned(session, [row.blob_key] if row.blob_key else [])
        session.delete(row)
    uploads.forget(session, list(session.execute(
        select(UploadRow.id).where(UploadRow.artifact_id == number)).scalars()))
    expected.forget(session, number)
    artifact.state = DELETED
    session.add(artifact)
    session.flush()


def purge(session: Session, which: ColumnElement[bool]) -> None:
    """Many versions are gone, rows and all."""
    leaving = select(ArtifactRow.id).where(which)
    elsewhere = session.execute(
        select(MembershipRow.collection_id).distinct()
        .join(ArtifactRow, col(ArtifactRow.id) == MembershipRow.artifact_id)
        .where(which, col(MembershipRow.collection_id) != ArtifactRow.sequence_id)).scalars().all()
    keys = select(ManifestRow.blob_key).where(
        col(ManifestRow.artifact_id).in_(leaving), col(ManifestRow.blob_key).is_not(None))
    parts = select(PartRow.blob_key).join(UploadRow, col(UploadRow.id) == PartRow.upload_id).where(
        col(UploadRow.artifact_id).in_(leaving))
    expected = select(ExpectedBlobRow.blob_key).where(col(ExpectedBlobRow.artifact_id).in_(leaving))
    for found in (keys, parts, expected):
        session.execute(insert(OrphanRow).from_select(["key"], found))
    session.execute(delete(ArtifactRow).where(which))
    for collection_id in elsewhere:
        left = select(func.count()).select_from(MembershipRow).where(MembershipRow.collection_id == collection_id)
        session.execute(update(CollectionRow).where(col(CollectionRow.id) == collection_id).values(
            version_count=left.scalar_subquery()))
        keep_latest(session, collection_id)


def delete_collection(session: Session, actor: Actor, collection: CollectionRow) -> None:
    """The collection is gone: a sequence with its versions and their links, a portfolio with its links alone."""
    others = session.execute(select(ArtifactRow.id).where(
        ArtifactRow.sequence_id == collection.id, ArtifactRow.user_id != actor.user_id,
        col(ArtifactRow.state) != DELETED).limit(1)).first()
    if others is not None or collection.user_id != actor.user_id:
        node = access.collection_node(collection)
        access.collection_for_writing(session, actor, node, "delete the collections of others", Role.ADMIN)
    purge(session, col(ArtifactRow.sequence_id) == collection.id)
    session.execute(delete(CollectionRow).where(col(CollectionRow.id) == collection.id))
    count_collections(session, collection.type_id, -1)


def runs_deleting(unit: Unit, event: RunsDeleting) -> None:
    """What these runs logged goes with them, if that was asked for."""
    if not event.artifacts:
        return
    session = unit.session
    unit.emit(BlobsOrphaned())
    for some in queries.pieces(event.run_ids):
        for artifact in session.execute(select(ArtifactRow).where(
                col(ArtifactRow.run_id).in_(some), col(ArtifactRow.state) == COMMITTED)).scalars().all():
            remove(session, artifact)


def project_deleting(unit: Unit, event: ProjectDeleting) -> None:
    """Everything of artifacts that the project holds; its rows of collections and types go with it."""
    session = unit.session
    unit.emit(BlobsOrphaned())
    purge(session, col(ArtifactRow.project_id) == event.project_id)
    session.execute(insert(OrphanRow).from_select(["key"], select(ArtifactBlobRow.blob_key).where(
        ArtifactBlobRow.project_id == event.project_id)))
