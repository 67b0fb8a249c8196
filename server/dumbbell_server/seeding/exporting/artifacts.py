"""Collections of an export, with their versions or links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select

from dumbbell_server.artifact_files.digests import hex_of
from dumbbell_server.artifact_files.queries import current_manifest
from dumbbell_server.artifact_files.tables import ArtifactBlobRow, EntryRow
from dumbbell_server.artifacts import queries
from dumbbell_server.artifacts.names import LATEST
from dumbbell_server.artifacts.tables import (
    COMMITTED,
    PORTFOLIO,
    AliasRow,
    ArtifactRow,
    ArtifactTypeRow,
    ClientIdRow,
    CollectionRow,
    MembershipRow,
)
from dumbbell_server.errors import Conflict
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.seeding.exporting.projects import place_of
from dumbbell_server.seeding.exporting.writing import Writing
from dumbbell_server.seeding.form import folder
from dumbbell_server.seeding.form.folder import described

Births = dict[int, dict[str, int]]  # by the version that first holds a file, by its MD5: that with which it came


def export_artifacts(writing: Writing, project: ProjectRow) -> None:
    """The collections of a project or registry, each in a folder of its own."""
    births = _births(writing, project)
    key, place = place_of(writing, project)
    entity = writing.scope.entities[project.entity_id]
    rows = writing.session.execute(select(CollectionRow).where(CollectionRow.project_id == project.id).order_by(
        col(CollectionRow.id))).scalars().all()
    for row in rows:
        beside = writing.folder.collection(entity.name, project.name, row.name)
        beside.mkdir(parents=True)
        document = {key: [{**place, "artifacts": [_collection(writing, project, row, births)]}]}
        folder.write_document(writing.folder.collection_file(entity.name, project.name, row.name), document)
        writing.on_progress(1)


def _births(writing: Writing, project: ProjectRow) -> Births:
    """Where the first version that still holds a file is not that with which it came."""
    first = func.min(EntryRow.artifact_id)
    rows = writing.session.execute(
        select(ArtifactBlobRow.digest, ArtifactBlobRow.birth_artifact_id, first)
        .join(EntryRow, col(EntryRow.blob_id) == ArtifactBlobRow.id)
        .where(ArtifactBlobRow.project_id == project.id)
        .group_by(col(ArtifactBlobRow.id), col(ArtifactBlobRow.digest), col(ArtifactBlobRow.birth_artifact_id))
        .having(first != ArtifactBlobRow.birth_artifact_id)).all()
    found: Births = {}
    for digest, birth, holder in rows:
        found.setdefault(holder, {})[hex_of(digest) or ""] = birth
    return found


def _collection(writing: Writing, project: ProjectRow, row: CollectionRow, births: Births) -> dict[str, Any]:
    session = writing.session
    kind = session.get_one(ArtifactTypeRow, row.type_id)
    members = session.execute(
        select(MembershipRow, ArtifactRow).join(ArtifactRow, col(ArtifactRow.id) == MembershipRow.artifact_id)
        .where(MembershipRow.collection_id == row.id, ArtifactRow.state == COMMITTED)
        .order_by(col(MembershipRow.version_index))).all()
    aliases = _aliases(writing, row)
    linked = row.kind == PORTFOLIO
    holders = {name for names in aliases.values() for name in names}
    return described(
        name=row.name, type=kind.name, user=writing.user(row.user_id), description=row.description,
        tags=[tag.name for tag in queries.tags_of_collection(session, row.id)], portfolio=linked,
        no_latest=bool(members) and LATEST not in holders, next_version=row.next_version,
        client_ids=_client_ids(writing, ClientIdRow.collection_id, row.id),
        versions=[] if linked else [_version(writing, project, row, member, artifact, aliases, births)
                                    for member, artifact in members],
        links=_links(writing, members, aliases) if linked else [],
        created=row.created_at, updated=row.updated_at, row=row.id)


def _aliases(writing: Writing, row: CollectionRow) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for member, name in writing.session.execute(select(AliasRow.membership_id, AliasRow.name).where(
            AliasRow.collection_id == row.id).order_by(col(AliasRow.id))).all():
        found.setdefault(member, []).append(name)
    return found


def _client_ids(writing: Writing, column: Any, number: int) -> list[str]:
    return list(writing.session.execute(select(ClientIdRow.client_id).where(column == number).order_by(
        col(ClientIdRow.client_id))).scalars())


def _version(writing: Writing, project: ProjectRow, collection: CollectionRow, member: MembershipRow,
             row: ArtifactRow, aliases: dict[int, list[str]], births: Births) -> dict[str, Any]:
    session = writing.session
    run = session.execute(select(RunRow.name).where(RunRow.id == row.run_id)).scalar() if row.run_id else None
    fields = described(
        aliases=aliases.get(member.id), user=writing.user(row.user_id), run=run, description=row.description,
        tags=[tag.name for _, tag in queries.tags_of_versions(session, [row.id])], metadata_json=row.metadata_json,
        labels=row.labels, manifest=_manifest(writing, project, collection, member, row), digest=row.digest,
        digest_algorithm=row.digest_algorithm, expires=row.expires_at, history_step=row.history_step,
        commit=row.commit_hash, storage_region=row.storage_region, distributed_id=row.distributed_id,
        client_ids=_client_ids(writing, ClientIdRow.artifact_id, row.id), births=births.get(row.id),
        created=row.created_at, updated=row.updated_at, joined=member.created_at, row=row.id, member_row=member.id)
    if row.history_step == 0:
        fields["history_step"] = 0
    writing.on_progress(1)
    return {"index": member.version_index, **fields, "ttl_seconds": row.ttl_seconds}


def _manifest(writing: Writing, project: ProjectRow, collection: CollectionRow, member: MembershipRow,
              row: ArtifactRow) -> str:
    """The manifest lies beside the document, and the bytes that it names among the blobs."""
    current = current_manifest(writing.session, row.id)
    if current is None or current.blob_key is None:
        raise Conflict(f"artifact {row.id} has no manifest; delete it, or export without its project")
    entity = writing.scope.entities[project.entity_id]
    name = folder.manifest_name(member.version_index)
    try:
        data = writing.backend.blobs.load(current.blob_key)
    except FileNotFoundError:
        raise Conflict(f"the manifest of {collection.name}:v{member.version_index} is lost; delete it, or export "
                       "without its project") from None
    (writing.folder.collection(entity.name, project.name, collection.name) / name).write_bytes(data)
    for digest, key, size in writing.session.execute(
            select(ArtifactBlobRow.digest, ArtifactBlobRow.blob_key, ArtifactBlobRow.size)
            .join(EntryRow, col(EntryRow.blob_id) == ArtifactBlobRow.id)
            .where(EntryRow.artifact_id == row.id).order_by(col(EntryRow.path))):
        writing.blob(digest, key, size)
    return name


def _links(writing: Writing, members: Sequence[Any], aliases: dict[int, list[str]]) -> list[dict[str, Any]]:
    found = []
    for member, artifact in members:
        project = writing.scope.projects.get(artifact.project_id)
        if project is None:
            writing.leave_out("a link to an artifact of another project")
            continue
        sequence = writing.session.get_one(CollectionRow, artifact.sequence_id)
        found.append({
            "version": f"{writing.scope.path(project)}/{sequence.name}:v{artifact.version_index}",
            "index": member.version_index, **described(aliases=aliases.get(member.id), created=member.created_at,
                                                       row=member.id)})
    return found
