"""The rules of users and the places they belong to."""

from __future__ import annotations

from sqlalchemy.orm import Session

from dumbbell_server.accounts import queries
from dumbbell_server.accounts.keys import add_key, digest, make_key
from dumbbell_server.accounts.names import email_address, entity_name
from dumbbell_server.accounts.tables import EntityRow, UserRow
from dumbbell_server.clock import Clock
from dumbbell_server.errors import Conflict


def create_user(
    session: Session, clock: Clock, username: str, *, email: str | None = None, admin: bool = False,
    service: bool = False,
) -> UserRow:
    """A user and the personal entity of the same name. Conflict where the name is taken."""
    entity_name(username, "username")
    if queries.entity_by_name(session, username) or queries.user_by_name(session, username):
        raise Conflict(f"the name {username!r} is taken; choose another")
    address = email_address(email) if email else f"{username}@localhost"
    user = UserRow(username=username, name=username, email=address, admin=admin, service=service,
                   created_at=clock.text())
    session.add(user)
    session.flush()
    entity = EntityRow(name=username, kind="user", user_id=user.id, created_at=clock.text())
    session.add(entity)
    session.flush()
    user.default_entity_id = entity.id
    session.add(user)
    session.flush()
    return user


def ensure_first_user(session: Session, clock: Clock, username: str, key: str | None) -> str | None:
    """The user of a new server, an instance admin, with this key or a new one. Returns a key that was made.

    A key given later is added: whoever sets `DUMBBELL_API_KEY` expects it to work.
    """
    user = queries.user_by_name(session, username)
    made = None
    if user is None:
        user = create_user(session, clock, username, admin=True)
        made = key or make_key(clock)
        key = made
    assert user.id is not None  # noqa: S101 - flushed
    if key and queries.key_by_digest(session, digest(key)) is None:
        add_key(session, clock, user.id, key, "first key")
    return made

