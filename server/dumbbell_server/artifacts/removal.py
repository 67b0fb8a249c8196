"""Versions that go: one by one, past their lifetime, or with their collection, run or project."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, func, update
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.artifacts import access, queries
from dumbbell_server.artifacts.aliases import restore_latest
from dumbbell_server.artifacts.memberships import leave
from dumbbell_server.artifacts.tables import (
    COMMITTED,
    DELETED,
    PENDING,
    ArtifactRow,
    ClientIdRow,
    CollectionRow,
    MembershipRow,
    UseRow,
)
from dumbbell_server.backend import Backend
from dumbbell_server.blobs.removal import Piece, clear, remove_later, remove_row
from dumbbell_server.clock import Clock
from dumbbell_server.database.statements import Statement, batches
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput
from dumbbell_server.identity import Role
from dumbbell_server.projects import service as projects
from dumbbell_server.projects.service import ProjectDeleting
from dumbbell_server.runs.service import RunsDeleting

VERSION, COLLECTION = "version", "collection"  # among removals
_AT_ONCE = 50  # versions that a unit looks for: others write between two
_MOST_EXPIRED = 500  # that a reader waits for
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


def expire_versions(unit: Unit) -> int:
    """Versions past their lifetime are gone, as many as a unit takes. Returns how many went."""
    return _remove_where(unit, _expired(unit.clock))


def remove_unneeded(unit: Unit, abandoned_after: float) -> int:
    """The same, and of versions that were begun so many seconds ago and never committed."""
    return _remove_where(unit, _unneeded(unit.clock, abandoned_after))


def remove_logged(unit: Unit, run_id: int) -> int:
    """The same, of versions that this run logged. It is about to go: looking for others must not meet them again."""
    count = _remove_where(unit, _logged(run_id))
    unit.session.execute(update(ArtifactRow).where(
        col(ArtifactRow.run_id) == run_id, col(ArtifactRow.state) == DELETED).values(run_id=None))
    return count


def expire(backend: Backend) -> None:
    """The same in as many units as that takes, up to a number that a reader can wait for."""
    count = 0
    while count < _MOST_EXPIRED and (more := backend.write(None, expire_versions)):
        count += more


def count_unneeded(session: Session, clock: Clock, abandoned_after: float) -> int:
    """How many `remove_unneeded` would remove in the end."""
    return int(session.execute(
        select(func.count()).select_from(ArtifactRow).where(_unneeded(clock, abandoned_after))).scalar_one())


def _expired(clock: Clock) -> ColumnElement[bool]:
    return (col(ArtifactRow.expires_at) <= clock.text()) & (col(ArtifactRow.state) == COMMITTED)


def _unneeded(clock: Clock, abandoned_after: float) -> ColumnElement[bool]:
    silent_since = clock.text_ago(abandoned_after)
    return _expired(clock) | ((col(ArtifactRow.state) == PENDING) & (col(ArtifactRow.updated_at) < silent_since))


def _logged(run_id: int) -> ColumnElement[bool]:
    return (col(ArtifactRow.run_id) == run_id) & (col(ArtifactRow.state) == COMMITTED)


def _remove_where(unit: Unit, which: ColumnElement[bool]) -> int:
    found = unit.session.execute(select(ArtifactRow).where(which).limit(_AT_ONCE).with_for_update()).scalars().all()
    return _remove(unit, found, Piece())


def _remove(unit: Unit, artifacts: Sequence[ArtifactRow], piece: Piece | None = None) -> int:
    """Their rows stay as tombstones; all they held goes. How many went before the piece was over, if there is one."""
    session = unit.session
    gone: list[int] = []
    for artifact in artifacts:
        session.refresh(artifact, with_for_update=True)  # a commit may be placing its files
        leave(session, queries.memberships_of(session, artifact.id))
        artifact.state = DELETED
        session.add(artifact)
        gone.append(artifact.id)
        if piece is not None:
            piece.has_removed = True
            if piece.over:
                break
    session.flush()
    remove_later(unit, VERSION, gone)
    return len(gone)


def hide_collection(unit: Unit, collection_id: int) -> None:
    """Gone for everybody at once, with its versions and their links in other collections; rows go afterwards."""
    own = col(ArtifactRow.sequence_id) == collection_id
    _unlink(unit.session, own & (col(MembershipRow.collection_id) != collection_id))
    unit.session.execute(update(ArtifactRow).where(own).values(state=DELETED))
    unit.session.execute(delete(ClientIdRow).where(col(ClientIdRow.collection_id) == collection_id))
    unit.session.execute(update(CollectionRow).where(col(CollectionRow.id) == collection_id).values(
        project_id=projects.place_of_removed(unit).id, name=projects.name_of_removed(collection_id)))
    remove_later(unit, COLLECTION, [collection_id])


def remove_collection(unit: Unit, collection_id: int, piece: Piece) -> bool:
    """The rows of a collection that is gone, as far as the piece goes. Whether none is left."""
    versions = ArtifactRow.metadata.tables[str(ArtifactRow.__tablename__)]
    return (clear(unit, versions, versions.c.sequence_id, [collection_id], piece)
            and remove_row(CollectionRow, unit, collection_id, piece))


def prepare_runs_deletion(backend: Backend, run_id: int) -> None:
    """What the run logged is gone, version by version."""
    while backend.write(None, remove_logged, run_id):
        pass


def runs_deleting(unit: Unit, event: RunsDeleting) -> None:
    """What these runs logged goes with them, if that was asked for; else it is nobody's."""
    session = unit.session
    for some in batches(event.run_ids):
        if event.artifacts:
            for run_id in some:
                _remove(unit, session.execute(select(ArtifactRow).where(_logged(run_id))).scalars().all())
        session.execute(update(ArtifactRow).where(col(ArtifactRow.run_id).in_(some)).values(run_id=None))
        session.execute(delete(UseRow).where(col(UseRow.run_id).in_(some)))


def project_deleting(unit: Unit, event: ProjectDeleting) -> None:
    """No collection of another project has a version of this one, and no client's name leads into it."""
    elsewhere = col(CollectionRow.project_id) != event.project_id
    _unlink(unit.session, (col(ArtifactRow.project_id) == event.project_id) & elsewhere)
    own = select(CollectionRow.id).where(CollectionRow.project_id == event.project_id)
    unit.session.execute(delete(ClientIdRow).where(col(ClientIdRow.collection_id).in_(own)))


def _unlink(session: Session, which: ColumnElement[bool]) -> None:
    """These versions are not in these collections any more."""
    found = session.execute(
        select(MembershipRow.id, MembershipRow.collection_id)
        .join(ArtifactRow, col(ArtifactRow.id) == MembershipRow.artifact_id)
        .join(CollectionRow, col(CollectionRow.id) == MembershipRow.collection_id).where(which)).all()
    for some in batches([link.id for link in found]):
        session.execute(delete(MembershipRow).where(col(MembershipRow.id).in_(some)))
    for collection_id in {link.collection_id for link in found}:
        left = select(func.count()).select_from(MembershipRow).where(MembershipRow.collection_id == collection_id)
        session.execute(update(CollectionRow).where(col(CollectionRow.id) == collection_id).values(
            version_count=left.scalar_subquery()))
        restore_latest(session, collection_id)
