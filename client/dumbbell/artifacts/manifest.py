"""Manifests: which files an artifact holds, and what their bytes are."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dumbbell import _json
from dumbbell.errors import InvalidValueError, MissingEntryError

_VERSION = 1
_POLICY = "wandb-storage-policy-v1"
_MD5_BYTES = 16


@dataclass
class ManifestEntry:
    """A file of an artifact, or a reference to one elsewhere.

    Attributes:
        path: its name within the artifact, with `/` between folders.
        digest: base64 of the MD5 of the bytes; for a reference what its store gives, or the URI.
        size: in bytes; None where a reference does not tell.
        ref: the URI of a reference; None for a stored file.
        extra: what a reference's store tells beside the digest, such as etag and versionID.
        birth_artifact_id: of the artifact with which the bytes came.
        local_path: where the bytes are on this machine, before they are uploaded.
    """

    path: str
    digest: str
    size: int | None = None
    ref: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    birth_artifact_id: str | None = None
    local_path: str | None = None

    @property
    def name(self) -> str:
        """The same as `path`."""
        return self.path

    @property
    def md5(self) -> str | None:
        """Base64 of the MD5 of the bytes; None where the digest is something else."""
        if self.ref is not None or self.extra.get("alg"):
            return None
        return self.digest

    @property
    def hex(self) -> str | None:
        """The digest in hexadecimal, as it stands in URLs; None where it is no digest of 16 bytes."""
        try:
            raw = base64.b64decode(self.digest, validate=True)
        except ValueError:
            return None
        return raw.hex() if len(raw) == _MD5_BYTES else None

    def to_json(self) -> dict[str, Any]:
        """As it stands in the manifest."""
        told = {"digest": self.digest, "ref": self.ref, "birthArtifactID": self.birth_artifact_id, "size": self.size,
                "extra": self.extra or None}
        return {key: value for key, value in told.items() if value is not None}


@dataclass
class ArtifactManifest:
    """All entries of an artifact by their paths.

    Attributes:
        entries: by path.
        storage_policy_config: how the server stores the files; `storageLayout` is V1 or V2.
        version: of the format; 1.
    """

    entries: dict[str, ManifestEntry] = field(default_factory=dict)
    storage_policy_config: dict[str, Any] = field(default_factory=lambda: {"storageLayout": "V2"})
    version: int = _VERSION

    @property
    def digest(self) -> str:
        """The artifact's digest, hexadecimal: it depends on paths and contents, and on nothing else."""
        md5 = hashlib.md5(b"wandb-artifact-manifest-v1\n", usedforsecurity=False)
        for path in sorted(self.entries):
            md5.update(f"{path}:{self.entries[path].digest}\n".encode())
        return md5.hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all entries; those that tell none count as 0."""
        return sum(entry.size or 0 for entry in self.entries.values())

    def entry(self, path: str) -> ManifestEntry:
        """The entry of this path. MissingEntryError (a KeyError) if there is none."""
        wanted = str(path).replace("\\", "/").removeprefix("./")
        if wanted not in self.entries:
            raise MissingEntryError(f"the artifact has no {wanted!r}; it has {_some(list(self.entries))}")
        return self.entries[wanted]

    def get_entry_by_path(self, path: str) -> ManifestEntry | None:
        """The entry of this path, or None."""
        return self.entries.get(path)

    def get_entries_in_directory(self, directory: str) -> list[ManifestEntry]:
        """The entries below a folder."""
        return [entry for path, entry in self.entries.items() if path.startswith(f"{directory.rstrip('/')}/")]

    def add_entry(self, entry: ManifestEntry, overwrite: bool = False) -> None:
        """Put an entry in. InvalidValueError (a ValueError) if the path is taken by other content."""
        known = self.entries.get(entry.path)
        if known is not None and (known.digest, known.ref) != (entry.digest, entry.ref) and not overwrite:
            raise InvalidValueError(f"the artifact has {entry.path!r} already, with other content; pass "
                                    "overwrite=True to replace it")
        self.entries[entry.path] = entry

    def remove_entry(self, entry: ManifestEntry) -> None:
        """Take an entry out again. MissingEntryError (a KeyError) if there is none of its path."""
        del self.entries[self.entry(entry.path).path]

    def to_manifest_json(self) -> dict[str, Any]:
        """The same as `to_json`."""
        return self.to_json()

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {"version": self.version, "storagePolicy": _POLICY, "storagePolicyConfig": self.storage_policy_config,
                "contents": {path: entry.to_json() for path, entry in self.entries.items()}}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> ArtifactManifest:
        """Read what was stored. InvalidValueError for a version or a policy that is not known."""
        version = found.get("version")
        if version != _VERSION:
            raise InvalidValueError(f"the manifest has version {version!r}; only version {_VERSION} is known")
        if found.get("storagePolicy", _POLICY) != _POLICY:
            raise InvalidValueError(f"the manifest has storage policy {found['storagePolicy']!r}; only {_POLICY} is "
                                    "known")
        entries = {path: _entry(path, content) for path, content in (found.get("contents") or {}).items()}
        return cls(entries, dict(found.get("storagePolicyConfig") or {}))

    @classmethod
    def from_manifest_json(cls, manifest_json: Mapping[str, Any]) -> ArtifactManifest:
        """The same as `from_json`."""
        return cls.from_json(manifest_json)

    @classmethod
    def parse(cls, text: bytes) -> ArtifactManifest:
        """Read the text of a manifest."""
        return cls.from_json(_json.loads(text))


def _entry(path: str, content: Mapping[str, Any]) -> ManifestEntry:
    size = content.get("size")
    return ManifestEntry(path, str(content["digest"]), None if size is None else int(size), content.get("ref"),
                         dict(content.get("extra") or {}), content.get("birthArtifactID"))


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "nothing"  # noqa: PLR2004
