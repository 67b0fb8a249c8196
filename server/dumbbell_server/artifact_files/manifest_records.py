"""Records of manifests: announced by a client, then filled with bytes."""

from __future__ import annotations

from dumbbell_server import ids
from dumbbell_server.artifact_files import queries
from dumbbell_server.artifact_files.digests import hex_of
from dumbbell_server.artifact_files.manifests import FULL
from dumbbell_server.artifact_files.tables import ManifestRow
from dumbbell_server.artifacts import access
from dumbbell_server.artifacts.names import checked_text
from dumbbell_server.artifacts.tables import DELETED, PENDING, ArtifactRow
from dumbbell_server.blobs.garbage import orphan
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, NotFound

FOLDER = "manifests"  # of the keys of their bytes
_LONGEST = 256


def announce(unit: Unit, node_id: str, name: str, kind: str, digest: str, base: str | None) -> ManifestRow:
    """The record of the manifest: of a full one there is one, of each patch its own, since several runs send some."""
    artifact = access.for_writing(unit.session, unit.actor, node_id, "upload manifests")
    _check(artifact, name, digest)
    announced = [row for row in queries.manifests_of(unit.session, artifact.id) if row.kind == kind == FULL]
    row = announced[0] if announced else ManifestRow(artifact_id=artifact.id, name=name, kind=kind, digest=digest)
    _set(unit, artifact, row, digest, base)
    return row


def update(unit: Unit, node_id: str, digest: str | None, base: str | None) -> ManifestRow:
    """The manifest will be other bytes. NotFound where it is gone."""
    number = ids.decode("ArtifactManifest", node_id)
    row = unit.session.get(ManifestRow, number) if number else None
    if row is None:
        raise NotFound(f"no artifact manifest has the id {node_id[:80]!r}")
    artifact = access.for_writing(unit.session, unit.actor, access.node_of(row.artifact_id), "upload manifests")
    _check(artifact, row.name, digest or "")
    _set(unit, artifact, row, row.digest if digest is None else digest, base)
    return row


def _check(artifact: ArtifactRow, name: str, digest: str) -> None:
    if artifact.state != PENDING:
        raise BadInput("this artifact is committed; its manifest can no longer change")
    if not name or "/" in name or len(name) > _LONGEST or len(digest) > _LONGEST:
        raise BadInput(f"manifest name {name[:80]!r} or digest {digest[:80]!r} is not allowed")
    checked_text(name, "manifest name")
    checked_text(digest, "digest")


def _set(unit: Unit, artifact: ArtifactRow, row: ManifestRow, digest: str, base: str | None) -> None:
    if base:
        source = access.find(unit.session, unit.actor, base)
        if source is None or source.sequence_id != artifact.sequence_id:
            raise NotFound(f"baseArtifactID {base[:80]!r} is no version of the same sequence")
        row.base_artifact_id = source.id
    row.digest = digest
    artifact.updated_at = unit.clock.text()
    unit.session.add_all([row, artifact])
    unit.session.flush()


def received(unit: Unit, manifest_id: int, size: int, md5: str, blob_key: str) -> None:
    """The manifest is these bytes. BadInput where others were announced, or the version is committed."""
    session = unit.session
    row = session.get(ManifestRow, manifest_id, with_for_update=True)
    artifact = session.get(ArtifactRow, row.artifact_id, with_for_update=True) if row else None
    if row is None or artifact is None or artifact.state == DELETED:
        raise NotFound("the artifact of this manifest does not exist; it may be deleted")
    if artifact.state != PENDING:
        raise BadInput("the artifact of this manifest is committed; it can no longer change")
    if hex_of(row.digest) is not None and row.digest != md5:
        raise BadInput(f"the manifest was announced with MD5 {row.digest!r}, the body has {md5!r}; send it again")
    if row.blob_key:
        orphan(unit, [row.blob_key])
    row.blob_key, row.size = blob_key, size
    artifact.updated_at = unit.clock.text()
    session.flush()
