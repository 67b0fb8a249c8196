"""The rules of users, their keys and the names of entities. Teams and organizations have files of their own."""

from __future__ import annotations

import re

from sqlalchemy import delete
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server import ids
from dumbbell_server.accounts import queries
from dumbbell_server.accounts.access import belongs, changed, to_administer, visible_entity
from dumbbell_server.accounts.events import EntityDeleting, UserRenamed
from dumbbell_server.accounts.first_user import first_user, record_first_user
from dumbbell_server.accounts.keys import add_key, digest, make_key
from dumbbell_server.accounts.names import email_address, entity_name
from dumbbell_server.accounts.tables import (
    ApiKeyRow,
    EntityRow,
    FormerNameRow,
    MemberRow,
    OrganizationMemberRow,
    RegistryMemberRow,
    UserRow,
)
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, Conflict, Forbidden, NotFound, StartupError

_SHOWABLE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,256}")
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_SLUG = 100


def shown_text(text: str, what: str) -> str:
    """Checked text for people to read: a name or a description."""
    if not text.strip() or not _SHOWABLE.fullmatch(text):
        raise BadInput(f"{what} {text[:80]!r} is not allowed: use 1 to 256 characters, no control characters")
    return text


def slug(text: str) -> str:
    """The text as an entity's name, roughly; `x` where nothing is left of it."""
    return _NOT_IN_NAME.sub("-", text).strip("-._")[:_LONGEST_SLUG] or "x"


def free_name(session: Session, name: str) -> str:
    """The name, or the first of name-2, name-3, … that is an allowed one and nobody has."""
    number = 1
    while True:
        candidate = name if number == 1 else f"{name}-{number}"
        if queries.is_free(session, candidate):
            return entity_name(candidate)
        number += 1


def create_user(unit: Unit, username: str, *, email: str | None = None, admin: bool = False,
                service: bool = False) -> UserRow:
    """A user and the personal entity of the same name. Conflict where the name is taken."""
    session, now = unit.session, unit.clock.text()
    entity_name(username, "username")
    if queries.entity_by_name(session, username) or queries.user_by_name(session, username):
        raise Conflict(f"the name {username!r} is taken; choose another")
    address = email_address(email) if email else _made_up_address(username)
    user = UserRow(username=username, name=username, email=address, admin=admin, service=service,
                   created_at=now)
    session.add(user)
    session.flush()
    entity = EntityRow(name=username, kind="user", user_id=user.id, created_at=now)
    session.add(entity)
    session.flush()
    user.default_entity_id = entity.id
    session.add(user)
    if email:
        _accept_invites(session, user)
    session.flush()
    changed(unit)
    return user


def _made_up_address(username: str) -> str:
    """Of a user who gave none: there is always one to show."""
    return f"{username}@localhost"


def _accept_invites(session: Session, user: UserRow) -> None:
    for invite in queries.invites_to(session, user.email):
        session.add(MemberRow(entity_id=invite.entity_id, user_id=user.id, role=invite.role))
        session.delete(invite)


def create_user_by_email(unit: Unit, email: str | None, *, admin: bool) -> UserRow:
    """A user named after the e-mail address, in the teams that invited it. Only instance admins may."""
    if not unit.actor.admin:
        raise Forbidden(f"only instance admins may create users; you ({unit.actor.username}) are none")
    if not email:
        raise BadInput("createUser needs an e-mail address")
    email_address(email)
    if queries.user_by_email(unit.session, email) is not None:
        raise Conflict(f"a user with the e-mail address {email!r} exists")
    name = free_name(unit.session, slug(email.partition("@")[0]))
    return create_user(unit, name, email=email, admin=admin)


def ensure_first_user(unit: Unit, username: str, key: str | None) -> str | None:
    """The user of a new server, an instance admin, with this key or a new one. Returns a key that was made.

    A key given later is added: whoever sets `DUMBBELL_API_KEY` expects it to work. StartupError where there is nobody
    to add it to, since somebody else bears the name.
    """
    session = unit.session
    user = first_user(session, username)
    made = None
    if user is None and not queries.is_free(session, username):
        if key is None or queries.key_by_digest(session, digest(key)) is not None:
            return None
        raise StartupError(f"the first user {username!r} is deleted, and somebody else is called so now, who is not "
                           "to have its key: set DUMBBELL_USER to a name that nobody has, or leave out "
                           "DUMBBELL_API_KEY")
    if user is None:
        user = create_user(unit, username, admin=True)
        made = key or make_key(unit.clock)
        key = made
    record_first_user(session, username, user)
    if key and queries.key_by_digest(session, digest(key)) is None:
        add_key(unit, user.id, key, "first key")
    return made


def delete_user(unit: Unit, user: UserRow) -> None:
    """The personal entity, keys and memberships are gone and the name is free. A second time does nothing.

    The row stays: runs in teams go on to name who made them.
    """
    if user.deleted_at is not None:
        return
    session = unit.session
    personal = queries.entity_of_user(session, user.id)
    if personal is not None:
        delete_entity(unit, personal)
    session.execute(delete(ApiKeyRow).where(col(ApiKeyRow.user_id) == user.id))
    session.execute(delete(MemberRow).where(col(MemberRow.user_id) == user.id))
    session.execute(delete(OrganizationMemberRow).where(col(OrganizationMemberRow.user_id) == user.id))
    session.execute(delete(RegistryMemberRow).where(col(RegistryMemberRow.user_id) == user.id))
    user.deleted_at = unit.clock.text()
    user.username = f"{user.username} (deleted {user.id})"  # no user can be named so
    user.email = ""
    user.admin = False
    user.default_entity_id = None
    session.add(user)
    session.flush()
    unit.emit(UserRenamed(user.id))
    changed(unit)


def delete_entity(unit: Unit, entity: EntityRow) -> None:
    """The entity and all that is in it are gone, and nothing names it: its number may be given out again."""
    unit.emit(EntityDeleting(entity.id))
    session = unit.session
    session.execute(delete(FormerNameRow).where(
        ((col(FormerNameRow.kind) == "entity") & (col(FormerNameRow.target_id) == entity.id))
        | ((col(FormerNameRow.kind) == "project") & (col(FormerNameRow.parent_id) == entity.id))))
    for user in queries.with_default_entity(session, entity.id):
        reset_default_entity(session, user)
    session.delete(entity)
    session.flush()
    changed(unit)


def reset_default_entity(session: Session, user: UserRow) -> None:
    """What this user logs goes to the personal entity."""
    personal = queries.entity_of_user(session, user.id)
    user.default_entity_id = personal.id if personal else None
    session.add(user)


def update_user(unit: Unit, *, default_entity: str | None, name: str | None) -> UserRow:
    """The actor with another default entity or name; None leaves it."""
    session, actor = unit.session, unit.actor
    user = session.get(UserRow, actor.user_id)
    if user is None:
        raise NotFound(f"user {actor.username!r} is gone")
    if default_entity is not None:
        entity = visible_entity(session, actor, default_entity)
        if entity is None or not belongs(actor, entity):
            raise NotFound(f"entity {default_entity!r} not found, or you ({actor.username}) do not belong to it")
        if entity.kind == "organization":
            raise BadInput(f"{default_entity!r} holds an organization's registries; choose a team or a user")
        user.default_entity_id = entity.id
    if name is not None:
        user.name = shown_text(name, "name")
    session.add(user)
    session.flush()
    changed(unit)
    return user


def generate_key(unit: Unit, description: str | None) -> tuple[ApiKeyRow, str]:
    """A new key of the actor, and its text, which nothing shows again."""
    key = make_key(unit.clock)
    about = shown_text(description, "description") if description else None
    return add_key(unit, unit.actor.user_id, key, about), key


def delete_key(unit: Unit, node_id: str) -> None:
    """The key works no more. NotFound for somebody else's, but for instance admins."""
    session, actor = unit.session, unit.actor
    number = ids.decode("ApiKey", node_id)
    row = session.get(ApiKeyRow, number) if number else None
    if row is None or not (actor.admin or row.user_id == actor.user_id):
        raise NotFound(f"you ({actor.username}) have no API key with the id {node_id[:80]!r}; "
                       "it may be deleted already")
    session.delete(row)
    session.flush()
    changed(unit)


def rename_entity(unit: Unit, old: str, new: str) -> EntityRow:
    """The entity has the new name, its user too; ids that name the old one still find it."""
    session = unit.session
    entity = to_administer(session, unit.actor, old)
    entity_name(new)
    if new == old:
        return entity
    if not queries.is_free(session, new):
        raise Conflict(f"the name {new!r} is taken; choose another")
    _remember(session, old, entity.id)
    user = session.get(UserRow, entity.user_id) if entity.user_id else None
    if user is not None:  # a user and the personal entity bear one name
        user.name = new if user.name == user.username else user.name
        if user.email == _made_up_address(user.username):  # else invitations of the next one so named come here
            user.email = _made_up_address(new)
        user.username = new
        session.add(user)
        unit.emit(UserRenamed(user.id))
    entity.name = new
    session.add(entity)
    session.flush()
    changed(unit)
    return entity


def _remember(session: Session, name: str, entity_id: int) -> None:
    row = session.query(FormerNameRow).filter_by(kind="entity", parent_id=0, name=name).first()
    if row is None:
        row = FormerNameRow(kind="entity", parent_id=0, name=name, target_id=entity_id)
    row.target_id = entity_id
    session.add(row)
    session.flush()
