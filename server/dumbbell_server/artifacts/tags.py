"""Tags of versions and of collections."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server.artifacts import queries
from dumbbell_server.artifacts.aliases import touch_members
from dumbbell_server.artifacts.names import checked_tag
from dumbbell_server.artifacts.tables import ArtifactTagRow, CollectionRow, CollectionTagRow, MembershipRow
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import NotFound
from dumbbell_server.identity import Role
from dumbbell_server.projects import service as projects
from dumbbell_server.projects.access import require

CollectionPath = tuple[str, str, str]  # entity, project, name


def tag_version(session: Session, artifact_id: int, name: str) -> None:
    """The version has the tag, which it may have had before."""
    tags = {row.name for _, row in queries.tags_of_versions(session, [artifact_id])}
    if checked_tag(name) not in tags:
        session.add(ArtifactTagRow(artifact_id=artifact_id, name=name))
        session.flush()
        touch_members(session, col(MembershipRow.artifact_id) == artifact_id)


def untag_version(session: Session, artifact_id: int, name: str) -> None:
    """The version does not have the tag, which it may not have had before."""
    session.execute(delete(ArtifactTagRow).where(
        col(ArtifactTagRow.artifact_id) == artifact_id, col(ArtifactTagRow.name) == name))
    touch_members(session, col(MembershipRow.artifact_id) == artifact_id)


def tag_collection(unit: Unit, path: CollectionPath, tags: Sequence[str]) -> Sequence[CollectionTagRow]:
    """The collection has these tags too; all that it has then."""
    session, collection = unit.session, _collection(unit, path)
    present = {row.name for row in queries.tags_of_collection(session, collection.id)}
    for tag in dict.fromkeys(tags):
        if checked_tag(tag) not in present:
            session.add(CollectionTagRow(collection_id=collection.id, name=tag))
    collection.updated_at = unit.clock.text()
    session.flush()
    return queries.tags_of_collection(session, collection.id)


def untag_collection(unit: Unit, path: CollectionPath, tags: Sequence[str]) -> None:
    """The collection has none of these tags."""
    collection = _collection(unit, path)
    unit.session.execute(delete(CollectionTagRow).where(
        col(CollectionTagRow.collection_id) == collection.id, col(CollectionTagRow.name).in_(tags)))
    collection.updated_at = unit.clock.text()


def _collection(unit: Unit, path: CollectionPath) -> CollectionRow:
    entity, project_name, name = path
    project = projects.find_renamed(unit.session, unit.actor, entity, project_name)
    collection = queries.collection_by_name(unit.session, project.id, name) if project else None
    if project is None or collection is None:
        raise NotFound(f"artifact collection {entity}/{project_name}/{name} not found")
    require(unit.actor, project, Role.MEMBER, "edit artifact collections")
    return collection
