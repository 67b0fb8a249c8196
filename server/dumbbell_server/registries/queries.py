"""SELECTs of registries' members, and of what is in registries."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import delete
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.accounts.tables import EntityRow, RegistryMemberRow, RegistryTeamRow, UserRow
from dumbbell_server.artifacts.cells import Member
from dumbbell_server.artifacts.tables import (
    ArtifactRow,
    CollectionRow,
    MembershipRow,
)
from dumbbell_server.database.revisions import since_watermark, snapshot, watermark
from dumbbell_server.database.statements import Statement, batches, by_dialect


def collections(session: Session, projects: Sequence[int], kinds: Collection[str]) -> list[CollectionRow]:
    """All of these kinds in these projects."""
    return [row for batch in batches(projects) for row in session.execute(select(CollectionRow).where(
        col(CollectionRow.project_id).in_(batch), col(CollectionRow.kind).in_(kinds))).scalars()]


_LINKED = """ FROM projects p JOIN artifact_collections c ON c.project_id = p.id AND c.kind = 'portfolio'
    JOIN artifact_memberships m ON m.collection_id = c.id"""
_LINKS = f"""SELECT m.id, m.artifact_id, c.id, p.id, m.version_index, m.created_at, a.created_at, a.updated_at, a.size
    {_LINKED} JOIN artifacts a ON a.id = m.artifact_id WHERE p.entity_id = :entity"""
_ALL_LINKS = Statement(_LINKS)
_CHANGED_LINKS = by_dialect(lambda dialect: f"{_LINKS} AND {since_watermark(dialect)}")
_LINK_IDS = Statement(f"SELECT m.id {_LINKED} WHERE p.entity_id = :entity ORDER BY m.id")
_LINK_COUNT = Statement("""SELECT coalesce(sum(c.version_count), 0) FROM projects p
    JOIN artifact_collections c ON c.project_id = p.id AND c.kind = 'portfolio' WHERE p.entity_id = :entity""")
_WATERMARK = by_dialect(lambda dialect: (
    f"SELECT {watermark('artifact_memberships', '1 = 1', dialect)}, {snapshot(dialect)}"))


def watermark_of_links(session: Session) -> tuple[int, str]:
    """It and the snapshot, to be read before the links: whatever is written later is found by them."""
    found = _WATERMARK(session).one()
    return int(found[0]), found[1]


def links(session: Session, entity: int, since: int | None = None) -> list[Member]:
    """All of an organization's registries, or those that changed after a watermark."""
    found = _ALL_LINKS(session, entity=entity) if since is None else \
        _CHANGED_LINKS(session, entity=entity, watermark=since)
    return [Member._make(row) for row in found]


def link_ids(session: Session, entity: int) -> list[int]:
    return [row[0] for row in _LINK_IDS(session, entity=entity)]


def count_links(session: Session, entity: int) -> int:
    return int(_LINK_COUNT(session, entity=entity).scalar_one())


def next_members(session: Session, collection: int, above: int, limit: int) -> Sequence[tuple[int, int]]:
    """Membership and number of a collection's versions, by number."""
    rows = session.execute(
        select(MembershipRow.id, MembershipRow.version_index).where(
            MembershipRow.collection_id == collection, MembershipRow.version_index > above)
        .order_by(col(MembershipRow.version_index)).limit(limit))
    return [(member, number) for member, number in rows]


def versions(session: Session, numbers: Sequence[int]) -> list[tuple[MembershipRow, ArtifactRow]]:
    return [(row[0], row[1]) for batch in batches(numbers) for row in session.execute(
        select(MembershipRow, ArtifactRow).join(ArtifactRow, col(ArtifactRow.id) == MembershipRow.artifact_id).where(
            col(MembershipRow.id).in_(batch)))]


def members(session: Session, project_id: int) -> Sequence[tuple[UserRow, str]]:
    """Users with their roles, in the order in which they came."""
    rows = session.execute(
        select(UserRow, RegistryMemberRow.role).join(
            RegistryMemberRow, col(RegistryMemberRow.user_id) == col(UserRow.id)).where(
            RegistryMemberRow.project_id == project_id).order_by(col(RegistryMemberRow.id)))
    return [(user, role) for user, role in rows]


def teams(session: Session, project_id: int) -> Sequence[tuple[EntityRow, str]]:
    rows = session.execute(
        select(EntityRow, RegistryTeamRow.role).join(
            RegistryTeamRow, col(RegistryTeamRow.team_id) == col(EntityRow.id)).where(
            RegistryTeamRow.project_id == project_id).order_by(col(RegistryTeamRow.id)))
    return [(team, role) for team, role in rows]


def member(session: Session, project_id: int, user_id: int) -> RegistryMemberRow | None:
    return session.execute(select(RegistryMemberRow).where(
        RegistryMemberRow.project_id == project_id, RegistryMemberRow.user_id == user_id)).scalar()


def team(session: Session, project_id: int, team_id: int) -> RegistryTeamRow | None:
    return session.execute(select(RegistryTeamRow).where(
        RegistryTeamRow.project_id == project_id, RegistryTeamRow.team_id == team_id)).scalar()


def remove(session: Session, project_id: int, users: Sequence[int], teams: Sequence[int]) -> None:
    session.execute(delete(RegistryMemberRow).where(
        col(RegistryMemberRow.project_id) == project_id, col(RegistryMemberRow.user_id).in_(users)))
    session.execute(delete(RegistryTeamRow).where(
        col(RegistryTeamRow.project_id) == project_id, col(RegistryTeamRow.team_id).in_(teams)))
