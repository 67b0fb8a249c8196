"""The rules of registries' members."""

from __future__ import annotations

from collections.abc import Sequence

from dumbbell_server import ids
from dumbbell_server.accounts import queries as accounts
from dumbbell_server.accounts.access import changed, is_shown
from dumbbell_server.accounts.tables import EntityRow, RegistryMemberRow, RegistryTeamRow, UserRow
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, NotFound
from dumbbell_server.identity import Role
from dumbbell_server.projects import service as projects
from dumbbell_server.projects.access import require
from dumbbell_server.projects.registries import holds_registries
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.registries import queries

ROLES = ("admin", "member", "viewer", "restricted_viewer")
_NEWCOMER = "member"
_MOST = 1000  # members in one request


def _to_administer(unit: Unit, node_id: str) -> tuple[ProjectRow, EntityRow]:
    registry = projects.find_by_id(unit.session, unit.actor, node_id)
    if registry is None:
        raise NotFound(f"no registry has the id {node_id[:80]!r}")
    entity = unit.session.get_one(EntityRow, registry.entity_id)
    if not holds_registries(entity):
        raise BadInput(f"{registry.name!r} is no registry; who may do what in it follows from its team")
    require(unit.actor, registry, Role.ADMIN, "change the members")
    return registry, entity


def _numbers(kind: str, node_ids: Sequence[str]) -> list[int]:
    if len(node_ids) > _MOST:
        raise BadInput(f"at most {_MOST} members can be named at once")
    found = []
    for node_id in node_ids:
        number = ids.decode(kind, node_id)
        if number is None:
            raise BadInput(f"{node_id[:80]!r} is not the id of a {'user' if kind == 'User' else 'team'}")
        found.append(number)
    return found


def add_members(unit: Unit, node_id: str, users: Sequence[str], teams: Sequence[str]) -> None:
    """They are in the registry, as members unless they are in it already.

    They must be of the organization; an instance admin lets in anybody but service accounts.
    """
    registry, entity = _to_administer(unit, node_id)
    for number in _numbers("User", users):
        _add_user(unit, registry, entity, number)
    for number in _numbers("Entity", teams):
        _add_team(unit, registry, entity, number)
    changed(unit)


def _add_user(unit: Unit, registry: ProjectRow, entity: EntityRow, number: int) -> None:
    session = unit.session
    user = session.get(UserRow, number)
    if user is None or user.deleted_at is not None or not is_shown(session, unit.actor, user):
        raise NotFound(f"no user has the id {ids.encode('User', number)!r}")
    seat = accounts.organization_member(session, entity.organization_id or 0, number)
    if seat is None and (user.service or not unit.actor.admin):
        raise BadInput(f"user {user.username!r} is not in the organization; an admin of it must let them in first")
    if queries.member(session, registry.id, number) is None:
        session.add(RegistryMemberRow(project_id=registry.id, entity_id=registry.entity_id, user_id=number,
                                      role=_NEWCOMER))
        session.flush()


def _add_team(unit: Unit, registry: ProjectRow, entity: EntityRow, number: int) -> None:
    session = unit.session
    team = session.get(EntityRow, number)
    if team is None or team.kind != "team":
        raise NotFound(f"no team has the id {ids.encode('Entity', number)!r}")
    if team.organization_id != entity.organization_id and not unit.actor.admin:
        raise BadInput(f"team {team.name!r} is not part of the organization")
    if queries.team(session, registry.id, number) is None:
        session.add(RegistryTeamRow(project_id=registry.id, entity_id=registry.entity_id, team_id=number,
                                    role=_NEWCOMER))
        session.flush()


def remove_members(unit: Unit, node_id: str, users: Sequence[str], teams: Sequence[str]) -> None:
    """They are not in the registry, which they may not have been before. What their seat lets them do stays."""
    registry, _ = _to_administer(unit, node_id)
    queries.remove(unit.session, registry.id, _numbers("User", users), _numbers("Entity", teams))
    changed(unit)


def set_user_role(unit: Unit, node_id: str, user: str, role: str) -> None:
    """Who is in the registry has this role. NotFound where they are not in it."""
    registry, _ = _to_administer(unit, node_id)
    (number,) = _numbers("User", [user])
    _set_role(unit, queries.member(unit.session, registry.id, number), role,
              f"user {user[:80]!r} is not in the registry {registry.name!r}; add them first")


def set_team_role(unit: Unit, node_id: str, team: str, role: str) -> None:
    registry, _ = _to_administer(unit, node_id)
    (number,) = _numbers("Entity", [team])
    _set_role(unit, queries.team(unit.session, registry.id, number), role,
              f"team {team[:80]!r} is not in the registry {registry.name!r}; add it first")


def _set_role(unit: Unit, row: RegistryMemberRow | RegistryTeamRow | None, role: str, missing: str) -> None:
    if row is None:
        raise NotFound(missing)
    row.role = _checked(role)
    unit.session.add(row)
    unit.session.flush()
    changed(unit)


def _checked(role: str) -> str:
    if role not in ROLES:
        raise BadInput(f"role {role[:40]!r} is not known; it is one of {', '.join(ROLES)}")
    return role
