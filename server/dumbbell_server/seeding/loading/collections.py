"""Collections of a fixture, as rows, with the rows of their versions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dumbbell_server.artifacts import queries
from dumbbell_server.artifacts.names import LATEST
from dumbbell_server.artifacts.tables import (
    COMMITTED,
    PORTFOLIO,
    SEQUENCE,
    ArtifactRow,
    ArtifactTagRow,
    ArtifactTypeRow,
    ClientIdRow,
    CollectionRow,
    CollectionTagRow,
    UseRow,
)
from dumbbell_server.clock import to_text
from dumbbell_server.errors import BadInput
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs import queries as runs
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.seeding.form.documents import ArtifactVersion, Collection
from dumbbell_server.seeding.loading.logged import number_of
from dumbbell_server.seeding.loading.memberships import indexed, join
from dumbbell_server.seeding.loading.runs import as_text
from dumbbell_server.seeding.loading.state import Loading, ProjectPart
from dumbbell_server.seeding.loading.taking import Path_


@dataclass(frozen=True)
class NewVersion:
    """A version whose row is there, and whose files are not yet."""

    part: ProjectPart
    path: Path_
    form: ArtifactVersion
    row: ArtifactRow


def load_types(loading: Loading, part: ProjectPart) -> None:
    for at, form in enumerate(part.form.artifact_types):
        with part.read.at(*part.path, "artifact_types", at):
            _type(loading, part, form.name, form.description, loading.at(part.read, form.created), form.row)


def _type(loading: Loading, part: ProjectPart, name: str, description: str | None = None, created: str | None = None,
          number: int | None = None) -> ArtifactTypeRow:
    row = queries.type_by_name(loading.session, part.row.id, name)
    if row is None:
        row = ArtifactTypeRow(**loading.numbers.kept(ArtifactTypeRow, number), project_id=part.row.id, name=name,
                              description=description, created_at=created or part.row.created_at)
        loading.session.add(row)
        loading.session.flush()
    return row


def load_collections(loading: Loading, part: ProjectPart) -> list[NewVersion]:
    """Collections with the rows of their versions. What is returned has no files yet."""
    made: list[NewVersion] = []
    for at, form in enumerate(part.form.artifacts):
        path = (*part.path, "artifacts", at)
        with part.read.at(*path):
            row = _collection(loading, part, form)
        made += _versions(loading, part, path, form, row)
    return made


def _collection(loading: Loading, part: ProjectPart, form: Collection) -> CollectionRow:
    session, kind = loading.session, PORTFOLIO if form.links or form.portfolio else SEQUENCE
    artifact_type = _type(loading, part, form.type)
    row = queries.collection_by_name(session, part.row.id, form.name)
    if row is not None:
        if row.type_id != artifact_type.id or row.kind != kind:
            raise BadInput(f"{form.name!r} is there already, as a {row.kind} of another type or kind; "
                           "choose another name")
        return row
    created = loading.at(part.read, form.created) or part.row.created_at
    row = CollectionRow(
        **loading.numbers.kept(CollectionRow, form.row), project_id=part.row.id, type_id=artifact_type.id,
        user_id=loading.user(form.user) if form.user else part.row.user_id, kind=kind, name=form.name,
        description=form.description, next_version=form.next_version or 0, created_at=created,
        updated_at=loading.at(part.read, form.updated) or created)
    artifact_type.collection_count += 1
    session.add(row)
    session.flush()
    session.add_all([CollectionTagRow(collection_id=row.id, name=tag) for tag in dict.fromkeys(form.tags)])
    _client_ids(loading, form.client_ids, collection_id=row.id)
    return row


def _client_ids(loading: Loading, names: Sequence[str], **of: int) -> None:
    for name in names:
        if queries.client_id(loading.session, name) is None:
            loading.session.add(ClientIdRow(client_id=name, **of))
            loading.session.flush()


def _versions(loading: Loading, part: ProjectPart, path: Path_, form: Collection, row: CollectionRow,
              ) -> list[NewVersion]:
    made: list[NewVersion] = []
    last = form.versions[-1] if form.versions else None
    takes_latest = not form.no_latest and not any(LATEST in version.aliases for version in form.versions)
    for at, (given, version) in enumerate(indexed(form)):
        index = number_of(loading, row, version, given)
        name = f"{part.name}/{form.name}:v{index}"
        with part.read.at(*path, "versions", at):
            there = queries.membership_by_path(loading.session, part.row.id, f"{form.name}:v{index}")
            if there is not None:
                loading.versions[name] = there.artifact_id
                continue
            artifact = _version(loading, part, version, row, index)
            aliases = [*version.aliases, *([LATEST] if takes_latest and version is last else [])]
            joined = loading.at(part.read, version.joined) or artifact.created_at
            join(loading, row, artifact, index, aliases, joined, version.member_row)
            loading.versions[name] = artifact.id
            made.append(NewVersion(part, (*path, "versions", at), version, artifact))
            loading.counts.artifacts += 1
    return made


def _version(loading: Loading, part: ProjectPart, form: ArtifactVersion, collection: CollectionRow, index: int,
             ) -> ArtifactRow:
    session = loading.session
    run = _run_of(loading, part.row, form.run) if form.run is not None else None
    created = loading.at(part.read, form.created) or (run.heartbeat_at if run else collection.created_at)
    made_by = loading.user(form.user) if form.user else run.user_id if run else collection.user_id
    row = ArtifactRow(
        **loading.numbers.kept(ArtifactRow, form.row), project_id=part.row.id, sequence_id=collection.id,
        run_id=run.id if run else None, user_id=made_by, state=COMMITTED, version_index=index,
        digest=form.digest or "", digest_algorithm=form.digest_algorithm, description=form.description,
        metadata_json=_metadata(form), labels=form.labels, commit_hash=form.commit or _commit(part, collection, index),
        history_step=form.history_step, ttl_seconds=form.ttl_seconds or -2,
        expires_at=loading.at(part.read, form.expires) or _expiry(form, created), storage_region=form.storage_region,
        distributed_id=form.distributed_id, created_at=created,
        updated_at=loading.at(part.read, form.updated) or created)
    session.add(row)
    session.flush()
    if form.row is not None and row.id != form.row:
        loading.renumbered[form.row] = row.id
    session.add_all([ArtifactTagRow(artifact_id=row.id, name=tag) for tag in dict.fromkeys(form.tags)])
    _client_ids(loading, form.client_ids, artifact_id=row.id)
    if run is not None:
        session.add(UseRow(run_id=run.id, artifact_id=row.id, kind="output", created_at=created))
    return row


def _run_of(loading: Loading, project: ProjectRow, name: str) -> RunRow:
    run = runs.plain(loading.session, project.id, name)
    if run is None:
        raise BadInput(f"run {name!r} is neither in the fixture nor in project {project.name!r}")
    return run


def _metadata(form: ArtifactVersion) -> str | None:
    if form.metadata_json is not None:
        return form.metadata_json
    return None if form.metadata is None else as_text(form.metadata, "metadata")


def _commit(part: ProjectPart, collection: CollectionRow, index: int) -> str:
    """The same each time, as a commit looks."""
    return hashlib.sha1(f"{part.name}/{collection.name}:v{index}".encode(), usedforsecurity=False).hexdigest()


def _expiry(form: ArtifactVersion, created: str) -> str | None:
    if form.ttl_seconds <= 0:
        return None
    return to_text(datetime.fromisoformat(created) + timedelta(seconds=form.ttl_seconds))
