"""Who a key belongs to, and what they may see."""

from __future__ import annotations

import threading
import time

from sqlalchemy.orm import Session

from dumbbell_server.accounts import queries
from dumbbell_server.accounts.events import AccountsChanged
from dumbbell_server.accounts.first_user import first_user
from dumbbell_server.accounts.keys import digest, well_formed
from dumbbell_server.accounts.tables import EntityRow, UserRow
from dumbbell_server.database.engine import Database, reading
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import Forbidden, NotFound, Unauthenticated
from dumbbell_server.identity import Actor, Role
from dumbbell_server.settings import Settings

_ROLES = {"admin": Role.ADMIN, "member": Role.MEMBER, "viewer": Role.VIEWER, "restricted_viewer": Role.RESTRICTED}
REMOVED = "removed"  # the kind of the entity of what is gone and whose rows still are there
_FRESH = 2.0  # seconds; only other processes on the same database can make an entry stale
_MOST = 10_000


def role_of(name: str) -> Role:
    return _ROLES.get(name, Role.NONE)


def actor_of_user(session: Session, user: UserRow) -> Actor:
    """A user with all roles they have."""
    roles = {row.entity_id: role_of(row.role) for row in queries.memberships(session, user.id)}
    personal = queries.entity_of_user(session, user.id)
    if personal is not None:
        roles[personal.id] = Role.ADMIN
    seats = queries.seats_of(session, user.id)
    chosen = session.get(EntityRow, user.default_entity_id) if user.default_entity_id else None
    default = chosen or personal
    if default is None:
        raise Unauthenticated(f"user {user.username!r} has no entity")
    return Actor(
        user.id, user.username, user.admin, default.id, default.name, roles,
        organizations={organization: role_of(role) for organization, _, role in seats},
        seats={entity: role_of(role) for _, entity, role in seats},
        registries=_registries(session, user.id))


def _registries(session: Session, user_id: int) -> dict[int, dict[int, Role]]:
    """The highest of the roles that the user has in each registry."""
    found: dict[int, dict[int, Role]] = {}
    for entity, project, role in queries.registry_roles_of(session, user_id):
        roles = found.setdefault(entity, {})
        roles[project] = max(roles.get(project, Role.NONE), role_of(role))
    return found


def changed(unit: Unit) -> None:
    """For every service function that changes keys, roles or users, once the rows are written.

    What the unit itself does afterwards, and the request that it is part of, go by the viewer's new roles.
    """
    unit.emit(AccountsChanged())
    user = unit.session.get(UserRow, unit.viewer.user_id) if unit.viewer else None
    if user is not None and user.deleted_at is None:
        unit.viewer = actor_of_user(unit.session, user)


class Keys:
    """Keys to actors, remembered until something about accounts changes."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        # by the key's digest and whether any key would do, with when they are read again
        self._actors: dict[tuple[str, bool], tuple[float, Actor]] = {}
        self._lock = threading.Lock()
        self._epoch = 0

    def clear(self) -> None:
        """Ask the database again: a key, a role or a user changed."""
        with self._lock:
            self._actors.clear()
            self._epoch += 1

    def remembered(self, key: str, at_home: bool = False) -> Actor | None:
        """Who the key belongs to, where somebody has asked lately."""
        return self._remembered(self._asked(key, at_home=at_home))

    def _asked(self, key: str, *, at_home: bool) -> tuple[str, bool]:
        return digest(key), at_home and self._settings.open

    def _remembered(self, asked: tuple[str, bool]) -> Actor | None:
        cached = self._actors.get(asked)
        return cached[1] if cached is not None and cached[0] > time.monotonic() else None

    def actor(self, key: str, at_home: bool = False) -> Actor:
        """Who the key belongs to. With `--open`, for who is `at_home`, any is the first user's.

        Raises Unauthenticated.
        """
        asked = self._asked(key, at_home=at_home)
        known = self._remembered(asked)
        if known is not None:
            return known
        hashed, any_key = asked
        epoch = self._epoch
        with reading(self._database) as session:
            actor = self._find(session, key, hashed, any_key=any_key)
        with self._lock:
            if epoch == self._epoch:  # else what was read may be older than the change
                if len(self._actors) >= _MOST:
                    self._actors.clear()
                self._actors[asked] = (time.monotonic() + _FRESH, actor)
        return actor

    def _find(self, session: Session, key: str, hashed: str, *, any_key: bool) -> Actor:
        row = queries.key_by_digest(session, hashed)
        user = session.get(UserRow, row.user_id) if row else None
        if user is None and any_key and well_formed(key):
            user = first_user(session, self._settings.user)
        if user is None or user.deleted_at is not None:
            hint = "; --open takes any key, though only at http://localhost and without a proxy" \
                if self._settings.open and not any_key else ""
            raise Unauthenticated("this API key is not known here; set WANDB_API_KEY to a key of this server "
                                  f"(`dumbbell token` makes one){hint}")
        return actor_of_user(session, user)


def visible_entity(session: Session, actor: Actor | None, name: str | None) -> EntityRow | None:
    """The entity of that name; the actor's own where none is given."""
    if name:
        entity = queries.entity_by_name(session, name)
        return None if entity is not None and entity.kind == REMOVED else entity
    return session.get(EntityRow, actor.entity_id) if actor else None


def belongs(actor: Actor | None, entity: EntityRow) -> bool:
    """Whether the actor is of this entity, or an instance admin."""
    if actor is None:
        return False
    return actor.role(entity.id) > Role.NONE or (
        entity.kind == "organization" and entity.organization_id in actor.organizations)


def is_shown(session: Session, actor: Actor, user: UserRow) -> bool:
    """Whether the actor may know of the user: of a service account its team does, and nobody else."""
    if not user.service or actor.admin or actor.user_id == user.id:
        return True
    team = queries.team_of_service(session, user.id)
    return team is not None and belongs(actor, team)


def administers(actor: Actor, entity: EntityRow) -> bool:
    """Whether the actor decides about this entity's members and name."""
    if entity.kind == "organization":
        return actor.admin or actor.organizations.get(entity.organization_id or 0) == Role.ADMIN
    return actor.role(entity.id) >= Role.ADMIN


def to_administer(session: Session, actor: Actor, name: str | None) -> EntityRow:
    """An entity that the actor administers. NotFound where they do not belong, Forbidden where they are no admin."""
    entity = visible_entity(session, actor, name)
    if entity is None or not belongs(actor, entity):
        raise NotFound(f"entity {name!r} not found, or you ({actor.username}) do not belong to it")
    if not administers(actor, entity):
        raise Forbidden(f"only admins of {entity.name!r} may do this; you ({actor.username}) are none")
    return entity
