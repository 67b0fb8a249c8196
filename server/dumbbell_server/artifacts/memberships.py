"""Versions join and leave collections."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, update
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server.artifacts.aliases import restore_latest
from dumbbell_server.artifacts.tables import AliasRow, ArtifactRow, CollectionRow, MembershipRow
from dumbbell_server.database.units import Unit


def join(unit: Unit, collection: CollectionRow, artifact: ArtifactRow) -> MembershipRow:
    """The version has the next number of the collection, whose row the caller has locked."""
    now = unit.clock.text()
    member = MembershipRow(collection_id=collection.id, artifact_id=artifact.id,
                           version_index=collection.next_version, created_at=now)
    collection.next_version += 1
    collection.version_count += 1
    collection.updated_at = now
    unit.session.add_all([member, collection])
    unit.session.flush()
    return member


def leave(session: Session, members: Sequence[MembershipRow]) -> None:
    """The versions are no longer in these collections; `latest` names the newest that is left in each."""
    for member in members:
        session.execute(delete(AliasRow).where(col(AliasRow.membership_id) == member.id))
        session.execute(delete(MembershipRow).where(col(MembershipRow.id) == member.id))
        session.execute(update(CollectionRow).where(col(CollectionRow.id) == member.collection_id).values(
            version_count=CollectionRow.version_count - 1))
        restore_latest(session, member.collection_id)
