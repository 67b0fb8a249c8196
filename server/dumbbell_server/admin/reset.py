"""Making a server, or what one entity holds, empty again.

One unit hides all of it: whoever reads or writes from then on finds it gone, and a crash leaves all or nothing. Its
rows and bytes follow in pieces (blobs/removal.py), for which the answer waits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Table, delete
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col, func, select

from dumbbell_server.accounts import queries, service, teams
from dumbbell_server.accounts.access import visible_entity
from dumbbell_server.accounts.first_user import first_user
from dumbbell_server.accounts.organizations import delete_organization
from dumbbell_server.accounts.tables import EntityRow, OrganizationRow, UserRow
from dumbbell_server.backend import Backend
from dumbbell_server.database.tables import RemovalRow
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import NotFound
from dumbbell_server.json_text import storable
from dumbbell_server.projects.queries import of_entity
from dumbbell_server.projects.service import delete_all


@dataclass
class Removed:
    """What a reset has removed."""

    users: int = 0
    teams: int = 0
    organizations: int = 0
    projects: int = 0


def reset(backend: Backend, entity: str | None) -> Removed:
    """Everything is gone but the first user, their keys and the server's own secrets; or all that one entity holds.

    NotFound where there is no such entity.
    """
    removed = backend.write(None, _empty, backend.settings.user) if entity is None else \
        backend.write(None, _empty_entity, entity)
    backend.remove()  # also what others have deleted before
    if entity is None:
        backend.write(None, _forget_deleted_users)
    backend.clear_caches()
    return removed


def _empty_entity(unit: Unit, name: str) -> Removed:
    entity = visible_entity(unit.session, None, name) if storable(name) else None
    if entity is None and storable(name):
        organization = queries.organization_by_name(unit.session, name)
        entity = unit.session.get(EntityRow, organization.entity_id) if organization is not None else None
    if entity is None:
        raise NotFound(f"entity {name[:80]!r} not found; it is the name of a user, a team or an organization")
    return Removed(projects=delete_all(unit, entity.id))


def _empty(unit: Unit, first_name: str) -> Removed:
    session = unit.session
    removed = Removed()
    first = first_user(session, first_name)
    leaving = [user for user in queries.living_users(session) if first is None or user.id != first.id]
    removed.users = len(leaving)
    for entity in _entities(session, "user", "team", "organization"):
        removed.projects += len(of_entity(session, entity.id))
        if first is not None and entity.user_id == first.id:
            delete_all(unit, entity.id)
    for organization in session.execute(select(OrganizationRow)).scalars().all():
        removed.teams += len(queries.teams_of_organization(session, organization.id))
        delete_organization(unit, organization)
        removed.organizations += 1
    for team in _entities(session, "team"):
        teams.delete_team(unit, team)
        removed.teams += 1
    for user in leaving:  # service accounts are gone with their teams
        service.delete_user(unit, user)
    return removed


def _entities(session: Session, *kinds: str) -> Iterable[EntityRow]:
    return session.execute(select(EntityRow).where(col(EntityRow.kind).in_(kinds))).scalars().all()


def _forget_deleted_users(unit: Unit) -> None:
    """Once nothing names them, so that who is made next gets the number that a new server would give.

    The rows of service accounts stay: the key of such an account follows from its number.
    """
    session = unit.session
    if session.execute(select(func.count()).select_from(RemovalRow)).scalar_one():
        return  # of others, or the server is ending: the next reset does it
    going = delete(UserRow).where(col(UserRow.deleted_at).is_not(None), col(UserRow.service).is_(False))
    for table in _naming_users():
        going = going.where(col(UserRow.id).not_in(select(table.c.user_id).where(table.c.user_id.is_not(None))))
    session.execute(going)


def _naming_users() -> list[Table]:
    """Every table with a column that names a user: in every domain it is called so."""
    return [table for table in SQLModel.metadata.sorted_tables if "user_id" in table.c]
