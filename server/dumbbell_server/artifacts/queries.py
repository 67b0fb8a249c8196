"""SELECTs of artifacts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import bindparam, func
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.artifacts.names import LATEST, version_number
from dumbbell_server.artifacts.tables import (
    COMMITTED,
    PENDING,
    SEQUENCE,
    AliasRow,
    ArtifactBlobRow,
    ArtifactRow,
    ArtifactTagRow,
    ArtifactTypeRow,
    ClientIdRow,
    CollectionRow,
    EntryRow,
    ManifestRow,
    MembershipRow,
    UseRow,
)
from dumbbell_server.database.statements import MAX_PARAMETERS, Statement
from dumbbell_server.json_text import storable
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.tables import RunRow

V = TypeVar("V")

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
_TAGS_OF = (select(ArtifactTagRow).where(col(ArtifactTagRow.artifact_id).in_(bindparam("artifacts", expanding=True)))
            .order_by(col(ArtifactTagRow.id)))


def pieces(values: Sequence[V]) -> Iterator[Sequence[V]]:
    """Parameter lists that both databases take."""
    return (values[at:at + MAX_PARAMETERS] for at in range(0, len(values), MAX_PARAMETERS))


def type_by_name(session: Session, project_id: int, name: str) -> ArtifactTypeRow | None:
    if not storable(name):
        return None
    return session.execute(_TYPE_BY_NAME, {"project": project_id, "name": name}).scalar()


def collection_by_name(session: Session, project_id: int, name: str) -> CollectionRow | None:
    if not storable(name):
        return None
    return session.execute(_COLLECTION_BY_NAME, {"project": project_id, "name": name}).scalar()


def by_digest(session: Session, sequence_id: int, digest: str) -> ArtifactRow | None:
    """The newest committed version with this digest."""
    return session.execute(select(ArtifactRow).where(
        ArtifactRow.sequence_id == sequence_id, ArtifactRow.digest == digest, ArtifactRow.state == COMMITTED,
    ).order_by(col(ArtifactRow.id).desc()).limit(1)).scalar()


def by_digest_in_project(session: Session, project_id: int, digest: str) -> ArtifactRow | None:
    """The newest version with this digest in any sequence, which is how clients of 2020 ask."""
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
    if not storable(alias):
        return None
    found = session.execute(_BY_ALIAS, {"collection": collection_id, "alias": alias}).first()
    if found is not None:
        return found[0]
    number = version_number(alias)
    if number is not None:
        return session.execute(select(MembershipRow).where(
            MembershipRow.collection_id == collection_id, MembershipRow.version_index == number)).scalar()
    artifact = by_digest(session, collection_id, alias)
    return membership(session, collection_id, artifact.id) if artifact else None


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
    if not storable(name):
        return None
    return session.execute(select(AliasRow).where(
        AliasRow.collection_id == collection_id, AliasRow.name == name)).scalar()


def aliases_of(session: Session, artifact_ids: Sequence[int]) -> list[tuple[int, AliasRow]]:
    """Aliases of versions in whatever collections, each beside the version's id."""
    return [(artifact_id, found) for some in pieces(artifact_ids) for artifact_id, found in session.execute(
        _ALIASES_OF, {"artifacts": some}).all()]


def aliases_in(session: Session, membership_id: int) -> Sequence[AliasRow]:
    return session.execute(_ALIASES_IN, {"member": membership_id}).scalars().all()


def tags_of(session: Session, artifact_ids: Sequence[int]) -> list[ArtifactTagRow]:
    return [row for some in pieces(artifact_ids) for row in session.execute(
        _TAGS_OF, {"artifacts": some}).scalars()]


def client_id(session: Session, value: str) -> ClientIdRow | None:
    return session.get(ClientIdRow, value) if storable(value) else None


def manifests_of(session: Session, artifact_id: int) -> Sequence[ManifestRow]:
    return session.execute(select(ManifestRow).where(ManifestRow.artifact_id == artifact_id)
                           .order_by(col(ManifestRow.id))).scalars().all()


def current_manifest(session: Session, artifact_id: int) -> ManifestRow | None:
    return session.execute(select(ManifestRow).where(
        ManifestRow.artifact_id == artifact_id, col(ManifestRow.current))).scalar()


def blob(session: Session, project_id: int, digest: str) -> ArtifactBlobRow | None:
    return session.execute(select(ArtifactBlobRow).where(
        ArtifactBlobRow.project_id == project_id, ArtifactBlobRow.digest == digest)).scalar()


def blobs(session: Session, project_id: int, digests: Iterable[str]) -> dict[str, ArtifactBlobRow]:
    """Those of the digests whose bytes are there, and stay until this unit ends."""
    return {row.digest: row for some in pieces(list(dict.fromkeys(digests))) for row in session.execute(
        select(ArtifactBlobRow).where(ArtifactBlobRow.project_id == project_id,
                                      col(ArtifactBlobRow.digest).in_(some)).with_for_update()).scalars()}


def which_exist(session: Session, artifact_ids: Iterable[int]) -> set[int]:
    return {number for some in pieces(list(artifact_ids)) for number in session.execute(
        select(ArtifactRow.id).where(col(ArtifactRow.id).in_(some))).scalars() if number}


def blob_ids(session: Session, project_id: int, digests: Iterable[str]) -> dict[str, int]:
    return {digest: number for some in pieces(list(set(digests))) for digest, number in session.execute(
        select(ArtifactBlobRow.digest, ArtifactBlobRow.id).where(
            ArtifactBlobRow.project_id == project_id, col(ArtifactBlobRow.digest).in_(some))).all() if number}


def count_entries(session: Session, artifact_id: int) -> int:
    return int(session.execute(
        select(func.count()).select_from(EntryRow).where(EntryRow.artifact_id == artifact_id)).scalar_one())


def has_entries(session: Session, artifact_id: int, first: str, last: str) -> bool:
    """Whether a version holds a file between these paths."""
    return session.execute(select(EntryRow.artifact_id).where(
        EntryRow.artifact_id == artifact_id, col(EntryRow.path) >= first, col(EntryRow.path) <= last,
    ).limit(1)).first() is not None


FileOfVersion = tuple[EntryRow, ArtifactBlobRow | None]


def _files(artifact_id: int, names: Sequence[str] | None) -> Any:
    statement = (select(EntryRow, ArtifactBlobRow)
                 .join(ArtifactBlobRow, col(ArtifactBlobRow.id) == EntryRow.blob_id, isouter=True)
                 .where(EntryRow.artifact_id == artifact_id))
    return statement if names is None else statement.where(col(EntryRow.path).in_(names))


def files(session: Session, artifact_id: int, after: str | None, limit: int) -> list[FileOfVersion]:
    """Files of a version by name."""
    statement = _files(artifact_id, None)
    if after is not None:
        statement = statement.where(col(EntryRow.path) > after)
    return [(row[0], row[1]) for row in session.execute(statement.order_by(col(EntryRow.path)).limit(limit)).all()]


def files_named(session: Session, artifact_id: int, names: Sequence[str]) -> list[FileOfVersion]:
    found = [(row[0], row[1]) for some in pieces([name for name in dict.fromkeys(names) if storable(name)])
             for row in session.execute(_files(artifact_id, some)).all()]
    return sorted(found, key=lambda file: file[0].path)


def holds(session: Session, collection_id: int, blob_id: int) -> bool:
    """Whether some version of a collection has this file."""
    return session.execute(
        select(EntryRow.artifact_id)
        .join(MembershipRow, col(MembershipRow.artifact_id) == EntryRow.artifact_id)
        .where(EntryRow.blob_id == blob_id, MembershipRow.collection_id == collection_id).limit(1)).first() is not None


def homes(session: Session, collection: CollectionRow) -> Sequence[int]:
    """The projects in which versions of a collection were logged."""
    if collection.kind == SEQUENCE:
        return [collection.project_id]
    return session.execute(
        select(ArtifactRow.project_id).distinct()
        .join(MembershipRow, col(MembershipRow.artifact_id) == ArtifactRow.id)
        .where(MembershipRow.collection_id == collection.id)).scalars().all()


def blob_in_entity(session: Session, entity_id: int, digest: str) -> list[tuple[ArtifactBlobRow, ProjectRow]]:
    return [(row[0], row[1]) for row in session.execute(
        select(ArtifactBlobRow, ProjectRow).join(ProjectRow, col(ProjectRow.id) == ArtifactBlobRow.project_id)
        .where(ProjectRow.entity_id == entity_id, ArtifactBlobRow.digest == digest)).all()]


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
    """Committed versions that a run made or took in, in that order, each beside its place among them."""
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
    """Runs that took a version in, in that order, each beside its place among them."""
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
