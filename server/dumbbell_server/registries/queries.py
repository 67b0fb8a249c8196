"""SELECTs of registries' members."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.accounts.tables import EntityRow, RegistryMemberRow, RegistryTeamRow, UserRow


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
