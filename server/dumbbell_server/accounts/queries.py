"""SELECTs of accounts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.accounts.tables import (
    ApiKeyRow,
    EntityRow,
    FormerNameRow,
    MemberRow,
    OrganizationMemberRow,
    OrganizationRow,
    UserRow,
)
from dumbbell_server.storage.dialect import literal_like


def entity_by_name(session: Session, name: str) -> EntityRow | None:
    return session.execute(select(EntityRow).where(EntityRow.name == name)).scalar()


def entity_of_user(session: Session, user_id: int) -> EntityRow | None:
    """The personal entity."""
    return session.execute(select(EntityRow).where(EntityRow.user_id == user_id)).scalar()


def user_by_name(session: Session, username: str) -> UserRow | None:
    return session.execute(
        select(UserRow).where(UserRow.username == username, col(UserRow.deleted_at).is_(None))).scalar()


def key_by_digest(session: Session, digest: str) -> ApiKeyRow | None:
    return session.execute(select(ApiKeyRow).where(ApiKeyRow.digest == digest)).scalar()


def keys_of(session: Session, user_id: int) -> Sequence[ApiKeyRow]:
    return session.execute(
        select(ApiKeyRow).where(ApiKeyRow.user_id == user_id).order_by(col(ApiKeyRow.id))).scalars().all()


def memberships(session: Session, user_id: int) -> Sequence[MemberRow]:
    return session.execute(select(MemberRow).where(MemberRow.user_id == user_id)).scalars().all()


def organization_memberships(session: Session, user_id: int) -> Sequence[OrganizationMemberRow]:
    return session.execute(
        select(OrganizationMemberRow).where(OrganizationMemberRow.user_id == user_id)).scalars().all()


def organization_by_name(session: Session, name: str) -> OrganizationRow | None:
    return session.execute(select(OrganizationRow).where(OrganizationRow.name == name)).scalar()


def former(session: Session, kind: str, name: str, parent_id: int = 0) -> int | None:
    """What was once called so."""
    return session.execute(
        select(FormerNameRow.target_id).where(
            FormerNameRow.kind == kind, FormerNameRow.parent_id == parent_id, FormerNameRow.name == name)).scalar()


def search_users(session: Session, query: str | None, limit: int) -> Sequence[UserRow]:
    """Users whose name, username or e-mail begins with the query, exact matches first."""
    statement = select(UserRow).where(col(UserRow.deleted_at).is_(None))
    if query:
        pattern = literal_like(query) + "%"
        matches: list[ColumnElement[bool]] = [
            column.ilike(pattern, escape="\\") for column in (col(UserRow.username), col(UserRow.email),
                                                              col(UserRow.name))]
        statement = statement.where(or_(*matches))
        exact = (col(UserRow.username) == query) | (col(UserRow.email) == query)
        return session.execute(statement.order_by(exact.desc(), col(UserRow.id)).limit(limit)).scalars().all()
    return session.execute(statement.order_by(col(UserRow.id)).limit(limit)).scalars().all()
