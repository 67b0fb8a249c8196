"""The rules of teams: members, invitations, service accounts."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from dumbbell_server import ids
from dumbbell_server.accounts import queries
from dumbbell_server.accounts.access import (
    administers,
    belongs,
    changed,
    is_shown,
    to_administer,
    visible_entity,
)
from dumbbell_server.accounts.keys import add_key
from dumbbell_server.accounts.names import email_address, entity_name
from dumbbell_server.accounts.service import (
    create_user,
    delete_entity,
    delete_user,
    free_name,
    reset_default_entity,
    shown_text,
)
from dumbbell_server.accounts.tables import EntityRow, InviteRow, MemberRow, UserRow
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, Conflict, NotFound
from dumbbell_server.identity import Actor
from dumbbell_server.signing import Signer

ROLES = ("admin", "member", "viewer")


def checked_role(role: str) -> str:
    """A role that a team and an organization both know."""
    if role not in ROLES:
        raise BadInput(f"role {role[:40]!r} is not known; it is one of {', '.join(ROLES)}")
    return role


@dataclass(frozen=True)
class Invitation:
    """What came of an invitation: a member at once where there is a user, else an invitation of the address."""

    node_id: str
    email: str
    created_at: str
    user: UserRow | None


def key_purpose(user_id: int) -> str:
    """From this the server's secret makes a service account's key, so that it can be shown without being stored."""
    return f"service-account:{user_id}"


def user_named(session: Session, username: str) -> UserRow:
    user = queries.user_by_name(session, username)
    if user is None:
        raise NotFound(f"user {username!r} not found")
    return user


def user_shown(session: Session, actor: Actor, username: str) -> UserRow:
    """The user of that name; another team's service account is not found."""
    user = user_named(session, username)
    if not is_shown(session, actor, user):
        raise NotFound(f"user {username!r} not found")
    return user


def check_person(user: UserRow) -> None:
    """BadInput for a service account, which has its team and can have no other, nor an organization."""
    if user.service:
        raise BadInput(f"{user.username!r} is a service account: it belongs to one team, "
                       "and cannot be the admin of another team or of an organization")


def make_team(unit: Unit, name: str, admin: UserRow, organization_id: int | None = None) -> EntityRow:
    """A team with this user as its admin. Conflict where the name is taken."""
    session = unit.session
    entity_name(name, "team name")
    check_person(admin)
    if queries.entity_by_name(session, name) or queries.user_by_name(session, name):
        raise Conflict(f"the name {name!r} is taken; choose another name for the team")
    team = EntityRow(name=name, kind="team", organization_id=organization_id, created_at=unit.clock.text())
    session.add(team)
    session.flush()
    set_role(unit, team, admin, "admin")
    return team


def set_role(unit: Unit, team: EntityRow, user: UserRow, role: str) -> None:
    """The user is in the team, with this role. BadInput for a service account of another team."""
    row = queries.member(unit.session, team.id, user.id)
    if row is None and user.service:
        _check_has_no_team(unit.session, user)
    if row is None:
        row = MemberRow(entity_id=team.id, user_id=user.id, role=role)
    row.role = role
    unit.session.add(row)
    unit.session.flush()
    changed(unit)


def _check_has_no_team(session: Session, user: UserRow) -> None:
    team = queries.team_of_service(session, user.id)
    if team is not None:
        raise BadInput(f"{user.username!r} is a service account of {team.name!r} and belongs to no other team; "
                       "make another one with createServiceAccount")


def _team_to_administer(session: Session, actor: Actor, name: str | None) -> EntityRow:
    team = to_administer(session, actor, name)
    if team.kind != "team":
        raise BadInput(f"{team.name!r} is no team; only teams have members who are invited")
    return team


def create_invite(unit: Unit, entity: str, *, username: str | None, email: str | None,
                  role: str | None) -> Invitation:
    """A user is a member at once; an address without a user becomes one when the user is created.

    Who is in the team already gets the role that is asked for, and keeps theirs where none is.
    """
    session = unit.session
    team = _team_to_administer(session, unit.actor, entity)
    if role is not None:
        checked_role(role)
    if not username and not email:
        raise BadInput("createInvite needs a username or an e-mail address")
    user = user_shown(session, unit.actor, username) if username else \
        queries.user_by_email(session, email_address(email or ""))
    if user is None:
        return _invite_address(unit, team, email or "", role or "member")
    row = queries.member(session, team.id, user.id)
    if row is not None and role not in {None, "admin"}:
        _keep_an_admin(session, team, row, user)
    if row is None or role is not None:
        set_role(unit, team, user, role or "member")
    return Invitation(ids.encode("User", user.id), user.email, unit.clock.text(), user)


def _invite_address(unit: Unit, team: EntityRow, email: str, role: str) -> Invitation:
    session = unit.session
    row = next((invite for invite in queries.invites_of(session, team.id) if invite.email == email), None)
    if row is None:
        row = InviteRow(entity_id=team.id, email=email, role=role, created_at=unit.clock.text())
    row.role = role
    session.add(row)
    session.flush()
    return Invitation(ids.encode("Invite", row.id), row.email, row.created_at, None)


def delete_invite(unit: Unit, member_id: str | None, entity: str | None) -> None:
    """The member, or who was invited, is not in the team. A service account is gone with its key.

    Admins remove anybody, members themselves; somebody must remain who can let others in.
    """
    session, actor = unit.session, unit.actor
    team = visible_entity(session, actor, entity)
    if team is None or not belongs(actor, team):
        raise NotFound(f"entity {entity!r} not found, or you ({actor.username}) do not belong to it")
    user_id = ids.decode("User", member_id or "")
    if user_id != actor.user_id or administers(actor, team):
        team = _team_to_administer(session, actor, entity)
    invite_id = ids.decode("Invite", member_id or "")
    invite = session.get(InviteRow, invite_id) if invite_id else None
    if invite is not None and invite.entity_id == team.id:
        session.delete(invite)
        session.flush()
        return
    user = session.get(UserRow, user_id) if user_id else None
    row = queries.member(session, team.id, user_id) if user_id else None
    if user is None or row is None:
        raise NotFound(f"nobody in {team.name!r} has the member id {(member_id or '')[:80]!r}; "
                       "take one from the entity's members")
    _remove(unit, team, row, user)


def _keep_an_admin(session: Session, team: EntityRow, row: MemberRow, user: UserRow) -> None:
    """BadInput where nobody would remain who can let others in."""
    roles = [role for _, role in queries.members_of(session, row.entity_id)]
    if row.role == "admin" and roles.count("admin") == 1:
        raise BadInput(f"{user.username!r} is the last admin of {team.name!r}; make somebody else an admin first")


def _remove(unit: Unit, team: EntityRow, row: MemberRow, user: UserRow) -> None:
    _keep_an_admin(unit.session, team, row, user)
    if user.service:
        delete_user(unit, user)
        return
    unit.session.delete(row)
    if user.default_entity_id == team.id:
        reset_default_entity(unit.session, user)
    unit.session.flush()
    changed(unit)


def create_service_account(unit: Unit, signer: Signer, entity: str, description: str) -> UserRow:
    """A user without a person, in this team only, whose key the team's admins can read."""
    session = unit.session
    team = _team_to_administer(session, unit.actor, entity)
    shown_text(description, "description")
    user = create_user(unit, free_name(session, f"service-{unit.clock.token(12)}"), service=True)
    user.name = description
    user.default_entity_id = team.id
    session.add(user)
    set_role(unit, team, user, "member")
    add_key(unit, user.id, signer.derive(key_purpose(user.id)), description)
    return user


def delete_team(unit: Unit, team: EntityRow) -> None:
    """The team, its projects and its service accounts are gone."""
    for user, _ in queries.members_of(unit.session, team.id):
        if user.service:
            delete_user(unit, user)
    delete_entity(unit, team)
