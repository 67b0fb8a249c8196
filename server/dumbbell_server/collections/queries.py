"""SELECTs of collections and of the versions in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.artifacts.queries import pieces
from dumbbell_server.artifacts.tables import (
    AliasRow,
    ArtifactRow,
    ArtifactTypeRow,
    CollectionRow,
    CollectionTagRow,
    MembershipRow,
)
from dumbbell_server.listing.orders import Key, Position

_TAGS_OF = (select(CollectionTagRow)
            .where(col(CollectionTagRow.collection_id).in_(bindparam("collections", expanding=True)))
            .order_by(col(CollectionTagRow.id)))


@dataclass(frozen=True)
class Choice:
    """Which collections: of a project, of a type, of a name."""

    project_id: int
    type_id: int | None = None
    name: str | None = None

    def named(self, name: str | None) -> Choice:
        return replace(self, name=name)

    def conditions(self) -> list[ColumnElement[bool]]:
        found = [col(CollectionRow.project_id) == self.project_id if self.type_id is None
                 else col(CollectionRow.type_id) == self.type_id]
        if self.name is not None:
            found.append(col(CollectionRow.name) == self.name)
        return found


def count(session: Session, choice: Choice) -> int:
    if choice.name is not None:
        return int(session.execute(
            select(func.count()).select_from(CollectionRow).where(*choice.conditions())).scalar_one())
    counted = select(func.coalesce(func.sum(ArtifactTypeRow.collection_count), 0))
    of = ArtifactTypeRow.project_id == choice.project_id if choice.type_id is None else \
        ArtifactTypeRow.id == choice.type_id
    return int(session.execute(counted.where(of)).scalar_one())


def page(session: Session, choice: Choice, order: Key, after: tuple[Position, int] | None, limit: int,
         ) -> Sequence[CollectionRow]:
    """In the order of one column, ties by age."""
    column: Any = getattr(CollectionRow, order.field.column)
    key: Any = col(CollectionRow.id)
    statement = select(CollectionRow).where(*choice.conditions())
    if after is not None:
        value, number = after[0][0][1], after[1]
        beyond = column < value if order.descending else column > value
        tied = (column == value) & (key < number if order.descending else key > number)
        statement = statement.where(beyond | tied)
    ends = [column.desc(), key.desc()] if order.descending else [column.asc(), key.asc()]
    return session.execute(statement.order_by(*dict.fromkeys(ends)).limit(limit)).scalars().all()


def every(session: Session, choice: Choice, after: int | None, limit: int) -> list[CollectionRow]:
    """The oldest first."""
    statement = select(CollectionRow).where(*choice.conditions(), col(CollectionRow.id) > (after or 0))
    return list(session.execute(statement.order_by(col(CollectionRow.id)).limit(limit)).scalars())


def tags(session: Session, collection_id: int) -> Sequence[CollectionTagRow]:
    return tags_of(session, [collection_id]).get(collection_id, [])


def tags_of(session: Session, collection_ids: Sequence[int]) -> dict[int, list[CollectionTagRow]]:
    """Tags by collection; one without any is left out."""
    found: dict[int, list[CollectionTagRow]] = {}
    for some in pieces(collection_ids):
        for row in session.execute(_TAGS_OF, {"collections": some}).scalars():
            found.setdefault(row.collection_id, []).append(row)
    return found


def aliases(session: Session, collection_id: int, after: int | None, limit: int) -> Sequence[AliasRow]:
    return session.execute(
        select(AliasRow).where(AliasRow.collection_id == collection_id, col(AliasRow.id) > (after or 0))
        .order_by(col(AliasRow.id)).limit(limit)).scalars().all()


def versions(session: Session, collection_id: int, after: int | None, limit: int, *, ascending: bool,
             ) -> list[tuple[MembershipRow, ArtifactRow]]:
    """Versions of a collection by number."""
    number: Any = col(MembershipRow.version_index)
    statement = (select(MembershipRow, ArtifactRow)
                 .join(ArtifactRow, col(ArtifactRow.id) == MembershipRow.artifact_id)
                 .where(MembershipRow.collection_id == collection_id))
    if after is not None:
        statement = statement.where(number > after if ascending else number < after)
    statement = statement.order_by(number.asc() if ascending else number.desc()).limit(limit)
    return [(row[0], row[1]) for row in session.execute(statement).all()]
