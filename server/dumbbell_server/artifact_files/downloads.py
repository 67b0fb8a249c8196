"""Finding the bytes of a file, by each kind of path that clients ask for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from sqlalchemy.orm import Session

from dumbbell_server import ids
from dumbbell_server.accounts import queries as accounts
from dumbbell_server.artifact_files import queries
from dumbbell_server.artifact_files.digests import digest_of
from dumbbell_server.artifact_files.tables import ArtifactBlobRow, ManifestRow
from dumbbell_server.artifacts import access
from dumbbell_server.artifacts.queries import collection_by_name, projects_of
from dumbbell_server.artifacts.tables import DELETED, ArtifactRow, CollectionRow
from dumbbell_server.database.statements import Statement
from dumbbell_server.identity import Actor, Role
from dumbbell_server.projects import service as projects
from dumbbell_server.projects.access import role_in

_HEX = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class StoredBytes:
    blob_key: str
    size: int
    digest: str


def _found(row: ArtifactBlobRow | None) -> StoredBytes | None:
    return StoredBytes(row.blob_key, row.size, row.digest) if row else None


_FILE = Statement("""
    SELECT b.blob_key, b.size, b.digest FROM artifacts a JOIN artifact_blobs b ON b.project_id = a.project_id
    WHERE a.id = :artifact AND a.state <> 'DELETED' AND b.digest = :digest""")


def signed_file(session: Session, artifact_id: int, hexadecimal: str) -> StoredBytes | None:
    """A file of a version, for whom the server gave the URL to."""
    row = _FILE(session, artifact=artifact_id, digest=digest_of(hexadecimal) or "").first()
    return StoredBytes(row.blob_key, row.size, row.digest) if row else None


def manifest(session: Session, manifest_id: int) -> StoredBytes | None:
    row = session.get(ManifestRow, manifest_id)
    artifact = session.get(ArtifactRow, row.artifact_id) if row else None
    if row is None or row.blob_key is None or artifact is None or artifact.state == DELETED:
        return None
    return StoredBytes(row.blob_key, row.size, row.digest)


def in_entity(session: Session, actor: Actor | None, entity: str, hexadecimal: str) -> StoredBytes | None:
    """Bytes in any project of the entity that the actor may read."""
    owner = accounts.entity_by_name(session, entity)
    digest = digest_of(hexadecimal)
    if owner is None or digest is None:
        return None
    return next((_found(blob) for blob, project in queries.blob_in_entity(session, owner.id, digest)
                 if role_in(actor, project) >= Role.VIEWER), None)


@dataclass(frozen=True)
class FilePath:
    """What a path of the second layout names; what it leaves out is None or empty."""

    entity: str
    digest: str  # in hex
    name: str
    birth: str
    project: str | None = None
    collection: str | None = None
    artifact: str | None = None


def read_path(raw_path: str) -> FilePath | None:
    """A path as it came, in any form of docs/protocol/http.md#artifact-paths; None where it has none."""
    segments = [unquote(segment) for segment in raw_path.lstrip("/").split("/")]
    if len(segments) < 5:  # noqa: PLR2004 - artifactsV2, region, entity, birth, digest
        return None
    entity, rest = segments[2], segments[3:]
    # Ids are base64 and never look like a digest, so the first position at which there is one tells the forms apart.
    at = next((at for at in (3, 4, 1) if len(rest) > at and _HEX.fullmatch(rest[at])), None)
    if at is None:
        return None
    name = "/".join(rest[at + 1:]) or rest[at]
    if at == 1:
        return FilePath(entity, rest[1], name, rest[0])
    project, collection = rest[0], rest[1]
    artifact = rest[2] if at == 4 else None  # noqa: PLR2004 - behind the artifact's id and the birth artifact's
    return FilePath(entity, rest[at], name, rest[at - 1], project, collection, artifact)


def by_path(session: Session, actor: Actor | None, path: FilePath) -> StoredBytes | None:
    """The file, where the actor may read the version that the path names, or the collection it is linked to."""
    digest = digest_of(path.digest) or ""
    for node in filter(None, (path.artifact, path.birth)):
        number = ids.decode(access.ARTIFACT, node)
        artifact = session.get(ArtifactRow, number) if number else None
        if artifact is not None and access.reads_project(session, actor, artifact.project_id):
            return _found(queries.blob(session, artifact.project_id, digest))
    collection = _collection(session, actor, path)
    if collection is None:
        return None
    held = (queries.blob(session, project_id, digest) for project_id in projects_of(session, collection))
    return next((_found(blob) for blob in held
                 if blob is not None and queries.holds(session, collection.id, blob.id)), None)


def _collection(session: Session, actor: Actor | None, path: FilePath) -> CollectionRow | None:
    if path.project is None or path.collection is None:
        return None
    project = projects.find_renamed(session, actor, path.entity, path.project)
    if project is None or not access.reads_project(session, actor, project.id):
        return None
    return collection_by_name(session, project.id, path.collection)
