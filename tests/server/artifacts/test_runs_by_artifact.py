"""Runs are found by the artifacts that they took in or made."""

from __future__ import annotations

import json
from typing import Any

from support.artifact_driver import ArtifactDriver
from support.world import KEY

QUESTION = """query Q($filters: JSONString) { project(name: "p", entityName: "local") {
  runs(filters: $filters, order: "+created_at") { edges { node { name } } } } }"""
USE = """mutation M($input: UseArtifactInput!) { useArtifact(input: $input) { artifact { id } } }"""
OTHER = "e" * 40


def names(driver: ArtifactDriver, filters: Any, key: str = KEY) -> list[str]:
    found = driver.world.gql(QUESTION, {"filters": json.dumps(filters)}, key=key)["project"]["runs"]["edges"]
    return [edge["node"]["name"] for edge in found]


def use(driver: ArtifactDriver, artifact: str, run: str) -> None:
    driver.world.gql(USE, {"input": {"artifactID": artifact, "entityName": "local", "projectName": "p",
                                     "runName": run}})


def test_runs_are_found_by_their_artifacts_as_they_are_now(driver: ArtifactDriver) -> None:
    for run in ("maker", "taker", "idle"):
        driver.world.upsert(run)
        driver.world.clock.move(1)
    assert names(driver, {"outputArtifacts": "set:v0"}) == []
    first = driver.log({"a": b"1"}, runName="maker")
    driver.log({"a": b"2"}, runName="maker")
    use(driver, first["id"], "taker")
    assert names(driver, {"outputArtifacts": "set:v0"}) == ["maker"]
    assert names(driver, {"outputArtifacts": {"$all": ["set:v0", "set:v1"]}}) == ["maker"]
    assert names(driver, {"inputArtifacts": {"$in": ["set:v0", "other:v0"]}}) == ["taker"]
    assert names(driver, {"input_artifacts": {"$regex": "^set:"}}) == ["taker"]
    assert names(driver, {"inputArtifacts": {"$exists": False}}) == ["maker", "idle"]
    use(driver, first["id"], "idle")
    assert names(driver, {"inputArtifacts": "set:v0"}) == ["taker", "idle"]


def test_artifacts_of_closed_projects_are_not_told(driver: ArtifactDriver) -> None:
    driver.world.upsert("taker")
    driver.world.gql("""mutation { upsertModel(input: {entityName: "local", name: "p", access: "USER_READ"}) {
      project { name } } }""")
    hidden = driver.log({"a": b"1"}, "secret", projectName="closed")
    use(driver, hidden["id"], "taker")
    driver.world.add_user("eve", OTHER)
    assert names(driver, {"inputArtifacts": "secret:v0"}) == ["taker"]
    assert names(driver, {"inputArtifacts": "secret:v0"}, OTHER) == []
