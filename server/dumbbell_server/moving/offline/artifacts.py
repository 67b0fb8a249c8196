"""Artifacts that runs have logged, as collections of a fixture (docs/protocol/offline.md#artifacts)."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from dumbbell_server.artifact_files import manifests
from dumbbell_server.artifacts.names import LATEST, version_number
from dumbbell_server.errors import BadInput
from dumbbell_server.moving.offline.blobs import Blobs
from dumbbell_server.moving.offline.checking import checked
from dumbbell_server.moving.offline.values import moment_text
from dumbbell_server.seeding.form.documents import Collection
from dumbbell_server.seeding.form.folder import Folder, described, manifest_name, write_document

_KEPT = ("digest", "size", "ref", "extra")  # of an entry: local paths are nobody's business
_MANY = 256 << 20  # bytes of entries in a file of their own
_LONGEST = 1 << 20  # of one of them

Fields = Mapping[str, Any]


@dataclass
class _Collection:
    type: str
    versions: list[dict[str, Any]] = field(default_factory=list)
    client_ids: list[str] = field(default_factory=list)
    by_digest: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_alias: dict[str, dict[str, Any]] = field(default_factory=dict)

    def call(self, version: dict[str, Any], found: Fields) -> None:
        """The version has these names, and no other one has them. `latest` and `vN` follow from its place."""
        for alias in found.get("aliases", ()):
            if alias == LATEST or version_number(alias) is not None:
                continue
            if alias in self.by_alias:
                self.by_alias[alias]["aliases"].remove(alias)
            self.by_alias[alias] = version
            version["aliases"].append(alias)
        for known, name in ((version["client_ids"], "client_id"), (self.client_ids, "sequence_client_id")):
            if found.get(name) and found[name] not in known:
                known.append(found[name])


class _LeftOut(Exception):
    """A version that cannot come along, and why."""


class Artifacts:
    """Versions of all runs, in the order in which they were logged."""

    def __init__(self, folder: Folder, blobs: Blobs, say: Callable[[str], object]) -> None:
        self._folder = folder
        self._blobs = blobs
        self._say = say
        self._found: dict[tuple[str, str, str], _Collection] = {}

    def add(self, found: Fields, entity: str, project: str, run: str, heard: int) -> None:
        """A version; or the one of the same digest that was logged before has the aliases of this one too."""
        name, kind, digest = found.get("name", ""), found.get("type", ""), found.get("digest", "")
        collection = self._found.setdefault((entity, project, name), _Collection(kind))
        if collection.type != kind:
            raise BadInput(f"artifact {name[:80]!r} is of type {kind[:80]!r} here, of {collection.type!r} before")
        file = manifest_name(len(collection.versions))
        version = _version(found, run, heard, file)
        checked(Collection, {"name": name, "type": kind, "versions": [
            version | {"aliases": list(found.get("aliases", ()))}]}, f"artifact {name[:80]!r}")
        if digest not in collection.by_digest:
            try:
                manifest = self._manifest(found)
            except _LeftOut as error:
                self._say(f"artifact {name} of run {run} is left out: {error}")
                return
            where = self._folder.collection(entity, project, name) / file
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_bytes(orjson.dumps(manifest))
            collection.by_digest[digest] = version
            collection.versions.append(version)
        collection.call(collection.by_digest[digest], found)

    def finish(self) -> None:
        """All documents are written."""
        for (entity, project, name), collection in self._found.items():
            if collection.versions:
                fields = described(name=name, type=collection.type, client_ids=collection.client_ids,
                                   created=collection.versions[0]["created"], versions=collection.versions)
                write_document(self._folder.collection_file(entity, project, name),
                               {"projects": [{"entity": entity, "name": project, "artifacts": [fields]}]})

    def _manifest(self, found: Fields) -> dict[str, Any]:
        if found.get("distributed_id") or found.get("incremental") or not found.get("finalize"):
            raise _LeftOut("it is a part of a version, or builds on one that only the server has")
        given = found.get("manifest", {})
        contents = {entry.get("path", ""): self._entry(entry) for entry in _entries(given)}
        config = {pair.get("key", ""): _json(pair.get("value_json", "null"))
                  for pair in given.get("storage_policy_config", ())}
        manifest = {"version": 1, "storagePolicy": given.get("storage_policy") or "wandb-storage-policy-v1",
                    "storagePolicyConfig": config, "contents": contents}
        for _ in manifests.entries(manifest):
            pass  # a path that leads out is refused there
        return manifest

    def _entry(self, entry: Fields) -> dict[str, Any]:
        """The entry as a manifest has it; its bytes are there."""
        path, local = entry.get("path", ""), entry.get("local_path")
        if not entry.get("ref"):
            md5 = _hex(path, entry.get("digest", ""))
            if not self._blobs.has(md5) and self._copied(path, local) != md5:
                raise _LeftOut(f"its file {path!r} has changed since, at {local}")
        extra = {pair.get("key", ""): _json(pair.get("value_json", "null")) for pair in entry.get("extra", ())}
        said = {**entry, "extra": extra} if isinstance(entry.get("extra"), list) else entry
        return {name: said[name] for name in _KEPT if said.get(name) is not None}

    def _copied(self, path: str, local: str | None) -> str:
        if not local:
            raise _LeftOut(f"its file {path!r} is only on the server that it came from")
        try:
            if not Path(local).is_file():
                raise _LeftOut(f"its file {path!r} is not on this machine any more, at {local}")
            return self._blobs.copy(Path(local))
        except (OSError, ValueError) as error:
            raise _LeftOut(f"its file {path!r} cannot be read: {error}") from None


def _entries(manifest: Fields) -> Iterator[Fields]:
    yield from manifest.get("contents", ())
    apart = manifest.get("manifest_file_path")
    if apart:
        yield from _entries_of_file(apart)


def _entries_of_file(path: str) -> Iterator[Fields]:
    """Of a long manifest: JSON lines beside staged files (docs/protocol/offline.md#records)."""
    done = 0
    try:
        with gzip.open(path) as file:
            while line := file.readline(_LONGEST):
                done += len(line)
                if done > _MANY:
                    raise _LeftOut(f"its list of files has more than {_MANY} bytes, in {path}")
                entry = json.loads(line)
                if not isinstance(entry, dict):
                    raise _LeftOut(f"its list of files is damaged, in {path}")
                yield entry
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise _LeftOut(f"its list of files cannot be read any more: {error}") from None


def _hex(path: str, digest: str) -> str:
    try:
        return base64.b64decode(digest, validate=True).hex()
    except binascii.Error:
        raise BadInput(f"the digest of artifact file {path[:80]!r} is no base64: {digest[:40]!r}") from None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("a value is nested too deeply") from None


def _version(found: Fields, run: str, heard: int, manifest: str) -> dict[str, Any]:
    moment = moment_text(heard)
    return {"aliases": [], "client_ids": [], **described(
        tags=found.get("tags"), description=found.get("description"), metadata_json=found.get("metadata"), run=run,
        digest=found.get("digest"), digest_algorithm=found.get("digest_algorithm"),
        ttl_seconds=found.get("ttl_seconds") or None, manifest=manifest, created=moment, updated=moment)}
