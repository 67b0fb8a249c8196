"""SELECTs of views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.accounts.tables import UserRow
from dumbbell_server.reports.tables import ViewRow


def by_name(session: Session, project_id: int, kind: str, name: str) -> ViewRow | None:
    return session.execute(select(ViewRow).where(
        ViewRow.project_id == project_id, ViewRow.type == kind, ViewRow.name == name)).scalar()


def newest(session: Session, project_id: int, kind: str, name: str | None, username: str | None,
           before: int | None, limit: int) -> Sequence[ViewRow]:
    statement = _chosen(select(ViewRow), project_id, kind, name, username)
    if before is not None:
        statement = statement.where(col(ViewRow.id) < before)
    rows: Sequence[ViewRow] = session.execute(
        statement.order_by(col(ViewRow.id).desc()).limit(limit)).scalars().all()
    return rows


def count(session: Session, project_id: int, kind: str, name: str | None, username: str | None) -> int:
    return int(session.execute(_chosen(
        select(func.count()).select_from(ViewRow), project_id, kind, name, username)).scalar_one())


def _chosen(statement: Any, project_id: int, kind: str, name: str | None, username: str | None) -> Any:
    statement = statement.where(ViewRow.project_id == project_id, ViewRow.type == kind)
    if name is not None:
        statement = statement.where(ViewRow.name == name)
    if username is not None:
        statement = statement.where(
            col(ViewRow.user_id).in_(select(UserRow.id).where(UserRow.username == username)))
    return statement
