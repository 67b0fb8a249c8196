"""Changing what is said of a version: its description, metadata, aliases, tags, lifetime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server.artifacts import access, queries
from dumbbell_server.artifacts.aliases import drop_alias, set_alias, stamp_members, tag, untag
from dumbbell_server.artifacts.names import checked_text
from dumbbell_server.artifacts.service import checked_metadata, checked_ttl, set_ttl
from dumbbell_server.artifacts.tables import COMMITTED, AliasRow, ArtifactRow, CollectionRow, MembershipRow
from dumbbell_server.clock import Clock
from dumbbell_server.errors import NotFound
from dumbbell_server.identity import Actor, Role
from dumbbell_server.projects import service as projects
from dumbbell_server.projects.access import require


@dataclass(frozen=True)
class Edit:
    """What is to be set; None leaves it."""

    description: str | None = None
    metadata: str | None = None
    labels: str | None = None
    ttl_seconds: int | None = None
    aliases: Sequence[tuple[str, str]] | None = None  # collection and alias: all that the version is to have
    tags_to_add: Sequence[str] = ()
    tags_to_delete: Sequence[str] = ()


@dataclass(frozen=True)
class AliasPlace:
    """An alias and the collection in which it is meant."""

    entity: str
    project: str
    collection: str
    alias: str


def update(session: Session, clock: Clock, actor: Actor, node_id: str, edit: Edit) -> ArtifactRow:
    """The version with what was given."""
    artifact = access.for_writing(session, actor, node_id, "edit artifacts")
    checked_ttl(edit.ttl_seconds)
    if edit.description is not None:
        artifact.description = checked_text(edit.description, "description")
    if edit.metadata is not None:
        artifact.metadata_json = checked_metadata(edit.metadata)
    if edit.labels is not None:
        artifact.labels = checked_text(edit.labels, "labels")
    set_ttl(artifact, edit.ttl_seconds)
    for name in edit.tags_to_add:
        tag(session, artifact.id, name)
    for name in edit.tags_to_delete:
        untag(session, artifact.id, name)
    if edit.aliases is not None and artifact.state == COMMITTED:
        _replace_aliases(session, artifact, edit.aliases)
    artifact.updated_at = clock.text()
    session.add(artifact)
    session.flush()
    stamp_members(session, col(MembershipRow.artifact_id) == artifact.id)
    return artifact


def _replace_aliases(session: Session, artifact: ArtifactRow, aliases: Sequence[tuple[str, str]]) -> None:
    """In the version's own sequence it has these and no others (clients up to 0.15 say all that they want)."""
    member = queries.membership(session, artifact.sequence_id, artifact.id)
    sequence = session.get_one(CollectionRow, artifact.sequence_id)
    if member is None:
        return
    session.execute(delete(AliasRow).where(col(AliasRow.membership_id) == member.id))
    for collection, alias in aliases:
        if collection == sequence.name:
            set_alias(session, member, alias)


def add_aliases(session: Session, actor: Actor, node_id: str, places: Sequence[AliasPlace]) -> None:
    """Each alias names this version in its collection, whichever it named before."""
    for place, member in _members(session, actor, node_id, places):
        set_alias(session, member, place.alias)


def delete_aliases(session: Session, actor: Actor, node_id: str, places: Sequence[AliasPlace]) -> None:
    """None of the aliases names this version."""
    for place, member in _members(session, actor, node_id, places):
        drop_alias(session, member, place.alias)


def _members(session: Session, actor: Actor, node_id: str, places: Sequence[AliasPlace],
             ) -> list[tuple[AliasPlace, MembershipRow]]:
    """Where each alias is meant. The collection's project decides who may: a link may be edited without its source."""
    artifact = access.find(session, actor, node_id)
    if artifact is None or artifact.state != COMMITTED:
        raise NotFound(f"no committed artifact has the id {node_id[:80]!r}")
    found = []
    for place in places:
        home = projects.find(session, actor, place.entity, place.project)
        collection = queries.collection_by_name(session, home.id, place.collection) if home else None
        member = queries.membership(session, collection.id, artifact.id) if collection else None
        if home is None or member is None:
            raise NotFound(f"this version is not in {place.entity}/{place.project}/{place.collection}")
        require(actor, home, Role.MEMBER, "edit aliases")
        found.append((place, member))
    return found
