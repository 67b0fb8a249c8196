"""Making versions over the wire."""

from __future__ import annotations

import hashlib
import json

import pytest

from support.artifact_driver import COMMIT, CREATE, ArtifactDriver, digest_of, entry, manifest, md5

A, B = b"alpha", b"beta, longer"


def test_version_goes_from_pending_to_committed(driver: ArtifactDriver) -> None:
    made = driver.create(digest=digest_of({"a": entry(A)}), metadata='{"n": NaN}', description="words", historyStep=3)
    assert (made["state"], made["versionIndex"], made["artifactSequence"]["latestArtifact"]) == ("PENDING", None, None)
    assert driver.version("set:latest") is None
    [node] = driver.upload(made["id"], {"a": A})
    assert node["storagePath"].startswith("wandb_artifacts/")
    assert node["artifact"]["id"] == made["id"]
    driver.give_manifest(made["id"], {"a": entry(A)})
    assert driver.commit(made["id"])["versionIndex"] == 0
    found = driver.version("set:v0")
    assert (found["state"], found["size"], found["fileCount"], found["historyStep"]) == ("COMMITTED", 5, 1, 3)
    assert (found["description"], found["metadata"], found["commitHash"] is not None) == ("words", '{"n": NaN}', True)
    assert (found["ttlDurationSeconds"] <= 0, found["ttlIsInherited"]) == (True, True)
    assert [alias["alias"] for alias in found["aliases"]] == ["latest"]
    assert "wandb_manifest.json" in found["currentManifest"]["file"]["directUrl"]
    assert "wandb_artifacts/" not in found["currentManifest"]["file"]["directUrl"]


def test_commit_twice_is_one_version(driver: ArtifactDriver) -> None:
    made = driver.log({"a": A})
    assert driver.commit(made["id"]) == made
    assert driver.log({"a": B})["versionIndex"] == 1


def test_same_digest_is_the_same_version_with_new_aliases_and_an_edge(driver: ArtifactDriver) -> None:
    driver.world.upsert("r")
    first = driver.log({"a": A})
    driver.log({"a": B})
    again = driver.log({"a": A}, runName="r", tags=[{"tagName": "seen"}],
                       aliases=[{"artifactCollectionName": "set", "alias": "best"}])
    assert (again["id"], again["state"]) == (first["id"], "COMMITTED")
    assert again["artifactSequence"]["latestArtifact"]["versionIndex"] == 1
    assert driver.version("set:best")["id"] == first["id"]
    assert driver.version("set:v0")["tags"] == [{"name": "seen"}]
    outputs = driver.world.run("outputArtifacts { totalCount edges { node { id } } }")["outputArtifacts"]
    assert outputs == {"totalCount": 1, "edges": [{"node": {"id": first["id"]}}]}


def test_empty_versions_of_two_sequences_are_two(driver: ArtifactDriver) -> None:
    one, two = driver.log({}, "one"), driver.log({}, "two")
    assert one["id"] != two["id"]
    assert driver.version("one:v0")["fileCount"] == 0


def test_bytes_are_sent_once_a_project(driver: ArtifactDriver) -> None:
    first = driver.log({"a": A})
    made = driver.create("other", digest="x")
    nodes = driver.files(made["id"], {"deep/again": A, "new": B, "twice": A})
    assert [node["name"] for node in nodes] == ["deep/again", "new", "twice"]
    assert [node["uploadUrl"] is None for node in nodes] == [True, False, True]
    assert [node["artifact"]["id"] for node in nodes] == [first["id"], made["id"], first["id"]]


@pytest.mark.usefixtures("through_us")
def test_wrong_bytes_are_refused_and_not_kept(driver: ArtifactDriver) -> None:
    made = driver.create(digest="x")
    [node] = driver.files(made["id"], {"a": A})
    assert "MD5" in driver.put(node["uploadUrl"], B, status=400).text
    driver.put(node["uploadUrl"].replace("signature=", "signature=0"), A, status=403)
    assert driver.world.count("artifact_blobs") == 0
    driver.give_manifest(made["id"], {"a": entry(A)})
    assert "'a'" in driver.commit(made["id"], status=400)
    driver.put(node["uploadUrl"], A)
    assert driver.commit(made["id"])["state"] == "COMMITTED"


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


@pytest.mark.usefixtures("through_us")
def test_multipart_upload_is_joined_and_checked(driver: ArtifactDriver) -> None:
    made = driver.create(digest=digest_of({"big": entry(A + B)}))
    parts = [{"partNumber": number, "hexMD5": hashlib.md5(data).hexdigest()} for number, data in ((1, A), (2, B))]
    [node] = driver.files(made["id"], {"big": A + B}, uploadPartsInput=parts)
    upload = node["uploadMultipartUrls"]
    assert [part["partNumber"] for part in upload["uploadUrlParts"]] == [1, 2]
    etags = [driver.put(part["uploadUrl"], data).headers["etag"]
             for part, data in zip(upload["uploadUrlParts"], (A, A), strict=True)]
    complete = """mutation M($input: CompleteMultipartUploadArtifactInput!) {
        completeMultipartUploadArtifact(input: $input) { digest } }"""
    given = {"completeMultipartAction": "Complete", "artifactID": made["id"], "storagePath": node["storagePath"],
             "uploadID": upload["uploadID"], "completedParts": [
                 {"partNumber": at, "hexMD5": etag} for at, etag in enumerate(etags, 1)]}
    assert "MD5" in driver.world.errors(complete, {"input": given}, status=400)[0]
    etag = driver.put(upload["uploadUrlParts"][1]["uploadUrl"], B).headers["etag"]
    given["completedParts"][1]["hexMD5"] = etag
    for _ in range(2):  # a retry changes nothing
        driver.world.gql(complete, {"input": given})
    driver.give_manifest(made["id"], {"big": entry(A + B)})
    driver.commit(made["id"])
    assert driver.world.count("artifact_parts") == driver.world.count("artifact_uploads") == 0
    assert driver.files(driver.create("x", digest="x")["id"], {"big": A + B})[0]["uploadUrl"] is None


def test_client_ids_are_remembered(driver: ArtifactDriver) -> None:
    made = driver.create(digest=digest_of({}), clientID="c" * 128, sequenceClientID="s" * 128)
    again = driver.log({}, clientID="e" * 128, sequenceClientID="t" * 128)
    query = "query Q($id: ID!) { clientIDMapping(clientID: $id) { serverID } }"

    def known(client_id: str) -> str | None:
        found = driver.world.gql(query, {"id": client_id})["clientIDMapping"]
        return found and found["serverID"]

    assert known("c" * 128) == made["id"]
    assert known("e" * 128) == again["id"]
    assert known("s" * 128) == known("t" * 128) == driver.member("set:latest")["artifactCollection"]["id"]
    assert known("unknown") is None


def test_one_collection_has_one_type(driver: ArtifactDriver) -> None:
    driver.log({"a": A})
    wanted = {"entityName": "local", "projectName": "p", "artifactTypeName": "model",
              "artifactCollectionName": "set", "digest": "x"}
    assert "already exists with type 'dataset'" in driver.world.errors(CREATE, {"input": wanted}, status=409)[0]
    assert driver.world.gql('query Q { project(name: "p") { artifactType(name: "model") { id } } }') == {
        "project": {"artifactType": None}}


@pytest.mark.parametrize("fields", [
    {"artifactCollectionName": "a/b"}, {"artifactCollectionName": "a:b"}, {"artifactCollectionName": "\x00"},
    {"artifactTypeName": ""}, {"metadata": "{"}, {"tags": [{"tagName": "bad!"}]}, {"tags": [{"tagName": " "}]},
    {"digest": "\x00"}, {"clientID": "c" * 1000}, {"aliases": [{"artifactCollectionName": "set", "alias": "a/b"}]},
    {"ttlDurationSeconds": -3}, {"ttlDurationSeconds": 10**15}, {"description": "\x00"},
])
def test_bad_input_is_refused_and_nothing_is_made(driver: ArtifactDriver, fields: dict[str, object]) -> None:
    wanted = {"entityName": "local", "projectName": "p", "artifactTypeName": "dataset",
              "artifactCollectionName": "set", "digest": "x", **fields}
    [message] = driver.world.errors(CREATE, {"input": wanted}, status=400)
    assert ("Invalid tag" in message) == ("tags" in fields)
    assert driver.world.count("artifacts") == driver.world.count("artifact_collections") == 0


def test_form_of_2020_makes_a_version_and_edits_it_by_digest(driver: ArtifactDriver) -> None:
    kind = """mutation M { createArtifactType(input: {entityName: "local", projectName: "p", name: "dataset"}) {
        artifactType { id } } }"""
    assert driver.world.gql(kind) == driver.world.gql(kind)
    contents = {"a": entry(A)}
    wanted = {"entityName": "local", "projectName": "p", "artifactTypeName": "dataset", "labels": "{}",
              "artifactCollectionNames": ["set"], "digest": digest_of(contents),
              "aliases": [{"artifactCollectionName": "set", "alias": "latest"}]}
    made = driver.world.gql(CREATE, {"input": wanted})["createArtifact"]["artifact"]
    driver.upload(made["id"], {"a": A})
    driver.give_manifest(made["id"], contents)
    driver.commit(made["id"])
    wanted["aliases"] = [{"artifactCollectionName": "set", "alias": "old"}]
    assert driver.world.gql(CREATE, {"input": wanted})["createArtifact"]["artifact"]["id"] == made["id"]
    found = driver.world.gql("""query Q($n: String!, $d: String!) { project(name: "p") {
        artifact(name: $n) { id } digested: artifact(name: $d) { id } artifactType(name: "dataset") {
        artifact(name: "set:v0") { files(names: ["a"]) { edges { node { displayName url md5 } } } }
        artifactSequence(name: "set") { name artifacts { edges { version cursor node { id labels } } } }
        artifactSequences { totalCount edges { node { name } } } } } }""",
                             {"n": "set:old", "d": digest_of(contents)})["project"]
    assert found["artifact"]["id"] == found["digested"]["id"] == made["id"]
    assert found["artifactType"]["artifact"]["files"]["edges"][0]["node"]["md5"] == md5(A)
    assert found["artifactType"]["artifactSequence"]["artifacts"]["edges"][0]["version"] == "v0"
    assert found["artifactType"]["artifactSequences"]["totalCount"] == 1


def test_manifest_is_what_was_sent(driver: ArtifactDriver) -> None:
    driver.log({"a": A})
    assert driver.manifest_of("set:v0") == json.loads(manifest({"a": entry(A)}))


def test_commit_of_an_unknown_version_is_not_found(driver: ArtifactDriver) -> None:
    assert driver.world.errors(COMMIT, {"id": "QXJ0aWZhY3Q6OTk="}, status=404)
    assert driver.world.errors(COMMIT, {"id": "nonsense"}, status=404)
