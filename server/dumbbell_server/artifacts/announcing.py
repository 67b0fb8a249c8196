"""Manifests that are about to come."""

from __future__ import annotations

from sqlalchemy.orm import Session

from dumbbell_server import ids
from dumbbell_server.artifacts import access, queries
from dumbbell_server.artifacts.manifests import FULL
from dumbbell_server.artifacts.names import checked_text
from dumbbell_server.artifacts.tables import PENDING, ArtifactRow, ManifestRow
from dumbbell_server.clock import Clock
from dumbbell_server.errors import BadInput, NotFound
from dumbbell_server.identity import Actor

_LONGEST = 256


def announce(session: Session, clock: Clock, actor: Actor, node_id: str, name: str, kind: str, digest: str,
             base: str | None) -> ManifestRow:
    """The record of the manifest: of a full one there is one, of each patch its own, since several runs send some."""
    artifact = access.for_writing(session, actor, node_id, "upload manifests")
    _check(artifact, name, digest)
    known = [row for row in queries.manifests_of(session, artifact.id) if row.kind == kind == FULL]
    row = known[0] if known else ManifestRow(artifact_id=artifact.id, name=name, kind=kind, digest=digest)
    _set(session, clock, actor, artifact, row, digest, base)
    return row


def update(session: Session, clock: Clock, actor: Actor, node_id: str, digest: str | None, base: str | None,
           ) -> ManifestRow:
    """The manifest will be other bytes. NotFound where it is gone."""
    number = ids.decode("ArtifactManifest", node_id)
    row = session.get(ManifestRow, number) if number else None
    if row is None:
        raise NotFound(f"no artifact manifest has the id {node_id[:80]!r}")
    artifact = access.for_writing(session, actor, ids.encode(access.ARTIFACT, row.artifact_id), "upload manifests")
    _check(artifact, row.name, digest or "")
    _set(session, clock, actor, artifact, row, row.digest if digest is None else digest, base)
    return row


def _check(artifact: ArtifactRow, name: str, digest: str) -> None:
    if artifact.state != PENDING:
        raise BadInput("this artifact is committed; its manifest can no longer change")
    if not name or "/" in name or len(name) > _LONGEST or len(digest) > _LONGEST:
        raise BadInput(f"manifest name {name[:80]!r} or digest {digest[:80]!r} is not allowed")
    checked_text(name, "manifest name")
    checked_text(digest, "digest")


def _set(session: Session, clock: Clock, actor: Actor, artifact: ArtifactRow, row: ManifestRow, digest: str,
         base: str | None) -> None:
    if base:
        source = access.find(session, actor, base)
        if source is None or source.sequence_id != artifact.sequence_id:
            raise NotFound(f"baseArtifactID {base[:80]!r} is no version of the same sequence")
        row.base_artifact_id = source.id
    row.digest = digest
    artifact.updated_at = clock.text()
    session.add_all([row, artifact])
    session.flush()
