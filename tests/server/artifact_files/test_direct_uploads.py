"""Files of artifacts that clients send to the bucket themselves."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dumbbell_server.artifact_files import garbage
from support.s3 import reach_the_network
from support.world import World, open_world

CREATE = """mutation C($digest: String!) { createArtifact(input: {entityName: "local", projectName: "p", runName: "r",
  artifactTypeName: "dataset", artifactCollectionNames: ["d"], digest: $digest, digestAlgorithm: MANIFEST_MD5,
  enableDigestDeduplication: true}) { artifact { id } } }"""
FILES = """mutation F($files: [CreateArtifactFileSpecInput!]!) { createArtifactFiles(input: {
  artifactFiles: $files, storageLayout: V2}) { files { edges { node { name storagePath uploadUrl
    uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } } } } } } }"""
MANIFEST = """mutation M($id: ID!, $digest: String!) { createArtifactManifest(input: {artifactID: $id,
  name: "wandb_manifest.json", digest: $digest, entityName: "local", projectName: "p", runName: "r", type: FULL}) {
    artifactManifest { file { uploadUrl } } } }"""
JOIN = """mutation J($id: ID!, $upload: String!, $path: String!, $parts: [UploadPartsInput!]!) {
  completeMultipartUploadArtifact(input: {completeMultipartAction: Complete, completedParts: $parts, artifactID: $id,
    storagePath: $path, uploadID: $upload}) { digest } }"""
COMMIT = "mutation C($id: ID!) { commitArtifact(input: {artifactID: $id}) { artifact { state } } }"
READ = """query R($id: ID!) { artifact(id: $id) { state files(first: 10) { edges { node { name directUrl } } } } }"""


def md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body).digest()).decode()


@pytest.fixture
def world(tmp_path: Path, bucket: str) -> Iterator[World]:
    with open_world(tmp_path, blob_url=bucket) as opened:
        reach_the_network(opened.client)
        opened.upsert()
        yield opened


def begin(world: World, files: dict[str, bytes]) -> str:
    """A version that waits for these files; its manifest is there."""
    contents = {name: {"digest": md5(body), "size": len(body)} for name, body in files.items()}
    manifest = json.dumps({"version": 1, "storagePolicy": "wandb-storage-policy-v1",
                           "storagePolicyConfig": {"storageLayout": "V2"}, "contents": contents}).encode()
    number: str = world.gql(CREATE, {"digest": hashlib.md5(manifest).hexdigest()})["createArtifact"]["artifact"]["id"]
    made = world.gql(MANIFEST, {"id": number, "digest": md5(manifest)})["createArtifactManifest"]
    world.client.put(made["artifactManifest"]["file"]["uploadUrl"], content=manifest).raise_for_status()
    return number


def plan(world: World, number: str, files: dict[str, bytes], parts: int = 0) -> list[dict[str, Any]]:
    specs = [{"artifactID": number, "name": name, "md5": md5(body)} for name, body in files.items()]
    if parts:
        wanted = [{"partNumber": part, "hexMD5": ""} for part in range(1, parts + 1)]
        specs = [spec | {"uploadPartsInput": wanted} for spec in specs]
    edges = world.gql(FILES, {"files": specs})["createArtifactFiles"]["files"]["edges"]
    return [edge["node"] for edge in edges]


def contents(world: World, number: str) -> dict[str, bytes]:
    found = world.gql(READ, {"id": number})["artifact"]
    assert found["state"] == "COMMITTED"
    return {edge["node"]["name"]: world.client.get(edge["node"]["directUrl"]).content
            for edge in found["files"]["edges"]}


def test_files_go_to_the_bucket_and_belong_to_the_committed_version(world: World, bucket: str) -> None:
    files = {"a.txt": b"one", "b/c d.txt": b"two"}
    number = begin(world, files)
    plan(world, number, files)  # whoever asks again, after a failure, has other URLs
    for node, body in zip(plan(world, number, files), files.values(), strict=True):
        assert bucket.removeprefix("s3://") in node["uploadUrl"]
        httpx2.put(node["uploadUrl"], content=body, headers={"Content-MD5": md5(body)}).raise_for_status()
    world.gql(COMMIT, {"id": number})
    assert contents(world, number) == files
    assert world.count("artifact_blobs_expected") == 0
    again = begin(world, {"a.txt": b"one", "new": b"three"})
    assert [bool(node["uploadUrl"]) for node in plan(world, again, {"a.txt": b"one", "new": b"three"})] == [False, True]


def test_a_file_in_parts(world: World) -> None:
    first, last = b"1" * (5 << 20), b"2" * 10
    number = begin(world, {"big": first + last})
    node = plan(world, number, {"big": first + last}, parts=2)[0]
    upload = node["uploadMultipartUrls"]
    tags = []
    for part, body in zip(upload["uploadUrlParts"], (first, last), strict=True):
        answer = httpx2.put(part["uploadUrl"], content=body)
        tags.append({"partNumber": part["partNumber"], "hexMD5": answer.headers["etag"]})
    joined = {"id": number, "upload": upload["uploadID"], "path": node["storagePath"], "parts": tags}
    assert world.gql(JOIN, joined)["completeMultipartUploadArtifact"]["digest"] == md5(first + last)
    world.gql(COMMIT, {"id": number})
    assert contents(world, number) == {"big": first + last}


def test_parts_that_did_not_come_are_refused(world: World) -> None:
    number = begin(world, {"big": b"x"})
    node = plan(world, number, {"big": b"x"}, parts=1)[0]
    joined = {"id": number, "upload": node["uploadMultipartUrls"]["uploadID"], "path": node["storagePath"],
              "parts": [{"partNumber": 1, "hexMD5": "0" * 32}]}
    assert "send the file again" in world.errors(JOIN, joined, status=400)[0]


def test_a_version_whose_bytes_did_not_come_is_not_committed(world: World) -> None:
    number = begin(world, {"a": b"one"})
    plan(world, number, {"a": b"one"})
    assert "were not uploaded" in world.errors(COMMIT, {"id": number}, status=400)[0]


def test_bytes_with_another_digest_are_refused_and_go(world: World) -> None:
    number = begin(world, {"a": b"one"})
    url = plan(world, number, {"a": b"one"})[0]["uploadUrl"]
    httpx2.put(url, content=b"else").raise_for_status()
    assert "have another" in world.errors(COMMIT, {"id": number}, status=400)[0]
    assert not any(key.startswith("artifacts/") for key in list(world.backend.blobs.keys()))


def test_what_nothing_names_goes_once_it_is_old(world: World) -> None:
    files = {"a": b"one"}
    number = begin(world, files)
    httpx2.put(plan(world, number, files)[0]["uploadUrl"], content=b"one").raise_for_status()
    world.gql(COMMIT, {"id": number})
    kept = set(world.backend.blobs.keys())
    world.backend.blobs.store("artifacts/ab/left", b"by a crash")
    assert garbage.run(world.backend).strays == 0  # it came just now
    world.clock.move(time.time() + world.backend.settings.url_lifetime + 60 - world.clock.seconds())
    assert garbage.run(world.backend).strays == 1
    assert set(world.backend.blobs.keys()) == kept


def test_parts_of_a_file_that_is_never_ended_go_with_its_version(world: World) -> None:
    number = begin(world, {"big": b"x"})
    part = plan(world, number, {"big": b"x"}, parts=2)[0]["uploadMultipartUrls"]["uploadUrlParts"][0]
    httpx2.put(part["uploadUrl"], content=b"x").raise_for_status()
    direct = world.backend.blobs.direct
    assert direct is not None
    assert len([*direct.begun_parts(math.inf)]) == 1
    assert garbage.run(world.backend).strays == 0  # the version waits for it
    world.gql("mutation D($id: ID!) { deleteArtifact(input: {artifactID: $id}) { artifact { id } } }", {"id": number})
    assert garbage.survey(world.backend).strays == 1
    assert garbage.run(world.backend).strays == 1
    assert [*direct.begun_parts(math.inf)] == []
    direct.drop_parts("artifacts/ab/gone", "unknown")
