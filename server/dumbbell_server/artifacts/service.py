"""Making a version: created pending, given files, committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson
from sqlalchemy import update
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server.artifacts import queries
from dumbbell_server.artifacts.aliases import set_alias, tag
from dumbbell_server.artifacts.names import (
    checked_alias,
    checked_name,
    checked_region,
    checked_tag,
    checked_text,
    version_number,
)
from dumbbell_server.artifacts.tables import (
    PENDING,
    SEQUENCE,
    ArtifactRow,
    ArtifactTypeRow,
    ClientIdRow,
    CollectionRow,
    UseRow,
)
from dumbbell_server.clock import Clock, to_text
from dumbbell_server.database.events import Events
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, Conflict, NotFound
from dumbbell_server.identity import Actor
from dumbbell_server.json_text import loads, storable
from dumbbell_server.projects import service as projects
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs import queries as runs

INHERITED = -1
NEVER = -2
_LONGEST_CLIENT_ID = 512
_MOST_SECONDS = 10**10
INPUT = "input"
OUTPUT = "output"


@dataclass(frozen=True)
class Wanted:
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
        checked_metadata(self.metadata)
        checked_ttl(self.ttl_seconds)
        for value in (self.client_id, self.sequence_client_id, self.distributed_id, self.digest):
            if value is not None and len(value) > _LONGEST_CLIENT_ID:
                raise BadInput(f"{value[:40]!r}… is longer than {_LONGEST_CLIENT_ID} characters")


def checked_metadata(metadata: str | None) -> str | None:
    """Any JSON (behaviours.md 7.12)."""
    if metadata is not None:
        try:
            loads(metadata)
        except ValueError as error:
            raise BadInput(f"metadata is not JSON: {error}") from None
        if not storable(metadata):
            raise BadInput("metadata holds a NUL or half a surrogate pair, which cannot be stored")
    return metadata


def checked_ttl(seconds: int | None) -> int | None:
    if seconds is not None and not (seconds in {INHERITED, NEVER, 0} or 0 < seconds <= _MOST_SECONDS):
        raise BadInput(f"ttlDurationSeconds {seconds} is not allowed: "
                       f"1 to {_MOST_SECONDS}, -1 to inherit, -2 for none")
    return seconds


def create_type(session: Session, clock: Clock, actor: Actor, entity: str, project: str, name: str,
                description: str | None) -> ArtifactTypeRow:
    """The type, made where it is new, in a project that is made where it is new."""
    home = projects.for_writing(Unit(session, clock, Events(), actor), entity, project)
    return type_named(session, clock, home.id, name, description)


def create(session: Session, clock: Clock, actor: Actor, wanted: Wanted) -> ArtifactRow:
    """The version to fill, or the committed one of this sequence that has the same digest."""
    wanted.check()
    home = projects.for_writing(Unit(session, clock, Events(), actor), wanted.entity, wanted.project)
    run = runs.by_name(session, home.id, wanted.run) if wanted.run and storable(wanted.run) else None
    if wanted.run and run is None:
        raise NotFound(f"run {wanted.entity}/{wanted.project}/{wanted.run} not found")
    collection = _sequence(session, clock, actor, home, wanted)
    artifact = _existing(session, clock, collection, wanted)
    if artifact is None:
        artifact = _new(session, clock, actor, collection, wanted, run.id if run else None)
    if run is not None:
        use(session, clock, run.id, artifact.id, OUTPUT)
    for name in wanted.tags:
        tag(session, artifact.id, name)
    remember(session, wanted.client_id, artifact_id=artifact.id)
    remember(session, wanted.sequence_client_id, collection_id=collection.id)
    return artifact


def _existing(session: Session, clock: Clock, collection: CollectionRow, wanted: Wanted) -> ArtifactRow | None:
    if wanted.distributed_id:
        open_one = queries.distributed(session, collection.id, wanted.distributed_id)
        if open_one is not None:
            open_one.updated_at = clock.text()
        return open_one
    if not wanted.dedupe:
        return None
    same = queries.by_digest(session, collection.id, wanted.digest)
    member = queries.membership(session, collection.id, same.id) if same else None
    if member is not None:
        for alias in own_aliases(collection, wanted.aliases):
            set_alias(session, member, alias)
    return same


def own_aliases(collection: CollectionRow, aliases: Sequence[tuple[str, str]]) -> list[str]:
    """Those for this collection; `vN` says nothing that its number does not."""
    return [alias for name, alias in aliases if name == collection.name and version_number(alias) is None]


def type_named(session: Session, clock: Clock, project_id: int, name: str, description: str | None = None,
               ) -> ArtifactTypeRow:
    """The type, made where it is new."""
    checked_name(name, "artifact type")
    row = queries.type_by_name(session, project_id, name)
    if row is None:
        row = ArtifactTypeRow(project_id=project_id, name=name, created_at=clock.text(),
                              description=checked_text(description, "description"))
        session.add(row)
        session.flush()
    return row


def _sequence(session: Session, clock: Clock, actor: Actor, home: ProjectRow, wanted: Wanted) -> CollectionRow:
    """The sequence, made where it is new. Conflict where the name has another type or holds links."""
    collection = queries.collection_by_name(session, home.id, wanted.collection)
    if collection is None:
        kind = type_named(session, clock, home.id, wanted.type_name)
        return make_collection(session, clock, actor, kind, SEQUENCE, wanted.collection)
    check_type(session, collection, wanted.type_name)
    if collection.kind != SEQUENCE:
        raise Conflict(f"{wanted.collection!r} in project {home.name!r} holds links only; "
                       "log under another name and link to it")
    return collection


def check_type(session: Session, collection: CollectionRow, type_name: str) -> None:
    """Conflict where the collection is of another type."""
    kind = session.get(ArtifactTypeRow, collection.type_id)
    if kind is None or kind.name != type_name:
        raise Conflict(f"Artifact {collection.name!r} already exists with type {kind and kind.name!r}; "
                       f"cannot create another with type {type_name!r}")


def make_collection(session: Session, clock: Clock, actor: Actor, kind: ArtifactTypeRow, form: str, name: str,
                    ) -> CollectionRow:
    now = clock.text()
    collection = CollectionRow(project_id=kind.project_id, type_id=kind.id, user_id=actor.user_id, kind=form,
                               name=checked_name(name, "artifact collection"), created_at=now, updated_at=now)
    session.add(collection)
    session.flush()
    count_collections(session, collection.type_id, 1)
    return collection


def count_collections(session: Session, type_id: int, change: int) -> None:
    """The type has so many collections more."""
    session.execute(update(ArtifactTypeRow).where(col(ArtifactTypeRow.id) == type_id).values(
        collection_count=ArtifactTypeRow.collection_count + change))


def _new(session: Session, clock: Clock, actor: Actor, collection: CollectionRow, wanted: Wanted,
         run_id: int | None) -> ArtifactRow:
    now = clock.text()
    artifact = ArtifactRow(
        project_id=collection.project_id, sequence_id=collection.id, run_id=run_id, user_id=actor.user_id,
        state=PENDING, digest=wanted.digest, digest_algorithm=wanted.digest_algorithm,
        description=wanted.description, metadata_json=wanted.metadata, labels=wanted.labels,
        history_step=wanted.history_step, storage_region=wanted.region, distributed_id=wanted.distributed_id,
        wanted_aliases=orjson.dumps(own_aliases(collection, wanted.aliases)).decode(), created_at=now,
        updated_at=now)
    set_ttl(artifact, wanted.ttl_seconds)
    session.add(artifact)
    session.flush()
    return artifact


def set_ttl(artifact: ArtifactRow, seconds: int | None) -> None:
    """How long after it was made the version lives; None leaves it."""
    if seconds is None:
        return
    artifact.ttl_seconds = checked_ttl(seconds) or NEVER
    born = datetime.fromisoformat(artifact.created_at)
    lives = artifact.ttl_seconds > 0
    artifact.expires_at = to_text(born + timedelta(seconds=artifact.ttl_seconds)) if lives else None


def remember(session: Session, client_id: str | None, artifact_id: int | None = None,
             collection_id: int | None = None) -> None:
    """What a client calls the version or sequence from now on."""
    if client_id and queries.client_id(session, client_id) is None:
        session.add(ClientIdRow(client_id=client_id, artifact_id=artifact_id, collection_id=collection_id))


def use(session: Session, clock: Clock, run_id: int, artifact_id: int, kind: str, used_as: str | None = None) -> None:
    """The run made the version (output) or took it in (input); said again, only `used_as` may change."""
    row = queries.use(session, run_id, artifact_id, kind)
    if row is None:
        session.add(UseRow(run_id=run_id, artifact_id=artifact_id, kind=kind, used_as=used_as,
                           created_at=clock.text()))
    elif used_as is not None:
        row.used_as = used_as
    session.flush()
