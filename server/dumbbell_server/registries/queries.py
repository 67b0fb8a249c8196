"""SELECTs of registries' members, and of what is in registries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import delete
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.accounts.tables import EntityRow, RegistryMemberRow, RegistryTeamRow, UserRow
from dumbbell_server.artifacts.tables import (
    AliasRow,
    ArtifactRow,
    ArtifactTagRow,
    CollectionRow,
    CollectionTagRow,
    MembershipRow,
)
from dumbbell_server.database.revisions import since_watermark, watermark
from dumbbell_server.database.statements import MAX_PARAMETERS, Statement


def _pieces(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), MAX_PARAMETERS):
        yield numbers[start:start + MAX_PARAMETERS]


def collections(session: Session, projects: Sequence[int], kinds: Collection[str]) -> list[CollectionRow]:
    """All of these kinds in these projects."""
    return [row for piece in _pieces(projects) for row in session.execute(select(CollectionRow).where(
        col(CollectionRow.project_id).in_(piece), col(CollectionRow.kind).in_(kinds))).scalars()]


def tags_of_collections(session: Session, collections: Sequence[int]) -> dict[int, list[str]]:
    return _grouped(session.execute(select(CollectionTagRow.collection_id, CollectionTagRow.name).where(
        col(CollectionTagRow.collection_id).in_(piece))) for piece in _pieces(collections))


def tags_of_versions(session: Session, artifacts: Sequence[int]) -> dict[int, list[str]]:
    return _grouped(session.execute(select(ArtifactTagRow.artifact_id, ArtifactTagRow.name).where(
        col(ArtifactTagRow.artifact_id).in_(piece))) for piece in _pieces(artifacts))


def aliases_of_links(session: Session, links: Sequence[int]) -> dict[int, list[str]]:
    return _grouped(session.execute(select(AliasRow.membership_id, AliasRow.name).where(
        col(AliasRow.membership_id).in_(piece))) for piece in _pieces(links))


def metadata_of(session: Session, artifacts: Sequence[int]) -> dict[int, str]:
    """Of those versions that have any."""
    return {row[0]: row[1] for piece in _pieces(artifacts) for row in session.execute(
        select(ArtifactRow.id, ArtifactRow.metadata_json).where(
            col(ArtifactRow.id).in_(piece), col(ArtifactRow.metadata_json).is_not(None))) if row[0] and row[1]}


def _grouped(answers: Iterable[Iterable[Any]]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for answer in answers:
        for number, name in answer:
            if name not in found.setdefault(number, []):
                found[number].append(name)
    return found


class Link(NamedTuple):
    """A version in a collection of a registry."""

    id: int
    artifact_id: int
    collection_id: int
    project_id: int
    number: int
    linked_at: str
    created_at: str
    updated_at: str
    size: int


_LINKED = """ FROM projects p JOIN artifact_collections c ON c.project_id = p.id AND c.kind = 'portfolio'
    JOIN artifact_memberships m ON m.collection_id = c.id"""
_LINKS = f"""SELECT m.id, m.artifact_id, c.id, p.id, m.version_index, m.created_at, a.created_at, a.updated_at, a.size
    {_LINKED} JOIN artifacts a ON a.id = m.artifact_id WHERE p.entity_id = :entity"""
_ALL_LINKS = Statement(_LINKS)
_CHANGED_LINKS = {dialect: Statement(f"{_LINKS} AND {since_watermark(dialect)}")
                  for dialect in ("sqlite", "postgresql")}
_LINK_IDS = Statement(f"SELECT m.id {_LINKED} WHERE p.entity_id = :entity ORDER BY m.id")
_LINK_COUNT = Statement("""SELECT coalesce(sum(c.version_count), 0) FROM projects p
    JOIN artifact_collections c ON c.project_id = p.id AND c.kind = 'portfolio' WHERE p.entity_id = :entity""")
_WATERMARK = {dialect: Statement(f"SELECT {watermark('artifact_memberships', '1 = 1', dialect)}")
         for dialect in ("sqlite", "postgresql")}


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


def watermark_of_links(session: Session) -> int:
    """To be read before the links: whatever is stamped later is found by it."""
    return int(_WATERMARK[_dialect(session)](session).scalar_one())


def links(session: Session, entity: int, since: int | None = None) -> list[Link]:
    """All of an organization's registries, or those stamped after a mark."""
    found = _ALL_LINKS(session, entity=entity) if since is None else \
        _CHANGED_LINKS[_dialect(session)](session, entity=entity, watermark=since)
    return [Link._make(row) for row in found]


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
    return [(member or 0, number) for member, number in rows]


def versions(session: Session, numbers: Sequence[int]) -> list[tuple[MembershipRow, ArtifactRow]]:
    return [(row[0], row[1]) for piece in _pieces(numbers) for row in session.execute(
        select(MembershipRow, ArtifactRow).join(ArtifactRow, col(ArtifactRow.id) == MembershipRow.artifact_id).where(
            col(MembershipRow.id).in_(piece)))]


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
