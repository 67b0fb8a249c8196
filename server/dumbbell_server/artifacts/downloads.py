"""Finding the bytes of a file, by each kind of path that clients ask for."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import unquote

from sqlalchemy.orm import Session

from dumbbell_server import ids
from dumbbell_server.accounts import queries as accounts
from dumbbell_server.artifacts import access, queries
from dumbbell_server.artifacts.manifests import digest_of
from dumbbell_server.artifacts.tables import DELETED, ArtifactBlobRow, ArtifactRow, CollectionRow, ManifestRow
from dumbbell_server.database.statements import Statement
from dumbbell_server.identity import Actor, Role
from dumbbell_server.json_text import storable
from dumbbell_server.projects import service as projects
from dumbbell_server.projects.access import role_in

Pieces = AsyncIterator[bytes]
_HEX = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Found:
    blob_key: str
    size: int
    digest: str


def _found(row: ArtifactBlobRow | None) -> Found | None:
    return Found(row.blob_key, row.size, row.digest) if row else None


_FILE = Statement("""
    SELECT b.blob_key, b.size, b.digest FROM artifacts a JOIN artifact_blobs b ON b.project_id = a.project_id
    WHERE a.id = :artifact AND a.state <> 'DELETED' AND b.digest = :digest""")


def signed_file(session: Session, artifact_id: int, hexadecimal: str) -> Found | None:
    """A file of a version, for whom the server gave the URL to."""
    row = _FILE(session, artifact=artifact_id, digest=digest_of(hexadecimal) or "").first()
    return Found(row.blob_key, row.size, row.digest) if row else None


def manifest(session: Session, manifest_id: int) -> Found | None:
    row = session.get(ManifestRow, manifest_id)
    artifact = session.get(ArtifactRow, row.artifact_id) if row else None
    if row is None or row.blob_key is None or artifact is None or artifact.state == DELETED:
        return None
    return Found(row.blob_key, row.size, row.digest)


def in_entity(session: Session, actor: Actor | None, entity: str, hexadecimal: str) -> Found | None:
    """Bytes in any project of the entity that the actor may read."""
    home = accounts.entity_by_name(session, entity) if storable(entity) else None
    digest = digest_of(hexadecimal)
    if home is None or digest is None:
        return None
    return next((_found(blob) for blob, project in queries.blob_in_entity(session, home.id, digest)
                 if role_in(actor, project) >= Role.VIEWER), None)


@dataclass(frozen=True)
class Place:
    """What a path of the second layout names; what it leaves out is None or empty."""

    entity: str
    digest: str  # in hex
    name: str
    birth: str
    project: str | None = None
    collection: str | None = None
    artifact: str | None = None


def place_of(raw_path: str) -> Place | None:
    """A path as it came, in any of the forms of http.md 6; None where it has none of them."""
    segments = [unquote(segment) for segment in raw_path.lstrip("/").split("/")]
    if len(segments) < 5:  # noqa: PLR2004 - artifactsV2, region, entity, birth, digest
        return None
    entity, rest = segments[2], segments[3:]
    # Ids are base64 and never look like a digest, so the first place at which there is one tells the forms apart.
    at = next((at for at in (3, 4, 1) if len(rest) > at and _HEX.fullmatch(rest[at])), None)
    if at is None:
        return None
    name = "/".join(rest[at + 1:]) or rest[at]
    if at == 1:
        return Place(entity, rest[1], name, rest[0])
    project, collection = rest[0], rest[1]
    artifact = rest[2] if at == 4 else None  # noqa: PLR2004 - behind the artifact's id and the birth artifact's
    return Place(entity, rest[at], name, rest[at - 1], project, collection, artifact)


def at(session: Session, actor: Actor | None, place: Place) -> Found | None:
    """The file, where the actor may read the version that the path names, or the collection it is linked to."""
    digest = digest_of(place.digest) or ""
    for node in filter(None, (place.artifact, place.birth)):
        number = ids.decode(access.ARTIFACT, node)
        artifact = session.get(ArtifactRow, number) if number else None
        if artifact is not None and access.reads_project(session, actor, artifact.project_id):
            return _found(queries.blob(session, artifact.project_id, digest))
    collection = _collection(session, actor, place)
    if collection is None:
        return None
    homes = queries.homes(session, collection)
    held = (queries.blob(session, home, digest) for home in homes)
    return next((_found(blob) for blob in held
                 if blob is not None and queries.holds(session, collection.id, blob.id)), None)


def _collection(session: Session, actor: Actor | None, place: Place) -> CollectionRow | None:
    if place.project is None or place.collection is None or not storable(place.collection):
        return None
    home = projects.find(session, actor, place.entity, place.project)
    if home is None or not access.reads_project(session, actor, home.id):
        return None
    return queries.collection_by_name(session, home.id, place.collection)
