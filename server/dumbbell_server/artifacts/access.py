"""Who may see and change a version: by its project, and by the projects to which it is linked."""

from __future__ import annotations

from sqlalchemy.orm import Session

from dumbbell_server import ids
from dumbbell_server.artifacts import queries
from dumbbell_server.artifacts.tables import DELETED, ArtifactRow, CollectionRow
from dumbbell_server.errors import NotFound
from dumbbell_server.identity import Actor, Role
from dumbbell_server.projects.access import require, role_in
from dumbbell_server.projects.tables import ProjectRow

ARTIFACT = "Artifact"
COLLECTION = "ArtifactCollection"


def node_of(artifact_id: int) -> str:
    return ids.encode(ARTIFACT, artifact_id)


def sees_project(session: Session, actor: Actor | None, project_id: int) -> bool:
    project = session.get(ProjectRow, project_id)
    return project is not None and role_in(actor, project) > Role.NONE


def reads_project(session: Session, actor: Actor | None, project_id: int) -> bool:
    """Whether the actor may have its bytes, too: a restricted viewer of a registry may not."""
    project = session.get(ProjectRow, project_id)
    return project is not None and role_in(actor, project) >= Role.VIEWER


def sees(session: Session, actor: Actor | None, artifact: ArtifactRow) -> bool:
    """Whether the version's project, or one to which it is linked, is visible."""
    if sees_project(session, actor, artifact.project_id):
        return True
    return any(sees_collection(session, actor, member.collection_id)
               for member in queries.memberships_of(session, artifact.id))


def reads(session: Session, actor: Actor | None, artifact: ArtifactRow) -> bool:
    """Whether the actor may have the version's files, by its project or by one to which it is linked."""
    if reads_project(session, actor, artifact.project_id):
        return True
    collections = (session.get(CollectionRow, member.collection_id)
                   for member in queries.memberships_of(session, artifact.id))
    return any(found is not None and reads_project(session, actor, found.project_id) for found in collections)


def sees_collection(session: Session, actor: Actor | None, collection_id: int) -> bool:
    collection = session.get(CollectionRow, collection_id)
    return collection is not None and sees_project(session, actor, collection.project_id)


def find(session: Session, actor: Actor | None, node_id: str) -> ArtifactRow | None:
    """A version by its id, pending ones too; None where it does not exist for this actor."""
    number = ids.decode(ARTIFACT, node_id)
    artifact = session.get(ArtifactRow, number) if number else None
    if artifact is None or artifact.state == DELETED or not sees(session, actor, artifact):
        return None
    return artifact


def for_writing(session: Session, actor: Actor, node_id: str, action: str, role: Role = Role.MEMBER) -> ArtifactRow:
    """A version that this actor may change. NotFound or Forbidden otherwise."""
    artifact = find(session, actor, node_id)
    if artifact is None:
        raise NotFound(f"no artifact has the id {node_id[:80]!r}; it may be deleted already")
    project = session.get(ProjectRow, artifact.project_id)
    assert project is not None  # noqa: S101 - a foreign key
    require(actor, project, role, action)
    return artifact


def collection_node(collection: CollectionRow) -> str:
    return ids.encode(COLLECTION, collection.id)


def find_collection(session: Session, actor: Actor | None, node_id: str) -> CollectionRow | None:
    number = ids.decode(COLLECTION, node_id)
    collection = session.get(CollectionRow, number) if number else None
    visible = collection is not None and sees_project(session, actor, collection.project_id)
    return collection if visible else None


def collection_for_writing(session: Session, actor: Actor, node_id: str, action: str,
                           role: Role = Role.MEMBER) -> CollectionRow:
    """A collection that this actor may change. NotFound or Forbidden otherwise."""
    collection = find_collection(session, actor, node_id)
    if collection is None:
        raise NotFound(f"no artifact collection has the id {node_id[:80]!r}; it may be deleted already")
    project = session.get(ProjectRow, collection.project_id)
    assert project is not None  # noqa: S101 - a foreign key
    require(actor, project, role, action)
    return collection
