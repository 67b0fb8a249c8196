"""SELECTs of projects."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.accounts import queries as accounts
from dumbbell_server.database.sessions import RowQuery
from dumbbell_server.projects.access import PUBLIC
from dumbbell_server.projects.tables import ProjectRow

_BY_NAME = RowQuery(ProjectRow, "entity_id = :entity AND name = :name")


def by_name(session: Session, entity_id: int, name: str) -> ProjectRow | None:
    return _BY_NAME.first(session, entity=entity_id, name=name)


def plain(session: Session, entity_id: int, name: str) -> ProjectRow | None:
    """The same as a plain row."""
    return _BY_NAME.plain(session, entity=entity_id, name=name)


def by_former_name(session: Session, entity: str, name: str) -> list[ProjectRow]:
    """Projects that are or were called so, in entities that are or were called so; at most four."""
    current = accounts.entity_by_name(session, entity)
    entities = [current.id if current else None, accounts.former(session, "entity", entity)]
    found: dict[int, ProjectRow] = {}
    for number in filter(None, entities):
        former = accounts.former(session, "project", name, number)
        for project in (by_name(session, number, name), session.get(ProjectRow, former) if former else None):
            if project is not None:
                found[project.id] = project
    return [*found.values()]


def of_entity(session: Session, entity_id: int) -> Sequence[ProjectRow]:
    """All of them, the oldest first."""
    return session.execute(
        select(ProjectRow).where(ProjectRow.entity_id == entity_id).order_by(col(ProjectRow.id))).scalars().all()


def newest(session: Session, entity_ids: Sequence[int], before: int | None, limit: int, *,
           public_only: bool = False) -> Sequence[ProjectRow]:
    statement = select(ProjectRow).where(col(ProjectRow.entity_id).in_(entity_ids))
    if public_only:
        statement = statement.where(col(ProjectRow.access).in_(PUBLIC))
    if before is not None:
        statement = statement.where(col(ProjectRow.id) < before)
    return session.execute(statement.order_by(col(ProjectRow.id).desc()).limit(limit)).scalars().all()
