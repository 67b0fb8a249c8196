"""The rules of organizations: members with roles, teams, and an entity of their own for registries."""

from __future__ import annotations

from sqlalchemy import delete
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server.accounts import queries
from dumbbell_server.accounts.access import changed
from dumbbell_server.accounts.names import organization_name
from dumbbell_server.accounts.service import delete_entity, free_name, slug
from dumbbell_server.accounts.tables import (
    EntityRow,
    OrganizationMemberRow,
    OrganizationRow,
    RegistryMemberRow,
    UserRow,
)
from dumbbell_server.accounts.teams import (
    check_person,
    checked_role,
    delete_team,
    make_team,
    user_named,
    user_shown,
)
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, Conflict, Forbidden, NotFound
from dumbbell_server.identity import Actor, Role


def create_organization(unit: Unit, name: str) -> OrganizationRow:
    """An organization with the actor as its admin. Conflict where the name is taken."""
    return make_organization(unit, name, user_named(unit.session, unit.actor.username))


def make_organization(unit: Unit, name: str, admin: UserRow) -> OrganizationRow:
    """An organization with this user as its admin, and its entity, which has a name of its own."""
    session, now = unit.session, unit.clock.text()
    organization_name(name)
    check_person(admin)
    if queries.organization_by_name(session, name) is not None:
        raise Conflict(f"the organization {name!r} exists; choose another name")
    entity = EntityRow(name=free_name(session, f"{slug(name)}-org"), kind="organization", created_at=now)
    session.add(entity)
    session.flush()
    organization = OrganizationRow(name=name, entity_id=entity.id, created_at=now)
    session.add(organization)
    session.flush()
    entity.organization_id = organization.id
    session.add(entity)
    set_role(unit, organization, admin, "admin")
    return organization


def organization_named(session: Session, name: str) -> OrganizationRow:
    organization = queries.organization_by_name(session, name)
    if organization is None:
        raise NotFound(f"organization {name!r} not found")
    return organization


def set_role(unit: Unit, organization: OrganizationRow, user: UserRow, role: str) -> None:
    """The user is in the organization, with this role. BadInput for a service account of none of its teams."""
    checked_role(role)
    if user.service:
        _check_own(unit.session, organization, user)
    row = queries.organization_member(unit.session, organization.id, user.id)
    if row is None:
        row = OrganizationMemberRow(organization_id=organization.id, user_id=user.id, role=role)
    row.role = role
    unit.session.add(row)
    unit.session.flush()
    changed(unit)


def _check_own(session: Session, organization: OrganizationRow, user: UserRow) -> None:
    team = queries.team_of_service(session, user.id)
    if team is None or team.organization_id != organization.id:
        raise BadInput(f"{user.username!r} is a service account of a team that is not in the organization "
                       f"{organization.name!r}")


def to_administer(session: Session, actor: Actor, name: str) -> OrganizationRow:
    """An organization that the actor administers. NotFound for who is not in it, Forbidden for who is no admin."""
    found = queries.organization_by_name(session, name)
    if found is None or not (actor.admin or found.id in actor.organizations):
        raise NotFound(f"organization {name!r} not found, or you ({actor.username}) are not in it")
    if not actor.admin and actor.organizations[found.id] < Role.ADMIN:
        raise Forbidden(f"only admins of the organization {name!r} may do this; you ({actor.username}) are none")
    return found


def create_team(unit: Unit, name: str, admin_name: str | None, organization: str | None) -> EntityRow:
    """A team of the actor's, or of another's where an instance admin says so; in an organization by its admins."""
    session, actor = unit.session, unit.actor
    chosen = admin_name or actor.username
    if chosen != actor.username and not actor.admin:
        raise Forbidden(f"only instance admins may make {chosen!r} admin of a new team; "
                        f"leave it out to be the admin yourself ({actor.username})")
    parent = to_administer(session, actor, organization) if organization else None
    return make_team(unit, name, user_named(session, chosen), parent.id if parent else None)


def set_member(unit: Unit, name: str, username: str, role: str | None) -> OrganizationRow:
    """The user is in the organization with this role; without one a newcomer is a member and others keep theirs."""
    session = unit.session
    organization = to_administer(session, unit.actor, name)
    user = user_shown(session, unit.actor, username)
    row = queries.organization_member(session, organization.id, user.id)
    if row is not None and role not in {None, "admin"}:
        _keep_an_admin(session, organization, row, user)
    if row is None or role is not None:
        set_role(unit, organization, user, role or "member")
    return organization


def remove_member(unit: Unit, name: str, username: str) -> OrganizationRow:
    """The user is in neither the organization nor its registries; in its teams they stay.

    Admins remove anybody, members themselves.
    """
    session, actor = unit.session, unit.actor
    organization = queries.organization_by_name(session, name)
    leaves = organization is not None and organization.id in actor.organizations and username == actor.username
    if organization is None or not leaves:
        organization = to_administer(session, actor, name)
    user = user_named(session, username)
    row = queries.organization_member(session, organization.id, user.id)
    if row is None:
        raise NotFound(f"user {username!r} is not in the organization {name!r}")
    _keep_an_admin(session, organization, row, user)
    session.delete(row)
    session.execute(delete(RegistryMemberRow).where(
        col(RegistryMemberRow.entity_id) == organization.entity_id, col(RegistryMemberRow.user_id) == user.id))
    session.flush()
    changed(unit)
    return organization


def _keep_an_admin(session: Session, organization: OrganizationRow, row: OrganizationMemberRow,
                   user: UserRow) -> None:
    """BadInput where nobody would remain who can let others in."""
    roles = [role for _, role in queries.organization_members_of(session, row.organization_id)]
    if row.role == "admin" and roles.count("admin") == 1:
        raise BadInput(f"{user.username!r} is the last admin of the organization {organization.name!r}; "
                       "make somebody else an admin first")


def dissolve(unit: Unit, name: str) -> None:
    """An admin's organization is gone with its teams and registries."""
    delete_organization(unit, to_administer(unit.session, unit.actor, name))


def delete_organization(unit: Unit, organization: OrganizationRow) -> None:
    """The organization, its teams and its registries are gone."""
    session = unit.session
    for team in queries.teams_of_organization(session, organization.id):
        delete_team(unit, team)
    entity = session.get(EntityRow, organization.entity_id)
    if entity is not None:
        delete_entity(unit, entity)
    session.delete(organization)
    session.flush()
    changed(unit)
