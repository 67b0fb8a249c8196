"""Types of artifacts: a project's kinds of collections."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server.artifacts import queries
from dumbbell_server.artifacts.names import checked_name, checked_text
from dumbbell_server.artifacts.tables import ArtifactTypeRow, CollectionRow
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import Conflict
from dumbbell_server.projects import service as projects


def create(unit: Unit, entity: str, project: str, name: str, description: str | None) -> ArtifactTypeRow:
    """The type, made where it is new, in a project that is made where it is new."""
    owner = projects.for_going_on(unit, entity, project)
    return find_or_create(unit, owner.id, name, description)


def find_or_create(unit: Unit, project_id: int, name: str, description: str | None = None) -> ArtifactTypeRow:
    """The type, made where it is new."""
    checked_name(name, "artifact type")
    row = queries.type_by_name(unit.session, project_id, name)
    if row is None:
        row = ArtifactTypeRow(project_id=project_id, name=name, created_at=unit.clock.text(),
                              description=checked_text(description, "description"))
        unit.session.add(row)
        unit.session.flush()
    return row


def check(session: Session, collection: CollectionRow, type_name: str) -> None:
    """Conflict where the collection is of another type."""
    kind = session.get(ArtifactTypeRow, collection.type_id)
    if kind is None or kind.name != type_name:
        raise Conflict(f"Artifact {collection.name!r} already exists with type {kind and kind.name!r}; "
                       f"cannot create another with type {type_name!r}")


def count_collections(session: Session, type_id: int, change: int) -> None:
    """The type has so many collections more."""
    session.execute(update(ArtifactTypeRow).where(col(ArtifactTypeRow.id) == type_id).values(
        collection_count=ArtifactTypeRow.collection_count + change))
