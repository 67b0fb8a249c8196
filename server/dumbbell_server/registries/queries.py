"""SELECTs of registries' members, and of what is in registries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import delete, null
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
from dumbbell_server.storage.dialect import MAX_PARAMETERS


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


def tags_of_versions(session: Session, collections: Sequence[int]) -> dict[int, list[str]]:
    """By version, for those in these collections."""
    return _grouped(session.execute(
        select(ArtifactTagRow.artifact_id, ArtifactTagRow.name).where(col(ArtifactTagRow.artifact_id).in_(
            select(MembershipRow.artifact_id).where(col(MembershipRow.collection_id).in_(piece)))))
        for piece in _pieces(collections))


def aliases(session: Session, collections: Sequence[int]) -> dict[int, list[str]]:
    """By membership."""
    return _grouped(session.execute(select(AliasRow.membership_id, AliasRow.name).where(
        col(AliasRow.collection_id).in_(piece))) for piece in _pieces(collections))


def _grouped(answers: Iterable[Iterable[Any]]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for answer in answers:
        for number, name in answer:
            if name not in found.setdefault(number, []):
                found[number].append(name)
    return found


def linked(session: Session, collections: Sequence[int], *, metadata: bool) -> list[tuple[Any, ...]]:
    """Of every version in these collections: membership, collection, number and time of the link, then its own.

    Its own are id, times, size, and metadata where that is asked for.
    """
    document: Any = col(ArtifactRow.metadata_json) if metadata else null()
    return [tuple(row) for piece in _pieces(collections) for row in session.execute(
        select(MembershipRow.id, MembershipRow.collection_id, MembershipRow.version_index,
               MembershipRow.created_at, ArtifactRow.id, ArtifactRow.created_at, ArtifactRow.updated_at,
               ArtifactRow.size, document)  # type: ignore[call-overload]
        .join(ArtifactRow, col(ArtifactRow.id) == MembershipRow.artifact_id)
        .where(col(MembershipRow.collection_id).in_(piece)))]


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
