"""Versions that go with their run or project."""

from __future__ import annotations

import pytest

from dumbbell_server.blobs import removal
from support.artifact_driver import ArtifactDriver
from support.artifact_worlds import counted_statements

A, B = b"alpha", b"beta, longer"
DELETE_PROJECT = "mutation M($id: String!) { deleteModel(input: {id: $id}) { success } }"


def test_runs_and_projects_take_their_versions_along(driver: ArtifactDriver) -> None:
    for name in ("kept", "gone"):
        driver.world.upsert(name)
    kept = driver.log({"a": A}, runName="kept")
    driver.log({"a": B}, runName="gone")
    run = driver.world.run("id outputArtifacts { totalCount }", "gone")
    assert run["outputArtifacts"]["totalCount"] == 1
    delete = "mutation M($id: ID!, $all: Boolean) { deleteRun(input: {id: $id, deleteArtifacts: $all}) { clientMutationId } }"  # noqa: E501
    driver.world.gql(delete, {"id": run["id"], "all": True})
    assert driver.version("set:v1") is None
    assert driver.version("set:latest")["id"] == kept["id"]
    driver.world.gql(delete, {"id": driver.world.run("id", "kept")["id"]})
    assert driver.version("set:v0")["id"] == kept["id"]
    project = driver.world.gql('query { project(name: "p") { id } }')["project"]["id"]
    driver.world.gql("mutation M($id: String!) { deleteModel(input: {id: $id}) { success } }", {"id": project})
    assert driver.world.count("artifacts") == driver.world.count("artifact_entries") == 0
    assert list(driver.world.backend.blobs.keys()) == []


def test_many_versions_go_in_as_few_statements_as_one(driver: ArtifactDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "_PIECE", 60.0)  # however slow this machine is, all of it is one piece

    def statements_to_delete(project: str, versions: int) -> int:
        for at in range(versions):
            driver.log({"f": str(at).encode()}, projectName=project)
        found = driver.world.gql("query Q($n: String) { project(name: $n) { id } }", {"n": project})["project"]
        with counted_statements(driver.world) as count:
            driver.world.gql(DELETE_PROJECT, {"id": found["id"]})
            return count()

    assert statements_to_delete("few", 1) == statements_to_delete("many", 6)
    assert driver.world.count("artifact_manifests") == driver.world.count("artifact_entries") == 0
