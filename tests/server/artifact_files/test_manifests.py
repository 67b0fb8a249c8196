"""Manifests, whole, incremental and in patches, and what they refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from support.artifact_driver import CREATE, ArtifactDriver, digest_of, entry, manifest, md5

A, B = b"alpha", b"beta, longer"


def test_commit_needs_its_manifest(driver: ArtifactDriver) -> None:
    made = driver.create(digest="x")
    driver.announce(made["id"])
    assert "manifest" in driver.commit(made["id"], status=400)
    announced = driver.announce(made["id"], digest=md5(manifest({})))
    driver.put(announced["file"]["uploadUrl"], manifest({"a": entry(A)}), status=400)
    assert driver.version("set:v0") is None


@pytest.mark.parametrize("contents", [
    b"[]", b"{", b'{"version": 2, "contents": {}}', b'{"version": 1, "contents": {"a": {}}}',
    b'{"version": 1, "contents": {"a": {"digest": "short"}}}', b'{"version": 1, "contents": {"": {"digest": ""}}}',
    b'{"version": 1, "contents": {"a\\u0000": {"digest": "1B2M2Y8AsgTpgAmY7PhCfg==", "ref": "x"}}}',
    b'{"version": 1, "contents": {"a": {"digest": "1B2M2Y8AsgTpgAmY7PhCfg==", "size": -1}}}',
    b'{"version": 1, "contents": {"a": {"digest": "1B2M2Y8AsgTpgAmY7PhCfg==", "size": 1e400}}}',
])
def test_malformed_manifest_is_refused_at_commit(driver: ArtifactDriver, contents: bytes) -> None:
    made = driver.create(digest="x")
    driver.put(driver.announce(made["id"])["file"]["uploadUrl"], contents)
    assert "manifest" in driver.commit(made["id"], status=400)


@pytest.mark.parametrize("path", ["../../x", "a/../../x", "a/..", "..", "/etc/x", "C:/x", "c:\\x", "\\\\host\\x",
                                  "..\\x", "a\\..\\x"])
@pytest.mark.parametrize("fields", [{}, {"ref": "s3://bucket/x"}], ids=["stored", "reference"])
def test_a_path_that_leads_elsewhere_is_refused_at_commit(driver: ArtifactDriver, path: str,
                                                          fields: dict[str, str]) -> None:
    made = driver.create(digest="x")
    driver.upload(made["id"], {"x": A})
    driver.give_manifest(made["id"], {path: {**entry(A), **fields}})
    assert f"manifest entry {path!r}: its path leads out of the artifact" in driver.commit(made["id"], status=400)
    assert driver.version("set:v0") is None
    driver.give_manifest(made["id"], {"x": entry(A)})
    driver.commit(made["id"])


@pytest.mark.parametrize("path", ["..x/a", "x../a", "a..b", "c:x", "a b", "...", "é/ü"])
def test_odd_paths_stay(driver: ArtifactDriver, path: str) -> None:
    driver.log({path: A})
    assert driver.manifest_of("set:v0")["contents"] == {path: entry(A)}


@pytest.mark.parametrize("kind", ["FULL", "PATCH", "INCREMENTAL"])
def test_a_size_is_that_of_the_bytes(driver: ArtifactDriver, kind: str) -> None:
    made = driver.create(digest="x", enableDigestDeduplication=False)
    driver.upload(made["id"], {"a": A})
    driver.give_manifest(made["id"], {"a": {**entry(A), "size": 2**40}}, kind)
    assert ("manifest entry 'a': its size is said to be 1099511627776 bytes, and 5 were uploaded"
            in driver.commit(made["id"], status=400))
    assert driver.version("set:v0") is None
    driver.give_manifest(made["id"], {"a": entry(A)}, kind)
    driver.commit(made["id"])
    assert driver.version("set:v0")["size"] == len(A)


def test_a_size_that_is_not_said_is_that_of_the_bytes(driver: ArtifactDriver) -> None:
    made = driver.create(digest="x")
    driver.upload(made["id"], {"a": A, "b": B})
    driver.give_manifest(made["id"], {"a": {"digest": md5(A)}, "b": entry(B)})
    driver.commit(made["id"])
    assert driver.version("set:v0")["size"] == len(A) + len(B)


@pytest.mark.parametrize("kind", ["FULL", "PATCH", "INCREMENTAL"])
@pytest.mark.parametrize("size", [2**61, 2**62 - 1])
def test_sizes_that_add_up_to_more_than_can_be_counted(driver: ArtifactDriver, kind: str, size: int) -> None:
    made = driver.create(digest="x", enableDigestDeduplication=False)
    reference = {"digest": "etag", "ref": "s3://bucket/x", "size": size}
    driver.give_manifest(made["id"], {str(number): reference for number in range(4)}, kind)
    assert "the sizes up to here add up to more than 9223372036854775807 bytes" in driver.commit(made["id"], status=400)
    assert driver.version("set:v0") is None
    made = driver.create(digest="y", enableDigestDeduplication=False)
    driver.give_manifest(made["id"], {str(number): reference for number in range(2)}, kind)
    driver.commit(made["id"])
    assert driver.version("set:v0")["size"] == 2 * size


def test_region_travels_in_the_manifest_and_unknown_ones_are_named(driver: ArtifactDriver) -> None:
    wanted = {"entityName": "local", "projectName": "p", "artifactTypeName": "dataset",
              "artifactCollectionName": "set", "digest": "x", "storageRegion": "coreweave-us"}
    assert "coreweave-us" in driver.world.errors(CREATE, {"input": wanted}, status=400)[0]
    made = driver.create(digest="x", storageRegion="minio-local")
    data = manifest({}, storageRegion="minio-local")
    driver.put(driver.announce(made["id"], digest=md5(data))["file"]["uploadUrl"], data)
    driver.commit(made["id"])
    assert driver.manifest_of("set:v0")["storagePolicyConfig"]["storageRegion"] == "minio-local"


def test_incremental_manifest_builds_on_the_latest_version(driver: ArtifactDriver) -> None:
    base = driver.log({"a": A, "b": A})
    made = driver.create(digest="x", enableDigestDeduplication=False)
    driver.upload(made["id"], {"b": B, "c": B})
    record = driver.announce(made["id"], "INCREMENTAL", baseArtifactID=base["id"])
    data = manifest({"b": entry(B), "c": entry(B)})
    updated = driver.world.gql("""mutation M($id: ID!, $digest: String) { updateArtifactManifest(input: {
        artifactManifestID: $id, digest: $digest}) { artifactManifest { id file { uploadUrl } } } }""",
                               {"id": record["id"], "digest": md5(data)})["updateArtifactManifest"]
    driver.put(updated["artifactManifest"]["file"]["uploadUrl"], data)
    whole = {"a": entry(A), "b": entry(B), "c": entry(B)}
    assert driver.commit(made["id"])["digest"] == digest_of(whole)
    assert driver.manifest_of("set:latest")["contents"] == whole
    assert driver.version("set:v1")["fileCount"] == 3
    assert driver.log({"a": A, "b": B, "c": B})["id"] == made["id"]


def test_a_base_whose_manifest_is_lost_is_an_error_that_says_so(driver: ArtifactDriver) -> None:
    base = driver.log({"a": A})
    with driver.world.backend.database.engine.connect() as connection:
        keys = connection.execute(text("SELECT blob_key FROM artifact_manifests")).scalars().all()
    for key in keys:
        driver.world.backend.blobs.delete(key)
    made = driver.create(digest="x", enableDigestDeduplication=False)
    driver.upload(made["id"], {"b": B})
    driver.give_manifest(made["id"], {"b": entry(B)}, "INCREMENTAL", baseArtifactID=base["id"])
    assert "is lost on the disk of the server" in driver.commit(made["id"], status=400)
    driver.give_manifest(made["id"], {"b": entry(B)})
    driver.commit(made["id"])
    assert driver.version("set:v1")["fileCount"] == 1


def nested(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize("kind", ["FULL", "INCREMENTAL", "PATCH"])
@pytest.mark.parametrize("inside", [True, False])
def test_a_manifest_nested_too_deeply_is_refused(driver: ArtifactDriver, kind: str, *, inside: bool) -> None:
    def given(levels: int) -> str:
        made = driver.create(digest=f"{levels}", enableDigestDeduplication=False)
        driver.upload(made["id"], {"a": A})
        whole = json.loads(manifest({"a": entry(A)}))
        if inside:
            whole["contents"]["a"]["extra"] = nested(levels - 3)
        else:
            whole["storagePolicyConfig"]["more"] = nested(levels - 2)
        data = json.dumps(whole).encode()
        driver.put(driver.announce(made["id"], kind, md5(data))["file"]["uploadUrl"], data)
        return str(made["id"])

    for levels in (201, 260):
        assert "more than 200 levels deep" in driver.commit(given(levels), status=400)
    driver.commit(given(200))
    assert driver.manifest_of("set:v0")["contents"]["a"].get("extra") == (nested(197) if inside else None)


def test_distributed_version_is_the_union_of_its_patches(driver: ArtifactDriver) -> None:
    one = driver.create(digest="x", distributedID="group", enableDigestDeduplication=False)
    two = driver.create(digest="x", distributedID="group", enableDigestDeduplication=False)
    assert one["id"] == two["id"]
    for name, data in {"a": A, "b": B}.items():
        driver.upload(one["id"], {name: data})
        driver.give_manifest(one["id"], {name: entry(data)}, "PATCH")
    driver.announce(one["id"], "PATCH")  # of a writer that had nothing to add
    driver.commit(one["id"])
    assert driver.manifest_of("set:v0")["contents"] == {"a": entry(A), "b": entry(B)}
    assert driver.create(digest="x", distributedID="group", enableDigestDeduplication=False)["id"] != one["id"]


def test_empty_distributed_version_may_be_finished(driver: ArtifactDriver) -> None:
    made = driver.create(digest="x", distributedID="group")
    driver.announce(made["id"], "PATCH")
    driver.commit(made["id"])
    assert driver.version("set:v0")["fileCount"] == 0


def test_references_are_kept_and_not_fetched(driver: ArtifactDriver) -> None:
    contents = {"far": {"digest": "etag-1", "ref": "s3://bucket/far", "size": 7, "extra": {"etag": "etag-1"}},
                "page": {"digest": "https://example.com/", "ref": "https://example.com/"}, "near": entry(A)}
    made = driver.create(digest=digest_of(contents))
    driver.upload(made["id"], {"near": A})
    driver.give_manifest(made["id"], contents)
    driver.commit(made["id"])
    assert driver.manifest_of("set:v0")["contents"] == contents
    found = driver.world.gql("""query Q($id: ID!) { artifact(id: $id) { size files { totalCount edges { node {
        name sizeBytes digest directUrl storagePath } } } } }""", {"id": made["id"]})["artifact"]
    assert (found["size"], found["files"]["totalCount"]) == (12, 3)
    nodes = {edge["node"]["name"]: edge["node"] for edge in found["files"]["edges"]}
    assert list(nodes) == ["far", "near", "page"]
    assert (nodes["far"]["directUrl"], nodes["far"]["digest"]) == ("s3://bucket/far", "etag-1")
    assert "wandb_artifacts/" in nodes["near"]["directUrl"]


def test_manifest_is_what_was_sent(driver: ArtifactDriver) -> None:
    driver.log({"a": A})
    assert driver.manifest_of("set:v0") == json.loads(manifest({"a": entry(A)}))
