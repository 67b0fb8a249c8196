"""Aliases and tags: names that versions get and lose."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, update
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server.artifacts import queries
from dumbbell_server.artifacts.names import LATEST, checked_alias, checked_tag, version_number
from dumbbell_server.artifacts.tables import AliasRow, ArtifactTagRow, CollectionRow, MembershipRow
from dumbbell_server.database.revisions import next_revision
from dumbbell_server.json_text import storable


def set_alias(session: Session, member: MembershipRow, name: str) -> None:
    """The alias names this version of the collection, whichever it named before."""
    if version_number(name) is not None:
        return  # follows from the number
    row = queries.alias(session, member.collection_id, checked_alias(name))
    if row is None:
        row = AliasRow(collection_id=member.collection_id, membership_id=member.id, name=name)
    stamp_members(session, col(MembershipRow.id).in_({row.membership_id, member.id}))
    row.membership_id = member.id
    session.add(row)
    session.flush()


def stamp_members(session: Session, which: ColumnElement[bool]) -> None:
    """Something changed that filters ask of these members."""
    session.execute(update(MembershipRow).where(which).values(revision=next_revision()))


def drop_alias(session: Session, member: MembershipRow, name: str) -> None:
    """The alias does not name this version, which it may not have done before."""
    if not storable(name):
        return
    session.execute(delete(AliasRow).where(
        col(AliasRow.membership_id) == member.id, col(AliasRow.name) == name))
    stamp_members(session, col(MembershipRow.id) == member.id)


def leave(session: Session, members: Sequence[MembershipRow]) -> None:
    """The versions are no longer in these collections; `latest` names the newest that is left in each."""
    for member in members:
        session.execute(delete(AliasRow).where(col(AliasRow.membership_id) == member.id))
        session.execute(delete(MembershipRow).where(col(MembershipRow.id) == member.id))
        session.execute(update(CollectionRow).where(col(CollectionRow.id) == member.collection_id).values(
            version_count=CollectionRow.version_count - 1))
        keep_latest(session, member.collection_id)


def keep_latest(session: Session, collection_id: int) -> None:
    """After a version is gone: `latest` names the newest that is left."""
    newest = queries.newest_membership(session, collection_id)
    if newest is not None and queries.alias(session, collection_id, LATEST) is None:
        set_alias(session, newest, LATEST)


def tag(session: Session, artifact_id: int, name: str) -> None:
    known = {row.name for row in queries.tags_of(session, [artifact_id])}
    if checked_tag(name) not in known:
        session.add(ArtifactTagRow(artifact_id=artifact_id, name=name))
        session.flush()
        stamp_members(session, col(MembershipRow.artifact_id) == artifact_id)


def untag(session: Session, artifact_id: int, name: str) -> None:
    if not storable(name):
        return
    session.execute(delete(ArtifactTagRow).where(
        col(ArtifactTagRow.artifact_id) == artifact_id, col(ArtifactTagRow.name) == name))
    stamp_members(session, col(MembershipRow.artifact_id) == artifact_id)
