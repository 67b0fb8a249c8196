"""Making and changing versions: created pending, given files, committed, edited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson
from sqlmodel import col

from dumbbell_server.artifacts import access, client_ids, collections, queries, types, uses
from dumbbell_server.artifacts.aliases import replace_aliases, set_alias, touch_members
from dumbbell_server.artifacts.memberships import join
from dumbbell_server.artifacts.names import (
    LATEST,
    checked_alias,
    checked_name,
    checked_region,
    checked_tag,
    checked_text,
    version_number,
)
from dumbbell_server.artifacts.tables import (
    COMMITTED,
    PENDING,
    SEQUENCE,
    ArtifactRow,
    CollectionRow,
    MembershipRow,
)
from dumbbell_server.artifacts.tags import tag_version, untag_version
from dumbbell_server.clock import to_text
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, Conflict, NotFound
from dumbbell_server.json_text import check_levels, loads
from dumbbell_server.projects import service as projects
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs import service as runs

INHERITED = -1
NEVER = -2
_LONGEST_CLIENT_ID = 512
_MOST_SECONDS = 10**10


@dataclass(frozen=True)
class NewVersion:
    """A version that a client is about to log."""

    entity: str
    project: str
    type_name: str
    collection: str
    digest: str
    run: str | None = None
    digest_algorithm: str = "MANIFEST_MD5"
    description: str | None = None
    metadata: str | None = None
    labels: str | None = None
    aliases: Sequence[tuple[str, str]] = ()  # collection, alias
    tags: Sequence[str] = field(default_factory=tuple)
    history_step: int | None = None
    ttl_seconds: int | None = None
    dedupe: bool = True
    distributed_id: str | None = None
    client_id: str | None = None
    sequence_client_id: str | None = None
    region: str | None = None

    def check(self) -> None:
        """BadInput names what is malformed."""
        checked_name(self.type_name, "artifact type")
        checked_name(self.collection, "artifact")
        checked_region(self.region)
        for what in ("digest", "description", "labels", "distributed_id", "client_id", "sequence_client_id"):
            checked_text(getattr(self, what), what)
        for _, alias in self.aliases:
            checked_alias(alias)
        for name in self.tags:
            checked_tag(name)
        _checked_metadata(self.metadata)
        _checked_ttl(self.ttl_seconds)
        for value in (self.client_id, self.sequence_client_id, self.distributed_id, self.digest):
            if value is not None and len(value) > _LONGEST_CLIENT_ID:
                raise BadInput(f"{value[:40]!r}… is longer than {_LONGEST_CLIENT_ID} characters")


@dataclass(frozen=True)
class VersionEdit:
    """What is to be set; None leaves it."""

    description: str | None = None
    metadata: str | None = None
    labels: str | None = None
    ttl_seconds: int | None = None
    aliases: Sequence[tuple[str, str]] | None = None  # collection and alias: all that the version is to have
    tags_to_add: Sequence[str] = ()
    tags_to_delete: Sequence[str] = ()


def _checked_metadata(metadata: str | None) -> str | None:
    """Any JSON (docs/protocol/behaviours.md#artifacts)."""
    if metadata is not None:
        check_levels(metadata, "metadata")
        try:
            loads(metadata)
        except ValueError as error:
            raise BadInput(f"metadata is not JSON: {error}") from None
    return metadata


def _checked_ttl(seconds: int | None) -> int | None:
    if seconds is not None and not (seconds in {INHERITED, NEVER, 0} or 0 < seconds <= _MOST_SECONDS):
        raise BadInput(f"ttlDurationSeconds {seconds} is not allowed: "
                       f"1 to {_MOST_SECONDS}, -1 to inherit, -2 for none")
    return seconds


def create(unit: Unit, new: NewVersion) -> ArtifactRow:
    """The version to fill, or the committed one of this sequence that has the same digest."""
    new.check()
    session = unit.session
    run = runs.find(session, unit.actor, new.entity, new.project, new.run) if new.run else None
    if run is not None:  # which may be in a project of another name by now
        project = runs.check_writable(session, unit.actor, run, "log artifacts")
    else:
        project = projects.for_writing(unit, new.entity, new.project)
    if new.run and run is None:
        raise NotFound(f"run {new.entity}/{new.project}/{new.run} not found")
    collection = _sequence(unit, project, new)
    artifact = _existing(unit, collection, new)
    if artifact is None:
        artifact = _insert(unit, collection, new, run.id if run else None)
    if run is not None:
        uses.record(unit, run.id, artifact.id, uses.OUTPUT)
    for name in new.tags:
        tag_version(session, artifact.id, name)
    client_ids.remember(session, new.client_id, artifact_id=artifact.id)
    client_ids.remember(session, new.sequence_client_id, collection_id=collection.id)
    return artifact


def _sequence(unit: Unit, project: ProjectRow, new: NewVersion) -> CollectionRow:
    """The sequence, made where it is new. Conflict where the name has another type or holds links."""
    collection = queries.collection_by_name(unit.session, project.id, new.collection)
    if collection is None:
        kind = types.find_or_create(unit, project.id, new.type_name)
        return collections.create(unit, kind, SEQUENCE, new.collection)
    types.check(unit.session, collection, new.type_name)
    if collection.kind != SEQUENCE:
        raise Conflict(f"{new.collection!r} in project {project.name!r} holds links only; "
                       "log under another name and link to it")
    return collection


def _existing(unit: Unit, collection: CollectionRow, new: NewVersion) -> ArtifactRow | None:
    if new.distributed_id:
        open_one = queries.distributed(unit.session, collection.id, new.distributed_id)
        if open_one is not None:
            open_one.updated_at = unit.clock.text()
        return open_one
    if not new.dedupe:
        return None
    same = queries.by_digest(unit.session, collection.id, new.digest)
    member = queries.membership(unit.session, collection.id, same.id) if same else None
    if member is not None:
        for alias in _own_aliases(collection, new.aliases):
            set_alias(unit.session, member, alias)
    return same


def _own_aliases(collection: CollectionRow, aliases: Sequence[tuple[str, str]]) -> list[str]:
    """Those for this collection; `vN` says nothing that its number does not."""
    return [alias for name, alias in aliases if name == collection.name and version_number(alias) is None]


def _insert(unit: Unit, collection: CollectionRow, new: NewVersion, run_id: int | None) -> ArtifactRow:
    now = unit.clock.text()
    artifact = ArtifactRow(
        project_id=collection.project_id, sequence_id=collection.id, run_id=run_id, user_id=unit.actor.user_id,
        state=PENDING, digest=new.digest, digest_algorithm=new.digest_algorithm, description=new.description,
        metadata_json=new.metadata, labels=new.labels, history_step=new.history_step, storage_region=new.region,
        distributed_id=new.distributed_id,
        wanted_aliases=orjson.dumps(_own_aliases(collection, new.aliases)).decode(), created_at=now, updated_at=now)
    _set_ttl(artifact, new.ttl_seconds)
    unit.session.add(artifact)
    unit.session.flush()
    return artifact


def _set_ttl(artifact: ArtifactRow, seconds: int | None) -> None:
    """How long after it was made the version lives; None leaves it."""
    if seconds is None:
        return
    artifact.ttl_seconds = _checked_ttl(seconds) or NEVER
    born = datetime.fromisoformat(artifact.created_at)
    lives = artifact.ttl_seconds > 0
    artifact.expires_at = to_text(born + timedelta(seconds=artifact.ttl_seconds)) if lives else None


def commit(unit: Unit, artifact: ArtifactRow, *, digest: str, size: int, file_count: int) -> None:
    """The version, whose row the caller has locked and given its files, has its number and its aliases."""
    collection = unit.session.get_one(CollectionRow, artifact.sequence_id, with_for_update=True)
    artifact.state, artifact.version_index = COMMITTED, collection.next_version
    artifact.digest, artifact.size, artifact.file_count = digest, size, file_count
    artifact.commit_hash = unit.clock.token(40)
    artifact.updated_at = unit.clock.text()
    unit.session.add(artifact)
    member = join(unit, collection, artifact)
    for alias in [*orjson.loads(artifact.wanted_aliases), LATEST]:
        set_alias(unit.session, member, alias)


def update(unit: Unit, node_id: str, edit: VersionEdit) -> ArtifactRow:
    """The version with what was given."""
    session = unit.session
    artifact = access.for_writing(session, unit.actor, node_id, "edit artifacts")
    _checked_ttl(edit.ttl_seconds)
    if edit.description is not None:
        artifact.description = checked_text(edit.description, "description")
    if edit.metadata is not None:
        artifact.metadata_json = _checked_metadata(edit.metadata)
    if edit.labels is not None:
        artifact.labels = checked_text(edit.labels, "labels")
    _set_ttl(artifact, edit.ttl_seconds)
    for name in edit.tags_to_add:
        tag_version(session, artifact.id, name)
    for name in edit.tags_to_delete:
        untag_version(session, artifact.id, name)
    if edit.aliases is not None and artifact.state == COMMITTED:
        replace_aliases(session, artifact, edit.aliases)
    artifact.updated_at = unit.clock.text()
    session.add(artifact)
    session.flush()
    touch_members(session, col(MembershipRow.artifact_id) == artifact.id)
    return artifact
