"""The user of a new server: who that is, whatever they and others are called since."""

from __future__ import annotations

from sqlalchemy.orm import Session

from dumbbell_server.accounts import queries
from dumbbell_server.accounts.tables import EntityRow, UserRow
from dumbbell_server.database.tables import ServerStateRow


def first_user(session: Session, username: str) -> UserRow | None:
    """Whom the server made by this name (`DUMBBELL_USER`), also under another; never who took the name."""
    row = session.get(ServerStateRow, _key(username))
    user = session.get(UserRow, int(row.value)) if row else _unrecorded(session, username)
    return user if user is not None and user.deleted_at is None else None


def record_first_user(session: Session, username: str, user: UserRow) -> None:
    """From now on it is this one."""
    row = session.get(ServerStateRow, _key(username)) or ServerStateRow(key=_key(username), value="")
    if row.value != str(user.id):
        row.value = str(user.id)
        session.add(row)
        session.flush()


def _key(username: str) -> str:
    return f"first_user:{username}"


def _unrecorded(session: Session, username: str) -> UserRow | None:
    """On servers of before it was recorded: an instance admin who is, or was, called so."""
    number = queries.former(session, "entity", username)
    former = session.get(EntityRow, number) if number else None
    candidates = [queries.user_by_name(session, username),
                  session.get(UserRow, former.user_id) if former is not None and former.user_id else None]
    return next((user for user in candidates if user is not None and user.admin), None)
