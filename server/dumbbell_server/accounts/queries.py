"""SELECTs of accounts."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, or_, union_all
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.accounts.tables import (
    ApiKeyRow,
    EntityRow,
    FormerNameRow,
    InviteRow,
    MemberRow,
    OrganizationMemberRow,
    OrganizationRow,
    RegistryMemberRow,
    RegistryTeamRow,
    UserRow,
)
from dumbbell_server.database.sessions import RowQuery
from dumbbell_server.database.statements import literal_like

_ENTITY_BY_NAME = RowQuery(EntityRow, "name = :name")

_LONGEST = 1000  # nobody's name or address has more characters, and LIKE takes no pattern that is much longer


def entity_by_name(session: Session, name: str) -> EntityRow | None:
    return _ENTITY_BY_NAME.first(session, name=name)


def plain_entity(session: Session, name: str) -> EntityRow | None:
    """The same as a plain row."""
    return _ENTITY_BY_NAME.plain(session, name=name)


def entity_of_user(session: Session, user_id: int) -> EntityRow | None:
    """The personal entity."""
    return session.execute(select(EntityRow).where(EntityRow.user_id == user_id)).scalar()


def is_free(session: Session, name: str) -> bool:
    """Whether neither an entity nor a user is called so."""
    return entity_by_name(session, name) is None and user_by_name(session, name) is None


def user_by_name(session: Session, username: str) -> UserRow | None:
    return session.execute(
        select(UserRow).where(UserRow.username == username, col(UserRow.deleted_at).is_(None))).scalar()


def key_by_digest(session: Session, digest: str) -> ApiKeyRow | None:
    return session.execute(select(ApiKeyRow).where(ApiKeyRow.digest == digest)).scalar()


def keys_of(session: Session, user_id: int) -> Sequence[ApiKeyRow]:
    return session.execute(
        select(ApiKeyRow).where(ApiKeyRow.user_id == user_id).order_by(col(ApiKeyRow.id))).scalars().all()


def user_by_email(session: Session, email: str) -> UserRow | None:
    """A person: nobody writes to a service account."""
    return session.execute(
        select(UserRow).where(UserRow.email == email, col(UserRow.deleted_at).is_(None),
                              col(UserRow.service).is_(False)).order_by(col(UserRow.id)).limit(1)).scalar()


def living_users(session: Session) -> Sequence[UserRow]:
    return session.execute(
        select(UserRow).where(col(UserRow.deleted_at).is_(None)).order_by(col(UserRow.id))).scalars().all()


def memberships(session: Session, user_id: int) -> Sequence[MemberRow]:
    return session.execute(select(MemberRow).where(MemberRow.user_id == user_id)).scalars().all()


def member(session: Session, entity_id: int, user_id: int) -> MemberRow | None:
    return session.execute(
        select(MemberRow).where(MemberRow.entity_id == entity_id, MemberRow.user_id == user_id)).scalar()


def members_of(session: Session, entity_id: int) -> Sequence[tuple[UserRow, str]]:
    """Users of a team with their roles, in the order in which they came."""
    rows = session.execute(
        select(UserRow, MemberRow.role).join(MemberRow, col(MemberRow.user_id) == col(UserRow.id)).where(
            MemberRow.entity_id == entity_id).order_by(col(MemberRow.id)))
    return [(user, role) for user, role in rows]


def teams_of_user(session: Session, user_id: int) -> Sequence[EntityRow]:
    return session.execute(
        select(EntityRow).join(MemberRow, col(MemberRow.entity_id) == col(EntityRow.id)).where(
            MemberRow.user_id == user_id).order_by(col(EntityRow.name))).scalars().all()


def team_of_service(session: Session, user_id: int) -> EntityRow | None:
    """The one team that a service account belongs to."""
    return session.execute(
        select(EntityRow).join(MemberRow, col(MemberRow.entity_id) == col(EntityRow.id)).where(
            MemberRow.user_id == user_id).order_by(col(MemberRow.id)).limit(1)).scalar()


def invites_of(session: Session, entity_id: int) -> Sequence[InviteRow]:
    return session.execute(
        select(InviteRow).where(InviteRow.entity_id == entity_id).order_by(col(InviteRow.id))).scalars().all()


def invites_to(session: Session, email: str) -> Sequence[InviteRow]:
    return session.execute(select(InviteRow).where(InviteRow.email == email)).scalars().all()


def organization_member(session: Session, organization_id: int, user_id: int) -> OrganizationMemberRow | None:
    return session.execute(
        select(OrganizationMemberRow).where(OrganizationMemberRow.organization_id == organization_id,
                                            OrganizationMemberRow.user_id == user_id)).scalar()


def organization_members_of(session: Session, organization_id: int) -> Sequence[tuple[UserRow, str]]:
    """Users of an organization with their roles, in the order in which they came."""
    rows = session.execute(
        select(UserRow, OrganizationMemberRow.role).join(
            OrganizationMemberRow, col(OrganizationMemberRow.user_id) == col(UserRow.id)).where(
            OrganizationMemberRow.organization_id == organization_id).order_by(col(OrganizationMemberRow.id)))
    return [(user, role) for user, role in rows]


def organizations_of_user(session: Session, user_id: int) -> Sequence[OrganizationRow]:
    return session.execute(
        select(OrganizationRow).join(
            OrganizationMemberRow, col(OrganizationMemberRow.organization_id) == col(OrganizationRow.id)).where(
            OrganizationMemberRow.user_id == user_id).order_by(col(OrganizationRow.name))).scalars().all()


def teams_of_organization(session: Session, organization_id: int) -> Sequence[EntityRow]:
    return session.execute(
        select(EntityRow).where(EntityRow.organization_id == organization_id, EntityRow.kind == "team").order_by(
            col(EntityRow.name))).scalars().all()


def seats_of(session: Session, user_id: int) -> Sequence[tuple[int, int, str]]:
    """Organization, its entity and the user's role in it."""
    rows = session.execute(
        select(OrganizationRow.id, OrganizationRow.entity_id, OrganizationMemberRow.role).join(
            OrganizationMemberRow, col(OrganizationMemberRow.organization_id) == col(OrganizationRow.id)).where(
            OrganizationMemberRow.user_id == user_id))
    return [(organization or 0, entity, role) for organization, entity, role in rows]


def registry_roles_of(session: Session, user_id: int) -> Sequence[tuple[int, int, str]]:
    """Entity, project and role, of the user alone and by each team that the user is in."""
    own = select(RegistryMemberRow.entity_id, RegistryMemberRow.project_id, RegistryMemberRow.role).where(
        RegistryMemberRow.user_id == user_id)
    by_team = select(RegistryTeamRow.entity_id, RegistryTeamRow.project_id, RegistryTeamRow.role).join(
        MemberRow, col(MemberRow.entity_id) == col(RegistryTeamRow.team_id)).where(MemberRow.user_id == user_id)
    return [(entity, project, role) for entity, project, role in session.execute(union_all(own, by_team))]


def with_default_entity(session: Session, entity_id: int) -> Sequence[UserRow]:
    return session.execute(select(UserRow).where(UserRow.default_entity_id == entity_id)).scalars().all()


def organization_by_name(session: Session, name: str) -> OrganizationRow | None:
    return session.execute(select(OrganizationRow).where(OrganizationRow.name == name)).scalar()


def former(session: Session, kind: str, name: str, parent_id: int = 0) -> int | None:
    """What was once called so."""
    return session.execute(
        select(FormerNameRow.target_id).where(
            FormerNameRow.kind == kind, FormerNameRow.parent_id == parent_id, FormerNameRow.name == name)).scalar()


def search_users(session: Session, query: str | None, limit: int,
                 teams: Collection[int] | None) -> Sequence[UserRow]:
    """Users whose name, username or e-mail begins with the query, exact matches first.

    Of service accounts those of these teams, of all where None is given.
    """
    statement = select(UserRow).where(col(UserRow.deleted_at).is_(None))
    if teams is not None:
        theirs = select(MemberRow.user_id).where(col(MemberRow.entity_id).in_(teams))
        statement = statement.where(col(UserRow.service).is_(False) | col(UserRow.id).in_(theirs))
    if query and len(query) > _LONGEST:
        return []
    if query:
        pattern = literal_like(query) + "%"
        matches: list[ColumnElement[bool]] = [
            column.ilike(pattern, escape="\\") for column in (col(UserRow.username), col(UserRow.email),
                                                              col(UserRow.name))]
        statement = statement.where(or_(*matches))
        exact = (col(UserRow.username) == query) | (col(UserRow.email) == query)
        return session.execute(statement.order_by(exact.desc(), col(UserRow.id)).limit(limit)).scalars().all()
    return session.execute(statement.order_by(col(UserRow.id)).limit(limit)).scalars().all()
