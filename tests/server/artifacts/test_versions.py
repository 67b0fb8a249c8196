"""Making versions over the wire."""

from __future__ import annotations

import pytest

from support.artifact_driver import COMMIT, CREATE, ArtifactDriver, digest_of, entry, md5

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


def test_commit_of_an_unknown_version_is_not_found(driver: ArtifactDriver) -> None:
    assert driver.world.errors(COMMIT, {"id": "QXJ0aWZhY3Q6OTk="}, status=404)
    assert driver.world.errors(COMMIT, {"id": "nonsense"}, status=404)
