"""How a new version gets to the server: announced, its files, its manifest, and the commit."""

from __future__ import annotations

import base64
import functools
import hashlib
import secrets
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dumbbell import _json
from dumbbell._client import Client
from dumbbell._documents import artifacts as documents
from dumbbell._download import Told
from dumbbell._progress import progress
from dumbbell.artifacts.manifest import ArtifactManifest, ManifestEntry
from dumbbell.artifacts.parts import Part, announced, parts_of, send_parts
from dumbbell.errors import CommError, DigestError
from dumbbell.files import Piece, put_file

if TYPE_CHECKING:
    from dumbbell.run_core import RunCore

_BATCH = 1000  # files announced at once
_THREADS = 16
_MANIFEST = "wandb_manifest.json"


def create(client: Client, run: RunCore, collection: str, fields: Mapping[str, Any],
           aliases: Iterable[str]) -> dict[str, Any]:
    """Announce a version; {id, state}. COMMITTED: the collection has had this content before."""
    named = [{"artifactCollectionName": collection, "alias": alias} for alias in aliases]
    answer = client.execute(documents.CREATE, {"input": {
        "entityName": run.entity, "projectName": run.project, "runName": run.id,
        "artifactCollectionName": collection, "aliases": named, "enableDigestDeduplication": True,
        "clientID": secrets.token_hex(16), "sequenceClientID": secrets.token_hex(16), **fields}})
    made: dict[str, Any] = answer["createArtifact"]["artifact"]
    return made


def send(client: Client, run: RunCore, artifact_id: str, manifest: ArtifactManifest) -> None:
    """Upload what the server does not have yet, then the manifest, then commit.

    Raises:
        DigestError: (a ValueError) a file has changed since it was added.
        CommError: the server refused something.
    """
    place = {"artifactID": artifact_id, "name": _MANIFEST, "entityName": run.entity, "projectName": run.project,
             "runName": run.id, "type": "FULL"}
    answer = client.execute(documents.CREATE_MANIFEST, {"input": {**place, "digest": ""}, "upload": False})
    _send_files(client, artifact_id, answer["createArtifactManifest"]["artifactManifest"]["id"], manifest)
    text = _json.dumps(manifest.to_json()).encode()
    digest = base64.b64encode(hashlib.md5(text, usedforsecurity=False).digest()).decode()
    answer = client.execute(documents.CREATE_MANIFEST, {"input": {**place, "digest": digest}, "upload": True})
    file = answer["createArtifactManifest"]["artifactManifest"]["file"]
    client.transport.attempt(lambda: client.transport.put(
        file["uploadUrl"], text, _headers(file.get("uploadHeaders"))))
    client.execute(documents.COMMIT, {"id": artifact_id})


def _send_files(client: Client, artifact_id: str, manifest_id: str, manifest: ArtifactManifest) -> None:
    entries = [entry for entry in manifest.entries.values() if entry.local_path is not None]
    lock = threading.Lock()
    with ThreadPoolExecutor(_THREADS) as pool, progress("upload", manifest.size, len(entries)) as tell:
        def told(count: int) -> None:
            with lock:
                tell(count)
        for start in range(0, len(entries), _BATCH):
            batch = entries[start:start + _BATCH]
            parts = [parts_of(Path(str(entry.local_path)), entry.size or 0, entry.digest) for entry in batch]
            nodes = _announced(client, artifact_id, manifest_id, batch, parts)
            for _ in pool.map(functools.partial(_send, client, artifact_id, told), batch, parts, nodes):
                pass


def _announced(client: Client, artifact_id: str, manifest_id: str, batch: list[ManifestEntry],
               parts: list[list[Part]]) -> list[dict[str, Any]]:
    specs = [{"artifactID": artifact_id, "artifactManifestID": manifest_id, "name": entry.path, "md5": entry.digest,
              "uploadPartsInput": announced(cut)} for entry, cut in zip(batch, parts, strict=True)]
    answer = client.execute(documents.CREATE_FILES, {"input": {"artifactFiles": specs, "storageLayout": "V2"}})
    nodes = [edge["node"] for edge in answer["createArtifactFiles"]["files"]["edges"]]
    if len(nodes) != len(batch):
        raise CommError(f"the server was told of {len(batch)} files and answered with {len(nodes)}")
    return nodes


def _send(client: Client, artifact_id: str, told: Told, entry: ManifestEntry, parts: list[Part],
          node: Mapping[str, Any]) -> None:
    """Upload a file, unless the server has its bytes already."""
    if node.get("uploadUrl") or node.get("uploadMultipartUrls"):
        piece = Piece.whole(Path(str(entry.local_path)))
        if piece.size != entry.size:
            raise DigestError(f"{piece.place} has changed since it was added to the artifact")
        headers = _headers(node.get("uploadHeaders"))
        if parts and node.get("uploadMultipartUrls"):
            send_parts(client, artifact_id, node, parts, headers, told)
        else:
            put_file(client, node["uploadUrl"], piece, headers, told)
    else:
        told(entry.size or 0)
    entry.birth_artifact_id = (node.get("artifact") or {}).get("id") or entry.birth_artifact_id


def _headers(lines: Iterable[str] | None) -> dict[str, str]:
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines or ())}
