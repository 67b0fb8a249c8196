"""SELECTs of runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.projects import queries as projects
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.storage.dialect import Statement

SILENT = Statement("SELECT id, state FROM runs WHERE state IN ('running', 'preempting') AND heartbeat_at < :before")
_BY_NAME = select(RunRow).where(RunRow.project_id == bindparam("project"), RunRow.name == bindparam("name"))


def by_name(session: Session, project_id: int, name: str) -> RunRow | None:
    return session.execute(_BY_NAME, {"project": project_id, "name": name}).scalar()


def by_node(session: Session, entity: str, project: str, name: str) -> RunRow | None:
    """The run of a node id, also where its project or entity was renamed since."""
    home = projects.by_any_name(session, entity, project)
    return by_name(session, home.id, name) if home and home.id else None


def count(session: Session, project_id: int, names: dict[str, str] | None = None) -> int:
    statement = _named(select(func.count()).select_from(RunRow), project_id, names or {})
    return int(session.execute(statement).scalar_one())


def _named(statement: Any, project_id: int, names: dict[str, str]) -> Any:
    statement = statement.where(RunRow.project_id == project_id)
    for column, value in names.items():
        statement = statement.where(getattr(RunRow, column) == value)
    return statement


def page(session: Session, project_id: int, names: dict[str, str], order: str, ascending: bool,
         after: tuple[Any, int] | None, limit: int) -> Sequence[RunRow]:
    """Runs ordered by one column of their own, ties by age."""
    column: Any = getattr(RunRow, order)
    key: Any = col(RunRow.id)
    statement = _named(select(RunRow), project_id, names)
    if after is not None:
        value, number = after
        beyond = column > value if ascending else column < value
        tied = (column == value) & (key > number if ascending else key < number)
        statement = statement.where(beyond | tied)
    ends = [column.asc(), key.asc()] if ascending else [column.desc(), key.desc()]
    rows: Sequence[RunRow] = session.execute(statement.order_by(*ends).limit(limit)).scalars().all()
    return rows
