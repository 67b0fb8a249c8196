"""Finalising a version: its manifests become one, every byte is there, it gets its number."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import delete
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server.artifact_files import expected, manifests, queries
from dumbbell_server.artifact_files.manifest_records import FOLDER
from dumbbell_server.artifact_files.manifests import FILE_NAME, FULL, INCREMENTAL, PATCH, Entry
from dumbbell_server.artifact_files.tables import EntryRow, ManifestRow
from dumbbell_server.artifacts import access, service
from dumbbell_server.artifacts.queries import latest
from dumbbell_server.artifacts.tables import COMMITTED, DELETED, ArtifactRow
from dumbbell_server.backend import Backend
from dumbbell_server.blobs.garbage import orphan
from dumbbell_server.blobs.store import new_key
from dumbbell_server.database.engine import reading
from dumbbell_server.database.statements import insert_many
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, NotFound, StorageUnavailable
from dumbbell_server.identity import Actor

_COLUMNS = {"artifact_id": "int", "path": "text", "blob_id": "int", "size": "bigint", "digest": "text", "ref": "text"}
# Where a commit broke off; twice as dear as to insert.
_OVERWRITE = ("ON CONFLICT (artifact_id, path) DO UPDATE SET blob_id = excluded.blob_id, size = excluded.size, "
              "digest = excluded.digest, ref = excluded.ref")
_AT_ONCE = 10_000  # files that a unit puts into a version: others write between two


@dataclass(frozen=True)
class Contents:
    """What a version will hold, and the manifest that says so."""

    entries: list[Entry]  # by path
    manifest: ManifestRow  # a stored one, or a new one that the server made of several
    digest: str | None  # of a version that was put together here
    seen: frozenset[tuple[int, str]]  # the uploads that went into it


def commit_version(backend: Backend, actor: Actor, node_id: str) -> ArtifactRow:
    """The version is committed, which it may be already. BadInput where a manifest or a byte is missing."""
    while True:
        done = _try_commit(backend, actor, node_id)
        if done is not None:
            return done


def _try_commit(backend: Backend, actor: Actor, node_id: str) -> ArtifactRow | None:
    """None where another manifest came meanwhile."""
    with reading(backend.database) as session:
        artifact = access.for_writing(session, actor, node_id, "commit artifacts")
        if artifact.state == COMMITTED:
            return artifact
        expected.register(backend, artifact.id)
        contents = _gather(backend, session, artifact)
    made = contents.manifest.id is None
    named = False
    try:
        done = _insert_all(backend, actor, artifact.id, contents)
        named = done is not None and contents.manifest.id is not None
    except StorageUnavailable:
        named = True  # or so it may be
        raise
    finally:
        if made and not named:
            backend.blobs.delete(contents.manifest.blob_key or "")
    return done


def _insert_all(backend: Backend, actor: Actor, artifact_id: int, contents: Contents) -> ArtifactRow | None:
    """The files are in the version, the last of them with all else that makes it a committed one."""
    entries = contents.entries
    last = max(0, len(entries) - 1) // _AT_ONCE * _AT_ONCE
    for at in range(0, last, _AT_ONCE):
        if not backend.write(actor, _insert_some, artifact_id, contents, entries[at:at + _AT_ONCE]):
            return None
    return backend.write(actor, _commit, artifact_id, contents, entries[last:])


def _gather(backend: Backend, session: Session, artifact: ArtifactRow) -> Contents:
    """Read the manifests that came, and make one of them where they are several or only say what changes."""
    announced = queries.manifests_of(session, artifact.id)
    rows = [row for row in announced if row.blob_key]
    seen = frozenset((row.id, row.blob_key or "") for row in rows)
    if not rows and all(row.kind == FULL for row in announced):
        raise BadInput("the manifest of this artifact was not uploaded; upload it, then commit")
    whole = [row for row in rows if row.kind == FULL]
    if whole and len(rows) == len(whole):
        manifest = _load(backend, whole[-1])
        return Contents(_sorted(manifest), whole[-1], None, seen)
    base = _load(backend, whole[-1]) if whole else _base(backend, session, artifact, announced)
    changes = [_load(backend, row) for row in rows if row.kind in {INCREMENTAL, PATCH}]
    manifest = manifests.merged(base, changes)
    entries = _sorted(manifest)
    return Contents(entries, _store(backend, artifact, manifest), manifests.digest(entries), seen)


def _sorted(manifest: dict[str, Any]) -> list[Entry]:
    return sorted(manifests.entries(manifest), key=lambda entry: entry.path)


def _load(backend: Backend, row: ManifestRow) -> dict[str, Any]:
    try:
        data = backend.blobs.load(row.blob_key or "")
    except FileNotFoundError:
        raise BadInput(f"the manifest {row.name!r} of artifact {row.artifact_id} is lost on the disk of the server; "
                       "upload a whole manifest again") from None
    return manifests.parse(data)


def _base(backend: Backend, session: Session, artifact: ArtifactRow, announced: Sequence[ManifestRow],
          ) -> dict[str, Any] | None:
    """What an incremental manifest builds on: the version it names, or the latest of the sequence."""
    incremental = [row for row in announced if row.kind == INCREMENTAL]
    if not incremental:
        return None
    named = next((row.base_artifact_id for row in reversed(incremental) if row.base_artifact_id), None)
    newest = None if named else latest(session, artifact.sequence_id)
    number = named or (newest.id if newest else None)
    if number is None:
        return None
    current = queries.current_manifest(session, number)
    if current is None:
        raise BadInput("the version on which this one builds is deleted; log it again")
    return _load(backend, current)


def _store(backend: Backend, artifact: ArtifactRow, manifest: dict[str, Any]) -> ManifestRow:
    data = orjson.dumps(manifest)
    key = new_key(FOLDER)
    backend.blobs.store(key, data)
    digest = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    return ManifestRow(artifact_id=artifact.id, name=FILE_NAME, kind=FULL, digest=digest, size=len(data),
                       blob_key=key)


def _locked(session: Session, artifact_id: int) -> ArtifactRow:
    artifact = session.get(ArtifactRow, artifact_id, with_for_update=True)
    if artifact is None or artifact.state == DELETED:
        raise NotFound("the artifact was deleted while it was committed")
    return artifact


def _is_current(stored: Sequence[ManifestRow], contents: Contents) -> bool:
    return frozenset((row.id, row.blob_key) for row in stored if row.blob_key) == contents.seen


def _insert_some(unit: Unit, artifact_id: int, contents: Contents, entries: Sequence[Entry]) -> bool:
    """These files are in a version that is still open. False where it is not, or another manifest came."""
    artifact = _locked(unit.session, artifact_id)
    if artifact.state == COMMITTED or not _is_current(queries.manifests_of(unit.session, artifact_id), contents):
        return False
    insert_entries(unit.session, artifact, entries)
    return True


def _commit(unit: Unit, artifact_id: int, contents: Contents, last: Sequence[Entry]) -> ArtifactRow | None:
    """None where the manifests, or the files that are in the version, are not those that were read."""
    session, artifact = unit.session, _locked(unit.session, artifact_id)
    if artifact.state == COMMITTED:
        return artifact
    stored = queries.manifests_of(session, artifact_id)
    if not _is_current(stored, contents):
        return None
    if queries.count_entries(session, artifact_id) != len(contents.entries) - len(last):  # of a commit that broke off
        session.execute(delete(EntryRow).where(col(EntryRow.artifact_id) == artifact_id))
        if len(contents.entries) > len(last):
            return None
    insert_entries(session, artifact, last)
    _leave_one_manifest(unit, stored, contents.manifest)
    expected.forget(unit, artifact_id)
    service.commit(unit, artifact, digest=contents.digest or artifact.digest,
                   size=_size(session, artifact_id, contents.entries), file_count=len(contents.entries))
    return artifact


def insert_entries(session: Session, artifact: ArtifactRow, entries: Sequence[Entry]) -> None:
    """Files of the version, by path, each with its bytes. BadInput names one whose bytes are not there or others."""
    held = queries.stored_blobs(session, artifact.project_id,
                                (entry.digest for entry in entries if entry.ref is None))
    rows: list[tuple[int, str, int | None, int, str | None, str | None]] = []
    for entry in entries:
        if entry.ref is not None:
            rows.append((artifact.id, entry.path, None, entry.size or 0, entry.digest, entry.ref))
            continue
        number, size = held.get(entry.digest, (None, 0))
        if number is None:
            raise BadInput(f"the bytes of {entry.path[:140]!r} were not uploaded; upload them, then commit")
        if entry.size is not None and entry.size != size:
            raise BadInput(f"manifest entry {entry.path[:140]!r}: its size is said to be {entry.size} bytes, "
                           f"and {size} were uploaded")
        rows.append((artifact.id, entry.path, number, size, None, None))
    if rows:
        some_are_there = queries.has_entries(session, artifact.id, entries[0].path, entries[-1].path)
        insert_many(session, "artifact_entries", _COLUMNS, rows, _OVERWRITE if some_are_there else "")


def _size(session: Session, artifact_id: int, entries: Sequence[Entry]) -> int:
    """Of all files; by the database where the manifest leaves one out."""
    sizes = [entry.size for entry in entries if entry.size is not None]
    if len(sizes) == len(entries):
        return sum(sizes)
    size = queries.size_of_entries(session, artifact_id)
    if size > manifests.MOST_IN_ALL:
        raise BadInput(f"the files of this version add up to more than {manifests.MOST_IN_ALL} bytes")
    return size


def _leave_one_manifest(unit: Unit, stored: Sequence[ManifestRow], manifest: ManifestRow) -> None:
    session = unit.session
    for row in stored:
        if row.id != manifest.id:
            orphan(unit, [row.blob_key] if row.blob_key else [])
            session.delete(row)
    current = session.get_one(ManifestRow, manifest.id) if manifest.id else manifest
    current.current = True
    session.add(current)
    session.flush()
