"""Collections: sequences, where versions are logged, and portfolios, where they are linked."""

from __future__ import annotations

from sqlmodel import col, select

from dumbbell_server.artifacts import access, queries, removal, types
from dumbbell_server.artifacts.names import checked_name, checked_text
from dumbbell_server.artifacts.tables import DELETED, PORTFOLIO, SEQUENCE, ArtifactRow, ArtifactTypeRow, CollectionRow
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import Conflict, NotFound
from dumbbell_server.identity import Role

_WHAT = {SEQUENCE: "artifact sequence", PORTFOLIO: "artifact portfolio"}


def for_writing(unit: Unit, node_id: str, kind: str, action: str) -> CollectionRow:
    """A collection of this kind that the actor may change. NotFound or Forbidden otherwise."""
    collection = access.collection_for_writing(unit.session, unit.actor, node_id, action)
    if collection.kind != kind:
        raise NotFound(f"no {_WHAT[kind]} has the id {node_id[:80]!r}")
    return collection


def create(unit: Unit, artifact_type: ArtifactTypeRow, kind: str, name: str) -> CollectionRow:
    """A new collection of this type, in the type's project."""
    now = unit.clock.text()
    collection = CollectionRow(project_id=artifact_type.project_id, type_id=artifact_type.id,
                               user_id=unit.actor.user_id, kind=kind,
                               name=checked_name(name, "artifact collection"), created_at=now, updated_at=now)
    unit.session.add(collection)
    unit.session.flush()
    types.count_collections(unit.session, collection.type_id, 1)
    return collection


def update(unit: Unit, node_id: str, kind: str, name: str | None, description: str | None) -> CollectionRow:
    """The collection with what was given. Conflict where the project has another of that name."""
    collection = for_writing(unit, node_id, kind, "edit artifact collections")
    if name is not None and name != collection.name:
        checked_name(name, "artifact collection")
        if queries.collection_by_name(unit.session, collection.project_id, name) is not None:
            raise Conflict(f"an artifact collection called {name!r} exists in this project; choose another name")
        collection.name = name
    if description is not None:
        collection.description = checked_text(description, "description")
    return touch(unit, collection)


def touch(unit: Unit, collection: CollectionRow) -> CollectionRow:
    """The collection was changed just now."""
    collection.updated_at = unit.clock.text()
    unit.session.add(collection)
    unit.session.flush()
    return collection


def move(unit: Unit, node_id: str, type_name: str) -> CollectionRow:
    """The sequence and all its versions are of this type, which is made where it is new."""
    collection = for_writing(unit, node_id, SEQUENCE, "move artifact collections")
    types.count_collections(unit.session, collection.type_id, -1)
    collection.type_id = types.find_or_create(unit, collection.project_id, type_name).id
    types.count_collections(unit.session, collection.type_id, 1)
    return touch(unit, collection)


def delete(unit: Unit, node_id: str, kind: str) -> CollectionRow:
    """Gone: a sequence with its versions and their links, a portfolio with its links alone.

    What is returned is what was there.
    """
    collection = for_writing(unit, node_id, kind, "delete artifact collections")
    session = unit.session
    if collection.user_id != unit.actor.user_id or _holds_versions_of_others(unit, collection):
        access.collection_for_writing(session, unit.actor, node_id, "delete the collections of others", Role.ADMIN)
    session.expunge(collection)
    removal.hide_collection(unit, collection.id)
    types.count_collections(session, collection.type_id, -1)
    collection.state = DELETED
    return collection


def _holds_versions_of_others(unit: Unit, collection: CollectionRow) -> bool:
    found = unit.session.execute(select(ArtifactRow.id).where(
        ArtifactRow.sequence_id == collection.id, ArtifactRow.user_id != unit.actor.user_id,
        col(ArtifactRow.state) != DELETED).limit(1)).first()
    return found is not None
