"""SELECTs of types, collections, versions, and what goes with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.artifacts.names import LATEST, version_number
from dumbbell_server.artifacts.tables import (
    COMMITTED,
    PENDING,
    SEQUENCE,
    AliasRow,
    ArtifactRow,
    ArtifactTagRow,
    ArtifactTypeRow,
    ClientIdRow,
    CollectionRow,
    CollectionTagRow,
    MembershipRow,
    UseRow,
)
from dumbbell_server.database.statements import Statement, batches
from dumbbell_server.listing.orders import Key, Position
from dumbbell_server.runs.tables import RunRow

# To make a statement takes longer than to run it, so those that every client's request needs are made once.
_TYPE_BY_NAME = select(ArtifactTypeRow).where(ArtifactTypeRow.project_id == bindparam("project"),
                                              ArtifactTypeRow.name == bindparam("name"))
_COLLECTION_BY_NAME = select(CollectionRow).where(CollectionRow.project_id == bindparam("project"),
                                                  CollectionRow.name == bindparam("name"))
_BY_ALIAS = (select(MembershipRow, ArtifactRow)
             .join(AliasRow, col(AliasRow.membership_id) == col(MembershipRow.id))
             .join(ArtifactRow, col(ArtifactRow.id) == MembershipRow.artifact_id)
             .where(AliasRow.collection_id == bindparam("collection"), AliasRow.name == bindparam("alias")))
_ALIASES_IN = (select(AliasRow).where(AliasRow.membership_id == bindparam("member"))
               .order_by(col(AliasRow.id)))
_ALIASES_OF = (select(MembershipRow.artifact_id, AliasRow)
               .join(AliasRow, col(AliasRow.membership_id) == MembershipRow.id)
               .where(col(MembershipRow.artifact_id).in_(bindparam("artifacts", expanding=True)))
               .order_by(col(AliasRow.id)))
_VERSION_TAGS_OF = (select(ArtifactTagRow)
                    .where(col(ArtifactTagRow.artifact_id).in_(bindparam("artifacts", expanding=True)))
                    .order_by(col(ArtifactTagRow.id)))
_COLLECTION_TAGS_OF = (select(CollectionTagRow)
                       .where(col(CollectionTagRow.collection_id).in_(bindparam("collections", expanding=True)))
                       .order_by(col(CollectionTagRow.id)))


def type_by_name(session: Session, project_id: int, name: str) -> ArtifactTypeRow | None:
    return session.execute(_TYPE_BY_NAME, {"project": project_id, "name": name}).scalar()


def collection_by_name(session: Session, project_id: int, name: str) -> CollectionRow | None:
    return session.execute(_COLLECTION_BY_NAME, {"project": project_id, "name": name}).scalar()


def by_digest(session: Session, sequence_id: int, digest: str) -> ArtifactRow | None:
    """The newest committed version with this digest."""
    return session.execute(select(ArtifactRow).where(
        ArtifactRow.sequence_id == sequence_id, ArtifactRow.digest == digest, ArtifactRow.state == COMMITTED,
    ).order_by(col(ArtifactRow.id).desc()).limit(1)).scalar()


def by_digest_in_project(session: Session, project_id: int, digest: str) -> ArtifactRow | None:
    """The newest version with this digest in any sequence."""
    return session.execute(
        select(ArtifactRow).join(CollectionRow, col(CollectionRow.id) == ArtifactRow.sequence_id)
        .where(CollectionRow.project_id == project_id, ArtifactRow.digest == digest, ArtifactRow.state == COMMITTED)
        .order_by(col(ArtifactRow.id).desc()).limit(1)).scalar()


def distributed(session: Session, sequence_id: int, distributed_id: str) -> ArtifactRow | None:
    """The version to which several runs are adding."""
    return session.execute(select(ArtifactRow).where(
        ArtifactRow.sequence_id == sequence_id, ArtifactRow.distributed_id == distributed_id,
        ArtifactRow.state == PENDING)).scalar()


def membership(session: Session, collection_id: int, artifact_id: int) -> MembershipRow | None:
    return session.execute(select(MembershipRow).where(
        MembershipRow.collection_id == collection_id, MembershipRow.artifact_id == artifact_id)).scalar()


def membership_by_alias(session: Session, collection_id: int, alias: str) -> MembershipRow | None:
    """What an alias, `vN`, or the digest of a version names in a collection."""
    found = session.execute(_BY_ALIAS, {"collection": collection_id, "alias": alias}).first()
    if found is not None:
        return found[0]
    number = version_number(alias)
    if number is not None:
        return session.execute(select(MembershipRow).where(
            MembershipRow.collection_id == collection_id, MembershipRow.version_index == number)).scalar()
    artifact = by_digest(session, collection_id, alias)
    return membership(session, collection_id, artifact.id) if artifact else None


def collection_in(session: Session, project_id: int, name: str, type_id: int | None) -> CollectionRow | None:
    """A collection by its name, of a type or of any."""
    found = collection_by_name(session, project_id, name)
    return found if found is not None and type_id in {None, found.type_id} else None


def membership_by_path(session: Session, project_id: int, path: str, type_id: int | None = None,
                       ) -> MembershipRow | None:
    """What `collection:alias` names, or `collection` for its latest, or `collection:` and the digest of a version."""
    name, _, alias = path.partition(":")
    collection = collection_in(session, project_id, name, type_id)
    return membership_by_alias(session, collection.id, alias or LATEST) if collection else None


def version_by_path(session: Session, project_id: int, path: str, type_id: int | None = None) -> ArtifactRow | None:
    """The same; or the newest version with a digest, which is how clients of 2020 ask."""
    member = membership_by_path(session, project_id, path, type_id)
    if member is not None:
        return session.get(ArtifactRow, member.artifact_id)
    return by_digest_in_project(session, project_id, path)


def newest_membership(session: Session, collection_id: int) -> MembershipRow | None:
    return session.execute(select(MembershipRow).where(MembershipRow.collection_id == collection_id)
                           .order_by(col(MembershipRow.version_index).desc()).limit(1)).scalar()


def memberships_of(session: Session, artifact_id: int) -> Sequence[MembershipRow]:
    """Where a version is: its source first, then its links in the order in which they were made."""
    return session.execute(select(MembershipRow).where(MembershipRow.artifact_id == artifact_id)
                           .order_by(col(MembershipRow.id))).scalars().all()


def latest(session: Session, collection_id: int) -> ArtifactRow | None:
    newest = membership_by_alias(session, collection_id, LATEST) or newest_membership(session, collection_id)
    return session.get(ArtifactRow, newest.artifact_id) if newest else None


def alias(session: Session, collection_id: int, name: str) -> AliasRow | None:
    return session.execute(select(AliasRow).where(
        AliasRow.collection_id == collection_id, AliasRow.name == name)).scalar()


def aliases_of_versions(session: Session, artifact_ids: Sequence[int]) -> list[tuple[int, AliasRow]]:
    """Aliases of versions in whatever collections, each beside the version's id."""
    return [(artifact_id, found) for some in batches(artifact_ids) for artifact_id, found in session.execute(
        _ALIASES_OF, {"artifacts": some}).all()]


def aliases_in(session: Session, membership_id: int) -> Sequence[AliasRow]:
    return session.execute(_ALIASES_IN, {"member": membership_id}).scalars().all()


def tags_of_versions(session: Session, artifact_ids: Sequence[int]) -> list[tuple[int, ArtifactTagRow]]:
    """Tags, each beside its version's id."""
    return [(row.artifact_id, row) for some in batches(artifact_ids) for row in session.execute(
        _VERSION_TAGS_OF, {"artifacts": some}).scalars()]


def client_id(session: Session, value: str) -> ClientIdRow | None:
    return session.get(ClientIdRow, value)


def existing_ids(session: Session, artifact_ids: Iterable[int]) -> set[int]:
    return {number for some in batches(list(artifact_ids)) for number in session.execute(
        select(ArtifactRow.id).where(col(ArtifactRow.id).in_(some))).scalars() if number}


def projects_of(session: Session, collection: CollectionRow) -> Sequence[int]:
    """The projects in which versions of a collection were logged."""
    if collection.kind == SEQUENCE:
        return [collection.project_id]
    return session.execute(
        select(ArtifactRow.project_id).distinct()
        .join(MembershipRow, col(MembershipRow.artifact_id) == ArtifactRow.id)
        .where(MembershipRow.collection_id == collection.id)).scalars().all()


def use(session: Session, run_id: int, artifact_id: int, kind: str) -> UseRow | None:
    return session.execute(select(UseRow).where(
        UseRow.run_id == run_id, UseRow.artifact_id == artifact_id, UseRow.kind == kind)).scalar()


def types(session: Session, project_id: int, after: int | None, limit: int, *, every: bool,
          ) -> Sequence[ArtifactTypeRow]:
    """The types that hold a collection, or every one, by age."""
    statement = select(ArtifactTypeRow).where(ArtifactTypeRow.project_id == project_id,
                                              col(ArtifactTypeRow.id) > (after or 0))
    if not every:
        statement = statement.where(col(ArtifactTypeRow.id).in_(
            select(CollectionRow.type_id).where(CollectionRow.project_id == project_id)))
    return session.execute(statement.order_by(col(ArtifactTypeRow.id)).limit(limit)).scalars().all()


def used(session: Session, run_id: int, kind: str, after: int | None, limit: int) -> list[tuple[int, ArtifactRow]]:
    """Committed versions that a run made or took in, in that order, each beside its position among them."""
    statement = _used(select(UseRow.id, ArtifactRow), run_id, kind)
    if after is not None:
        statement = statement.where(col(UseRow.id) > after)
    return [(row[0], row[1]) for row in session.execute(statement.order_by(col(UseRow.id)).limit(limit)).all()]


def count_used(session: Session, run_id: int, kind: str) -> int:
    return int(session.execute(_used(select(func.count()), run_id, kind, UseRow)).scalar_one())


def _used(statement: Any, run_id: int, kind: str, start: Any = None) -> Any:
    if start is not None:
        statement = statement.select_from(start)
    return (statement.join(ArtifactRow, col(ArtifactRow.id) == UseRow.artifact_id)
            .where(UseRow.run_id == run_id, UseRow.kind == kind, ArtifactRow.state == COMMITTED))


def users_of(session: Session, artifact_id: int, after: int | None) -> list[tuple[int, RunRow]]:
    """Runs that took a version in, in that order, each beside its position among them."""
    statement = (select(UseRow.id, RunRow).join(RunRow, col(RunRow.id) == UseRow.run_id)
                 .where(UseRow.artifact_id == artifact_id, UseRow.kind == "input", col(UseRow.id) > (after or 0)))
    return [(row[0], row[1]) for row in session.execute(statement.order_by(col(UseRow.id))).all()]


def uses_of_runs(session: Session, kind: str, runs: Sequence[int]) -> Sequence[Any]:
    """Run, collection, number and project of the versions that these runs took in or made, the oldest use first."""
    if not runs:
        return []
    return Statement(
        "SELECT u.run_id, c.name, a.version_index, a.project_id FROM artifact_uses u"  # noqa: S608 - numbers of ours
        " JOIN artifacts a ON a.id = u.artifact_id"
        " JOIN artifact_collections c ON c.id = a.sequence_id"
        f" WHERE u.kind = :kind AND u.run_id IN ({', '.join(map(str, runs))})"
        " AND a.version_index IS NOT NULL ORDER BY u.id")(session, kind=kind).all()


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


def count_collections(session: Session, choice: Choice) -> int:
    if choice.name is not None:
        return int(session.execute(
            select(func.count()).select_from(CollectionRow).where(*choice.conditions())).scalar_one())
    counted = select(func.coalesce(func.sum(ArtifactTypeRow.collection_count), 0))
    of = ArtifactTypeRow.project_id == choice.project_id if choice.type_id is None else \
        ArtifactTypeRow.id == choice.type_id
    return int(session.execute(counted.where(of)).scalar_one())


def collections(session: Session, choice: Choice, order: Key, after: tuple[Position, int] | None, limit: int,
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


def every_collection(session: Session, choice: Choice, after: int | None, limit: int) -> list[CollectionRow]:
    """The oldest first."""
    statement = select(CollectionRow).where(*choice.conditions(), col(CollectionRow.id) > (after or 0))
    return list(session.execute(statement.order_by(col(CollectionRow.id)).limit(limit)).scalars())


def tags_of_collection(session: Session, collection_id: int) -> Sequence[CollectionTagRow]:
    return tags_of_collections(session, [collection_id]).get(collection_id, [])


def tags_of_collections(session: Session, collection_ids: Sequence[int]) -> dict[int, list[CollectionTagRow]]:
    """Tags by collection; one without any is left out."""
    found: dict[int, list[CollectionTagRow]] = {}
    for some in batches(collection_ids):
        for row in session.execute(_COLLECTION_TAGS_OF, {"collections": some}).scalars():
            found.setdefault(row.collection_id, []).append(row)
    return found


def aliases_of_collection(session: Session, collection_id: int, after: int | None, limit: int) -> Sequence[AliasRow]:
    return session.execute(
        select(AliasRow).where(AliasRow.collection_id == collection_id, col(AliasRow.id) > (after or 0))
        .order_by(col(AliasRow.id)).limit(limit)).scalars().all()


def versions_of_collection(session: Session, collection_id: int, after: int | None, limit: int, *, ascending: bool,
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
