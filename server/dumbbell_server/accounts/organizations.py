"""The rules of organizations: members with roles, teams, and an entity of their own for registries."""

from __future__ import annotations

from sqlalchemy.orm import Session

from dumbbell_server.accounts import queries
from dumbbell_server.accounts.names import organization_name
from dumbbell_server.accounts.service import delete_entity, free_name, slug
from dumbbell_server.accounts.tables import EntityRow, OrganizationMemberRow, OrganizationRow, UserRow
from dumbbell_server.accounts.teams import delete_team
from dumbbell_server.clock import Clock
from dumbbell_server.errors import BadInput, Conflict, NotFound
from dumbbell_server.storage.events import Events

ROLES = ("admin", "member", "viewer")


def create_organization(session: Session, clock: Clock, name: str, admin: UserRow) -> OrganizationRow:
    """An organization with this user as its admin, and its entity, which has a name of its own."""
    organization_name(name)
    if queries.organization_by_name(session, name) is not None:
        raise Conflict(f"the organization {name!r} exists; choose another name")
    entity = EntityRow(name=free_name(session, f"{slug(name)}-org"), kind="organization", created_at=clock.text())
    session.add(entity)
    session.flush()
    assert entity.id is not None  # noqa: S101 - flushed
    organization = OrganizationRow(name=name, entity_id=entity.id, created_at=clock.text())
    session.add(organization)
    session.flush()
    entity.organization_id = organization.id
    session.add(entity)
    set_role(session, organization, admin, "admin")
    return organization


def organization_named(session: Session, name: str) -> OrganizationRow:
    organization = queries.organization_by_name(session, name)
    if organization is None:
        raise NotFound(f"organization {name!r} not found")
    return organization


def set_role(session: Session, organization: OrganizationRow, user: UserRow, role: str) -> None:
    """The user is in the organization, with this role."""
    if role not in ROLES:
        raise BadInput(f"role {role[:40]!r} is not known; it is one of {', '.join(ROLES)}")
    assert organization.id is not None  # noqa: S101 - stored rows
    assert user.id is not None  # noqa: S101
    row = queries.organization_member(session, organization.id, user.id)
    if row is None:
        row = OrganizationMemberRow(organization_id=organization.id, user_id=user.id, role=role)
    row.role = role
    session.add(row)
    session.flush()


def remove_member(session: Session, organization: OrganizationRow, user: UserRow) -> None:
    """The user is not in the organization; in its teams they stay. NotFound where they were not."""
    row = queries.organization_member(session, organization.id or 0, user.id or 0)
    if row is None:
        raise NotFound(f"user {user.username!r} is not in the organization {organization.name!r}")
    session.delete(row)
    session.flush()


def delete_organization(session: Session, events: Events, clock: Clock, organization: OrganizationRow) -> None:
    """The organization, its teams and its registries are gone."""
    for team in queries.teams_of_organization(session, organization.id or 0):
        delete_team(session, events, clock, team)
    entity = session.get(EntityRow, organization.entity_id)
    if entity is not None:
        delete_entity(session, events, entity)
    session.delete(organization)
    session.flush()
