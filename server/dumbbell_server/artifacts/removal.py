"""Versions that go: one by one, past their lifetime, or with their collection, run or project."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy
from sqlalchemy import ColumnElement, delete, func, update
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.artifacts import access, queries
from dumbbell_server.artifacts.aliases import restore_latest
from dumbbell_server.artifacts.events import VersionsDeleting
from dumbbell_server.artifacts.memberships import leave
from dumbbell_server.artifacts.tables import (
    COMMITTED,
    DELETED,
    PENDING,
    ArtifactRow,
    CollectionRow,
    MembershipRow,
)
from dumbbell_server.clock import Clock
from dumbbell_server.database.statements import Statement, batches
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput
from dumbbell_server.identity import Role
from dumbbell_server.projects.service import ProjectDeleting
from dumbbell_server.runs.service import RunsDeleting

_AT_ONCE = 500  # versions that a unit removes: others write between two
_EXPIRED = Statement("SELECT 1 FROM artifacts WHERE expires_at <= :now AND state = 'COMMITTED' LIMIT 1")


def delete_version(unit: Unit, node_id: str, *, aliases: bool) -> ArtifactRow:
    """The version is gone, from its links as well; its number is not used again.

    Members delete what they logged, admins all. BadInput where it has aliases and nobody said that they may go.
    """
    session, actor = unit.session, unit.actor
    artifact = access.for_writing(session, actor, node_id, "delete artifacts")
    if artifact.user_id != actor.user_id:
        access.for_writing(session, actor, node_id, "delete the artifacts of others", Role.ADMIN)
    held = [alias.name for _, alias in queries.aliases_of_versions(session, [artifact.id])]
    if held and not aliases:
        raise BadInput(f"this version has aliases ({', '.join(held)[:200]}); "
                       "remove them first, or delete it with delete_aliases=True")
    _remove(unit, [artifact])
    return artifact


def has_expired(session: Session, clock: Clock) -> bool:
    """Whether a version that readers still see is past its lifetime."""
    return _EXPIRED(session, now=clock.text()).first() is not None


def expire_versions(unit: Unit) -> None:
    """Versions past their lifetime are gone, as many as a unit takes."""
    _remove_where(unit, _expired(unit.clock))


def remove_unneeded(unit: Unit, abandoned_after: float) -> int:
    """The same, and of versions that were begun so many seconds ago and never committed. Returns how many went."""
    return _remove_where(unit, _unneeded(unit.clock, abandoned_after))


def count_unneeded(session: Session, clock: Clock, abandoned_after: float) -> int:
    """How many `remove_unneeded` would remove in the end."""
    return int(session.execute(
        select(func.count()).select_from(ArtifactRow).where(_unneeded(clock, abandoned_after))).scalar_one())


def _expired(clock: Clock) -> ColumnElement[bool]:
    return (col(ArtifactRow.expires_at) <= clock.text()) & (col(ArtifactRow.state) == COMMITTED)


def _unneeded(clock: Clock, abandoned_after: float) -> ColumnElement[bool]:
    silent_since = clock.text_ago(abandoned_after)
    return _expired(clock) | ((col(ArtifactRow.state) == PENDING) & (col(ArtifactRow.updated_at) < silent_since))


def _remove_where(unit: Unit, which: ColumnElement[bool]) -> int:
    rows = unit.session.execute(
        select(ArtifactRow).where(which).limit(_AT_ONCE).with_for_update()).scalars().all()
    _remove(unit, rows)
    return len(rows)


def _remove(unit: Unit, artifacts: Sequence[ArtifactRow]) -> None:
    """Their rows stay as tombstones; all they held goes. They are no more than a parameter list takes."""
    session = unit.session
    if not artifacts:
        return
    for artifact in artifacts:
        session.refresh(artifact, with_for_update=True)  # a commit may be placing its files
        leave(session, queries.memberships_of(session, artifact.id))
    unit.emit(VersionsDeleting(_ids(col(ArtifactRow.id).in_([artifact.id for artifact in artifacts]))))
    for artifact in artifacts:
        artifact.state = DELETED
        session.add(artifact)
    session.flush()


def _ids(which: ColumnElement[bool]) -> sqlalchemy.Select[int]:
    return sqlalchemy.select(col(ArtifactRow.id)).where(which)


def purge(unit: Unit, which: ColumnElement[bool]) -> None:
    """Many versions are gone, rows and all."""
    session = unit.session
    elsewhere = session.execute(
        select(MembershipRow.collection_id).distinct()
        .join(ArtifactRow, col(ArtifactRow.id) == MembershipRow.artifact_id)
        .where(which, col(MembershipRow.collection_id) != ArtifactRow.sequence_id)).scalars().all()
    unit.emit(VersionsDeleting(_ids(which)))
    session.execute(delete(ArtifactRow).where(which))
    for collection_id in elsewhere:
        left = select(func.count()).select_from(MembershipRow).where(MembershipRow.collection_id == collection_id)
        session.execute(update(CollectionRow).where(col(CollectionRow.id) == collection_id).values(
            version_count=left.scalar_subquery()))
        restore_latest(session, collection_id)


def runs_deleting(unit: Unit, event: RunsDeleting) -> None:
    """What these runs logged goes with them, if that was asked for."""
    if not event.artifacts:
        return
    for some in batches(event.run_ids):
        logged = unit.session.execute(select(ArtifactRow).where(
            col(ArtifactRow.run_id).in_(some), col(ArtifactRow.state) == COMMITTED)).scalars().all()
        for artifacts in batches(logged):
            _remove(unit, artifacts)


def project_deleting(unit: Unit, event: ProjectDeleting) -> None:
    """All versions that the project holds are gone; its rows of collections and types go with it."""
    purge(unit, col(ArtifactRow.project_id) == event.project_id)
