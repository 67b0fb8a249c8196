"""An artifact as the core logs it: announced, its manifest and file sent, committed; and one that is not."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from support.world import World

CREATE = """mutation M($input: CreateArtifactInput!) { createArtifact(input: $input) { artifact {
  id state artifactSequence { id name } } } }"""
MANIFEST = """mutation M($input: CreateArtifactManifestInput!) { createArtifactManifest(input: $input) {
  artifactManifest { id file { uploadUrl } } } }"""
FILES = """mutation M($input: CreateArtifactFilesInput!) { createArtifactFiles(input: $input) { files { edges { node {
  uploadUrl } } } } }"""
COMMIT = "mutation M($input: CommitArtifactInput!) { commitArtifact(input: $input) { artifact { id } } }"
LINK = """mutation M($input: LinkArtifactInput!) { linkArtifact(input: $input) { artifactMembership {
  artifactCollection { id } } } }"""


@dataclass(frozen=True)
class Logged:
    """Node ids of what was logged."""

    version: str
    sequence: str
    portfolio: str
    pending: str
    pending_manifest: str


def log_artifact(world: World, key: str, place: dict[str, str], run: str, text: Callable[[], str]) -> Logged:
    """A version of the sequence `set`, in the portfolio `shelf`; the name of its file is the text in it."""
    def ask(query: str, **given: Any) -> Any:
        [answer] = world.gql(query, {"input": given}, key=key).values()
        return answer

    word = text()
    version = _announce(ask, place, run, "1", text())
    sum_of = _digest(word.encode())
    manifest = json.dumps({
        "version": 1, "storagePolicy": "wandb-storage-policy-v1", "storagePolicyConfig": {"storageLayout": "V2"},
        "contents": {f"{word}.txt": {"digest": sum_of, "size": len(word), "birthArtifactID": version["id"]}},
    }).encode()
    sent = ask(MANIFEST, **place, runName=run, artifactID=version["id"], name="wandb_manifest.json",
               digest=_digest(manifest), type="FULL")["artifactManifest"]
    file = ask(FILES, storageLayout="V2", artifactFiles=[{
        "artifactID": version["id"], "name": f"{word}.txt", "md5": sum_of, "artifactManifestID": sent["id"]}])
    for node, body in ((sent["file"], manifest), (file["files"]["edges"][0]["node"], word.encode())):
        world.client.put(node["uploadUrl"], content=body,
                         headers={"content-md5": _digest(body)}).raise_for_status()
    ask(COMMIT, artifactID=version["id"])
    linked = ask(LINK, **place, artifactID=version["id"], artifactPortfolioName="shelf",
                 aliases=[{"artifactCollectionName": "shelf", "alias": "chosen"}])
    pending = _announce(ask, place, run, "2", text())
    unsent = ask(MANIFEST, **place, runName=run, artifactID=pending["id"], name="wandb_manifest.json",
                 digest=_digest(b"{}"), type="PATCH")["artifactManifest"]
    return Logged(version["id"], version["artifactSequence"]["id"],
                  linked["artifactMembership"]["artifactCollection"]["id"], pending["id"], unsent["id"])


def _announce(ask: Callable[..., Any], place: dict[str, str], run: str, digest: str, word: str) -> Any:
    return ask(CREATE, **place, runName=run, artifactTypeName="dataset", artifactCollectionName="set",
               digest=digest * 32, description=word, clientID="client" + digest, sequenceClientID="sequence",
               aliases=[{"artifactCollectionName": "set", "alias": "best"}])["artifact"]


def _digest(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body).digest()).decode()
