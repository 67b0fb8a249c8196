"""Making versions over the wire."""

from __future__ import annotations

import hashlib
import json

import pytest

from support.artifact_studio import COMMIT, CREATE, Studio, digest_of, entry, manifest, md5

A, B = b"alpha", b"beta, longer"


def test_version_goes_from_pending_to_committed(studio: Studio) -> None:
    made = studio.create(digest=digest_of({"a": entry(A)}), metadata='{"n": NaN}', description="words", historyStep=3)
    assert (made["state"], made["versionIndex"], made["artifactSequence"]["latestArtifact"]) == ("PENDING", None, None)
    assert studio.version("set:latest") is None
    [node] = studio.upload(made["id"], {"a": A})
    assert node["storagePath"].startswith("wandb_artifacts/")
    assert node["artifact"]["id"] == made["id"]
    studio.give_manifest(made["id"], {"a": entry(A)})
    assert studio.commit(made["id"])["versionIndex"] == 0
    found = studio.version("set:v0")
    assert (found["state"], found["size"], found["fileCount"], found["historyStep"]) == ("COMMITTED", 5, 1, 3)
    assert (found["description"], found["metadata"], found["commitHash"] is not None) == ("words", '{"n": NaN}', True)
    assert (found["ttlDurationSeconds"] <= 0, found["ttlIsInherited"]) == (True, True)
    assert [alias["alias"] for alias in found["aliases"]] == ["latest"]
    assert "wandb_manifest.json" in found["currentManifest"]["file"]["directUrl"]
    assert "wandb_artifacts/" not in found["currentManifest"]["file"]["directUrl"]


def test_commit_twice_is_one_version(studio: Studio) -> None:
    made = studio.log({"a": A})
    assert studio.commit(made["id"]) == made
    assert studio.log({"a": B})["versionIndex"] == 1


def test_same_digest_is_the_same_version_with_new_aliases_and_an_edge(studio: Studio) -> None:
    studio.world.upsert("r")
    first = studio.log({"a": A})
    studio.log({"a": B})
    again = studio.log({"a": A}, runName="r", tags=[{"tagName": "seen"}],
                       aliases=[{"artifactCollectionName": "set", "alias": "best"}])
    assert (again["id"], again["state"]) == (first["id"], "COMMITTED")
    assert again["artifactSequence"]["latestArtifact"]["versionIndex"] == 1
    assert studio.version("set:best")["id"] == first["id"]
    assert studio.version("set:v0")["tags"] == [{"name": "seen"}]
    outputs = studio.world.run("outputArtifacts { totalCount edges { node { id } } }")["outputArtifacts"]
    assert outputs == {"totalCount": 1, "edges": [{"node": {"id": first["id"]}}]}


def test_empty_versions_of_two_sequences_are_two(studio: Studio) -> None:
    one, two = studio.log({}, "one"), studio.log({}, "two")
    assert one["id"] != two["id"]
    assert studio.version("one:v0")["fileCount"] == 0


def test_bytes_are_sent_once_a_project(studio: Studio) -> None:
    first = studio.log({"a": A})
    made = studio.create("other", digest="x")
    nodes = studio.files(made["id"], {"deep/again": A, "new": B, "twice": A})
    assert [node["name"] for node in nodes] == ["deep/again", "new", "twice"]
    assert [node["uploadUrl"] is None for node in nodes] == [True, False, True]
    assert [node["artifact"]["id"] for node in nodes] == [first["id"], made["id"], first["id"]]


@pytest.mark.usefixtures("through_us")
def test_wrong_bytes_are_refused_and_not_kept(studio: Studio) -> None:
    made = studio.create(digest="x")
    [node] = studio.files(made["id"], {"a": A})
    assert "MD5" in studio.put(node["uploadUrl"], B, status=400).text
    studio.put(node["uploadUrl"].replace("signature=", "signature=0"), A, status=403)
    assert studio.world.count("artifact_blobs") == 0
    studio.give_manifest(made["id"], {"a": entry(A)})
    assert "'a'" in studio.commit(made["id"], status=400)
    studio.put(node["uploadUrl"], A)
    assert studio.commit(made["id"])["state"] == "COMMITTED"


def test_commit_needs_its_manifest(studio: Studio) -> None:
    made = studio.create(digest="x")
    studio.announce(made["id"])
    assert "manifest" in studio.commit(made["id"], status=400)
    announced = studio.announce(made["id"], digest=md5(manifest({})))
    studio.put(announced["file"]["uploadUrl"], manifest({"a": entry(A)}), status=400)
    assert studio.version("set:v0") is None


@pytest.mark.parametrize("contents", [
    b"[]", b"{", b'{"version": 2, "contents": {}}', b'{"version": 1, "contents": {"a": {}}}',
    b'{"version": 1, "contents": {"a": {"digest": "short"}}}', b'{"version": 1, "contents": {"": {"digest": ""}}}',
    b'{"version": 1, "contents": {"a\\u0000": {"digest": "1B2M2Y8AsgTpgAmY7PhCfg==", "ref": "x"}}}',
    b'{"version": 1, "contents": {"a": {"digest": "1B2M2Y8AsgTpgAmY7PhCfg==", "size": -1}}}',
    b'{"version": 1, "contents": {"a": {"digest": "1B2M2Y8AsgTpgAmY7PhCfg==", "size": 1e400}}}',
])
def test_malformed_manifest_is_refused_at_commit(studio: Studio, contents: bytes) -> None:
    made = studio.create(digest="x")
    studio.put(studio.announce(made["id"])["file"]["uploadUrl"], contents)
    assert "manifest" in studio.commit(made["id"], status=400)


def test_region_travels_in_the_manifest_and_unknown_ones_are_named(studio: Studio) -> None:
    wanted = {"entityName": "local", "projectName": "p", "artifactTypeName": "dataset",
              "artifactCollectionName": "set", "digest": "x", "storageRegion": "coreweave-us"}
    assert "coreweave-us" in studio.world.errors(CREATE, {"input": wanted}, status=400)[0]
    made = studio.create(digest="x", storageRegion="minio-local")
    data = manifest({}, storageRegion="minio-local")
    studio.put(studio.announce(made["id"], digest=md5(data))["file"]["uploadUrl"], data)
    studio.commit(made["id"])
    assert studio.manifest_of("set:v0")["storagePolicyConfig"]["storageRegion"] == "minio-local"


def test_incremental_manifest_builds_on_the_latest_version(studio: Studio) -> None:
    base = studio.log({"a": A, "b": A})
    made = studio.create(digest="x", enableDigestDeduplication=False)
    studio.upload(made["id"], {"b": B, "c": B})
    record = studio.announce(made["id"], "INCREMENTAL", baseArtifactID=base["id"])
    data = manifest({"b": entry(B), "c": entry(B)})
    updated = studio.world.gql("""mutation M($id: ID!, $digest: String) { updateArtifactManifest(input: {
        artifactManifestID: $id, digest: $digest}) { artifactManifest { id file { uploadUrl } } } }""",
                               {"id": record["id"], "digest": md5(data)})["updateArtifactManifest"]
    studio.put(updated["artifactManifest"]["file"]["uploadUrl"], data)
    whole = {"a": entry(A), "b": entry(B), "c": entry(B)}
    assert studio.commit(made["id"])["digest"] == digest_of(whole)
    assert studio.manifest_of("set:latest")["contents"] == whole
    assert studio.version("set:v1")["fileCount"] == 3
    assert studio.log({"a": A, "b": B, "c": B})["id"] == made["id"]


def test_distributed_version_is_the_union_of_its_patches(studio: Studio) -> None:
    one = studio.create(digest="x", distributedID="group", enableDigestDeduplication=False)
    two = studio.create(digest="x", distributedID="group", enableDigestDeduplication=False)
    assert one["id"] == two["id"]
    for name, data in {"a": A, "b": B}.items():
        studio.upload(one["id"], {name: data})
        studio.give_manifest(one["id"], {name: entry(data)}, "PATCH")
    studio.announce(one["id"], "PATCH")  # of a writer that had nothing to add
    studio.commit(one["id"])
    assert studio.manifest_of("set:v0")["contents"] == {"a": entry(A), "b": entry(B)}
    assert studio.create(digest="x", distributedID="group", enableDigestDeduplication=False)["id"] != one["id"]


def test_empty_distributed_version_may_be_finished(studio: Studio) -> None:
    made = studio.create(digest="x", distributedID="group")
    studio.announce(made["id"], "PATCH")
    studio.commit(made["id"])
    assert studio.version("set:v0")["fileCount"] == 0


def test_references_are_kept_and_not_fetched(studio: Studio) -> None:
    contents = {"far": {"digest": "etag-1", "ref": "s3://bucket/far", "size": 7, "extra": {"etag": "etag-1"}},
                "page": {"digest": "https://example.com/", "ref": "https://example.com/"}, "near": entry(A)}
    made = studio.create(digest=digest_of(contents))
    studio.upload(made["id"], {"near": A})
    studio.give_manifest(made["id"], contents)
    studio.commit(made["id"])
    assert studio.manifest_of("set:v0")["contents"] == contents
    found = studio.world.gql("""query Q($id: ID!) { artifact(id: $id) { size files { totalCount edges { node {
        name sizeBytes digest directUrl storagePath } } } } }""", {"id": made["id"]})["artifact"]
    assert (found["size"], found["files"]["totalCount"]) == (12, 3)
    nodes = {edge["node"]["name"]: edge["node"] for edge in found["files"]["edges"]}
    assert list(nodes) == ["far", "near", "page"]
    assert (nodes["far"]["directUrl"], nodes["far"]["digest"]) == ("s3://bucket/far", "etag-1")
    assert "wandb_artifacts/" in nodes["near"]["directUrl"]


@pytest.mark.usefixtures("through_us")
def test_multipart_upload_is_joined_and_checked(studio: Studio) -> None:
    made = studio.create(digest=digest_of({"big": entry(A + B)}))
    parts = [{"partNumber": number, "hexMD5": hashlib.md5(data).hexdigest()} for number, data in ((1, A), (2, B))]
    [node] = studio.files(made["id"], {"big": A + B}, uploadPartsInput=parts)
    upload = node["uploadMultipartUrls"]
    assert [part["partNumber"] for part in upload["uploadUrlParts"]] == [1, 2]
    etags = [studio.put(part["uploadUrl"], data).headers["etag"]
             for part, data in zip(upload["uploadUrlParts"], (A, A), strict=True)]
    complete = """mutation M($input: CompleteMultipartUploadArtifactInput!) {
        completeMultipartUploadArtifact(input: $input) { digest } }"""
    given = {"completeMultipartAction": "Complete", "artifactID": made["id"], "storagePath": node["storagePath"],
             "uploadID": upload["uploadID"], "completedParts": [
                 {"partNumber": at, "hexMD5": etag} for at, etag in enumerate(etags, 1)]}
    assert "MD5" in studio.world.errors(complete, {"input": given}, status=400)[0]
    etag = studio.put(upload["uploadUrlParts"][1]["uploadUrl"], B).headers["etag"]
    given["completedParts"][1]["hexMD5"] = etag
    for _ in range(2):  # a retry changes nothing
        studio.world.gql(complete, {"input": given})
    studio.give_manifest(made["id"], {"big": entry(A + B)})
    studio.commit(made["id"])
    assert studio.world.count("artifact_parts") == studio.world.count("artifact_uploads") == 0
    assert studio.files(studio.create("x", digest="x")["id"], {"big": A + B})[0]["uploadUrl"] is None


def test_client_ids_are_remembered(studio: Studio) -> None:
    made = studio.create(digest=digest_of({}), clientID="c" * 128, sequenceClientID="s" * 128)
    again = studio.log({}, clientID="e" * 128, sequenceClientID="t" * 128)
    query = "query Q($id: ID!) { clientIDMapping(clientID: $id) { serverID } }"

    def known(client_id: str) -> str | None:
        found = studio.world.gql(query, {"id": client_id})["clientIDMapping"]
        return found and found["serverID"]

    assert known("c" * 128) == made["id"]
    assert known("e" * 128) == again["id"]
    assert known("s" * 128) == known("t" * 128) == studio.member("set:latest")["artifactCollection"]["id"]
    assert known("unknown") is None


def test_one_collection_has_one_type(studio: Studio) -> None:
    studio.log({"a": A})
    wanted = {"entityName": "local", "projectName": "p", "artifactTypeName": "model",
              "artifactCollectionName": "set", "digest": "x"}
    assert "already exists with type 'dataset'" in studio.world.errors(CREATE, {"input": wanted}, status=409)[0]
    assert studio.world.gql('query Q { project(name: "p") { artifactType(name: "model") { id } } }') == {
        "project": {"artifactType": None}}


@pytest.mark.parametrize("fields", [
    {"artifactCollectionName": "a/b"}, {"artifactCollectionName": "a:b"}, {"artifactCollectionName": "\x00"},
    {"artifactTypeName": ""}, {"metadata": "{"}, {"tags": [{"tagName": "bad!"}]}, {"tags": [{"tagName": " "}]},
    {"digest": "\x00"}, {"clientID": "c" * 1000}, {"aliases": [{"artifactCollectionName": "set", "alias": "a/b"}]},
    {"ttlDurationSeconds": -3}, {"ttlDurationSeconds": 10**15}, {"description": "\x00"},
])
def test_bad_input_is_refused_and_nothing_is_made(studio: Studio, fields: dict[str, object]) -> None:
    wanted = {"entityName": "local", "projectName": "p", "artifactTypeName": "dataset",
              "artifactCollectionName": "set", "digest": "x", **fields}
    [message] = studio.world.errors(CREATE, {"input": wanted}, status=400)
    assert ("Invalid tag" in message) == ("tags" in fields)
    assert studio.world.count("artifacts") == studio.world.count("artifact_collections") == 0


def test_form_of_2020_makes_a_version_and_edits_it_by_digest(studio: Studio) -> None:
    kind = """mutation M { createArtifactType(input: {entityName: "local", projectName: "p", name: "dataset"}) {
        artifactType { id } } }"""
    assert studio.world.gql(kind) == studio.world.gql(kind)
    contents = {"a": entry(A)}
    wanted = {"entityName": "local", "projectName": "p", "artifactTypeName": "dataset", "labels": "{}",
              "artifactCollectionNames": ["set"], "digest": digest_of(contents),
              "aliases": [{"artifactCollectionName": "set", "alias": "latest"}]}
    made = studio.world.gql(CREATE, {"input": wanted})["createArtifact"]["artifact"]
    studio.upload(made["id"], {"a": A})
    studio.give_manifest(made["id"], contents)
    studio.commit(made["id"])
    wanted["aliases"] = [{"artifactCollectionName": "set", "alias": "old"}]
    assert studio.world.gql(CREATE, {"input": wanted})["createArtifact"]["artifact"]["id"] == made["id"]
    found = studio.world.gql("""query Q($n: String!, $d: String!) { project(name: "p") {
        artifact(name: $n) { id } digested: artifact(name: $d) { id } artifactType(name: "dataset") {
        artifact(name: "set:v0") { files(names: ["a"]) { edges { node { displayName url md5 } } } }
        artifactSequence(name: "set") { name artifacts { edges { version cursor node { id labels } } } }
        artifactSequences { totalCount edges { node { name } } } } } }""",
                             {"n": "set:old", "d": digest_of(contents)})["project"]
    assert found["artifact"]["id"] == found["digested"]["id"] == made["id"]
    assert found["artifactType"]["artifact"]["files"]["edges"][0]["node"]["md5"] == md5(A)
    assert found["artifactType"]["artifactSequence"]["artifacts"]["edges"][0]["version"] == "v0"
    assert found["artifactType"]["artifactSequences"]["totalCount"] == 1


def test_manifest_is_what_was_sent(studio: Studio) -> None:
    studio.log({"a": A})
    assert studio.manifest_of("set:v0") == json.loads(manifest({"a": entry(A)}))


def test_commit_of_an_unknown_version_is_not_found(studio: Studio) -> None:
    assert studio.world.errors(COMMIT, {"id": "QXJ0aWZhY3Q6OTk="}, status=404)
    assert studio.world.errors(COMMIT, {"id": "nonsense"}, status=404)
