"""Files of versions and manifests, in the form in which the type File shows them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from dumbbell_server import ids
from dumbbell_server.artifact_files.digests import hex_of
from dumbbell_server.artifact_files.plan import Planned
from dumbbell_server.artifact_files.queries import FileOfVersion
from dumbbell_server.artifact_files.tables import ArtifactBlobRow, EntryRow, ManifestRow
from dumbbell_server.artifacts import access
from dumbbell_server.artifacts.tables import ArtifactRow
from dumbbell_server.errors import Forbidden
from dumbbell_server.files.names import mimetype_of
from dumbbell_server.graph.context import Context


def file_path(artifact_id: int, digest: str, name: str) -> str:
    """Where a file's bytes are. Its last name is there for whoever saves it; any name will do."""
    return f"/storage/wandb_artifacts/{artifact_id}/{hex_of(digest)}/{name.rsplit('/', 1)[-1]}"


def manifest_path(manifest_id: int, name: str) -> str:
    return f"/storage/manifests/{manifest_id}/{name}"


def part_path(upload_id: str, number: int) -> str:
    return f"/storage/parts/{upload_id}/{number}"


def storage_path(artifact_id: int, digest: str) -> str:
    """Opaque to clients, which only look at how it begins (docs/protocol/behaviours.md#artifacts)."""
    return f"wandb_artifacts/{artifact_id}/{hex_of(digest)}"


def _file_id(artifact_id: int, name: str) -> str:
    return base64.b64encode(f"ArtifactFile:{artifact_id}:{name}".encode("utf-8", "surrogatepass")).decode()


def _check_readable(context: Context, artifact: ArtifactRow) -> None:
    """Forbidden for who may look at the version but not have its files."""
    if not access.reads(context.session, context.viewer, artifact):
        raise Forbidden("you may look at this artifact but not have its files: that takes the role of a viewer")


class ShownVersion:
    """A version whose files are shown: whether the viewer may have them is asked once for all."""

    def __init__(self, artifact: ArtifactRow) -> None:
        self.artifact = artifact
        self._checked = False

    def check_readable(self, context: Context) -> None:
        """Forbidden for who may not have them."""
        if not self._checked:
            _check_readable(context, self.artifact)
            self._checked = True


@dataclass(frozen=True)
class VersionFile:
    """A file of a committed version."""

    version: ShownVersion
    name: str
    digest: str
    size: int
    ref: str | None
    birth_artifact_id: int

    stored = True

    @property
    def artifact_id(self) -> int:
        return self.birth_artifact_id

    @property
    def node_id(self) -> str:
        return _file_id(self.version.artifact.id, self.name)

    @property
    def mimetype(self) -> str:
        return mimetype_of(self.name)

    @property
    def updated_at(self) -> str | None:
        return self.version.artifact.updated_at

    @property
    def storage_path(self) -> str | None:
        return None if self.ref is not None else storage_path(self.birth_artifact_id, self.digest)

    def read_url(self, context: Context) -> str:
        """A reference leads to where it lies."""
        self.version.check_readable(context)
        if self.ref is not None:
            return self.ref
        return context.signed("GET", file_path(self.version.artifact.id, self.digest, self.name))

    def upload_url(self, _context: Context) -> str | None:
        return None


def files_of_version(artifact: ArtifactRow, found: Sequence[FileOfVersion]) -> list[VersionFile]:
    """Files of one version."""
    version = ShownVersion(artifact)
    return [_file_of(version, entry, blob) for entry, blob in found]


def _file_of(version: ShownVersion, entry: EntryRow, blob: ArtifactBlobRow | None) -> VersionFile:
    if blob is None:
        return VersionFile(version, entry.path, entry.digest or "", entry.size, entry.ref, version.artifact.id)
    return VersionFile(version, entry.path, blob.digest, entry.size, entry.ref, blob.birth_artifact_id)


@dataclass(frozen=True)
class PlannedFile:
    """A file that is about to be uploaded, or need not be."""

    plan: Planned
    bucket_url: str | None = None  # where the bytes go, if not through us

    updated_at: str | None = None

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def artifact_id(self) -> int:
        return self.plan.birth_artifact_id

    @property
    def node_id(self) -> str:
        return _file_id(self.plan.artifact_id, self.name)

    @property
    def size(self) -> int:
        return self.plan.stored_size or 0

    @property
    def mimetype(self) -> str:
        return mimetype_of(self.name)

    @property
    def digest(self) -> str | None:
        return self.plan.md5

    @property
    def storage_path(self) -> str | None:
        return storage_path(self.plan.birth_artifact_id, self.plan.md5)

    @property
    def stored(self) -> bool:
        return self.plan.stored_size is not None

    def _path(self) -> str:
        return file_path(self.plan.artifact_id, self.plan.md5, self.name)

    def read_url(self, context: Context) -> str:
        return context.signed("GET", self._path())

    def upload_url(self, context: Context) -> str | None:
        """In one piece, which works also where parts were requested."""
        return None if self.stored else self.bucket_url or context.signed("PUT", self._path())


@dataclass(frozen=True)
class ManifestFile:
    """The file of a manifest; with `uploading` for who announced it."""

    row: ManifestRow
    uploading: bool = False

    artifact_id: int | None = None
    mimetype: str = "application/json"
    updated_at: str | None = None

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def node_id(self) -> str:
        return ids.encode("ArtifactManifestFile", self.row.id)

    @property
    def size(self) -> int:
        return self.row.size

    @property
    def digest(self) -> str | None:
        return self.row.digest or None

    @property
    def storage_path(self) -> str | None:
        return f"wandb_manifests/{self.row.id}/{self.name}"

    @property
    def stored(self) -> bool:
        return self.row.blob_key is not None

    def read_url(self, context: Context) -> str:
        _check_readable(context, context.require(ArtifactRow, self.row.artifact_id))
        return context.signed("GET", manifest_path(self.row.id, self.name))

    def upload_url(self, context: Context) -> str | None:
        return context.signed("PUT", manifest_path(self.row.id, self.name)) if self.uploading else None

