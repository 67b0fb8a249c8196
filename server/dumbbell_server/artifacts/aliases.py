"""Aliases: names for one version of a collection, which move from version to version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, update
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server.artifacts import access, queries
from dumbbell_server.artifacts.names import LATEST, checked_alias, version_number
from dumbbell_server.artifacts.tables import COMMITTED, AliasRow, ArtifactRow, CollectionRow, MembershipRow
from dumbbell_server.database.revisions import next_revision
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import NotFound
from dumbbell_server.identity import Role
from dumbbell_server.projects import service as projects
from dumbbell_server.projects.access import require


@dataclass(frozen=True)
class CollectionAlias:
    """An alias and the collection in which it is meant."""

    entity: str
    project: str
    collection: str
    alias: str


def add_aliases(unit: Unit, node_id: str, aliases: Sequence[CollectionAlias]) -> None:
    """Each alias names this version in its collection, whichever it named before."""
    for alias, member in _members(unit, node_id, aliases):
        set_alias(unit.session, member, alias.alias)


def delete_aliases(unit: Unit, node_id: str, aliases: Sequence[CollectionAlias]) -> None:
    """None of the aliases names this version."""
    for alias, member in _members(unit, node_id, aliases):
        _delete_alias(unit.session, member, alias.alias)


def _members(unit: Unit, node_id: str, aliases: Sequence[CollectionAlias],
             ) -> list[tuple[CollectionAlias, MembershipRow]]:
    """Where each alias is meant. The collection's project decides who may: a link may be edited without its source."""
    artifact = access.find(unit.session, unit.actor, node_id)
    if artifact is None or artifact.state != COMMITTED:
        raise NotFound(f"no committed artifact has the id {node_id[:80]!r}")
    return [(alias, _member(unit, artifact, alias)) for alias in aliases]


def _member(unit: Unit, artifact: ArtifactRow, alias: CollectionAlias) -> MembershipRow:
    session = unit.session
    project = projects.find_renamed(session, unit.actor, alias.entity, alias.project)
    collection = queries.collection_by_name(session, project.id, alias.collection) if project else None
    member = queries.membership(session, collection.id, artifact.id) if collection else None
    if project is None or member is None:
        raise NotFound(f"this version is not in {alias.entity}/{alias.project}/{alias.collection}")
    require(unit.actor, project, Role.MEMBER, "edit aliases")
    return member


def replace_aliases(session: Session, artifact: ArtifactRow, aliases: Sequence[tuple[str, str]]) -> None:
    """In the version's own sequence it has these and no others (clients up to 0.15 name all that they want)."""
    member = queries.membership(session, artifact.sequence_id, artifact.id)
    sequence = session.get_one(CollectionRow, artifact.sequence_id)
    if member is None:
        return
    session.execute(delete(AliasRow).where(col(AliasRow.membership_id) == member.id))
    for collection, alias in aliases:
        if collection == sequence.name:
            set_alias(session, member, alias)


def set_alias(session: Session, member: MembershipRow, name: str) -> None:
    """The alias names this version of the collection, whichever it named before."""
    if version_number(name) is not None:
        return  # follows from the number
    row = queries.alias(session, member.collection_id, checked_alias(name))
    if row is None:
        row = AliasRow(collection_id=member.collection_id, membership_id=member.id, name=name)
    touch_members(session, col(MembershipRow.id).in_({row.membership_id, member.id}))
    row.membership_id = member.id
    session.add(row)
    session.flush()


def _delete_alias(session: Session, member: MembershipRow, name: str) -> None:
    """The alias does not name this version, which it may not have done before."""
    session.execute(delete(AliasRow).where(
        col(AliasRow.membership_id) == member.id, col(AliasRow.name) == name))
    touch_members(session, col(MembershipRow.id) == member.id)


def restore_latest(session: Session, collection_id: int) -> None:
    """After a version is gone: `latest` names the newest that is left."""
    newest = queries.newest_membership(session, collection_id)
    if newest is not None and queries.alias(session, collection_id, LATEST) is None:
        set_alias(session, newest, LATEST)


def touch_members(session: Session, which: ColumnElement[bool]) -> None:
    """Something changed that filters ask of these members."""
    session.execute(update(MembershipRow).where(which).values(revision=next_revision()))
