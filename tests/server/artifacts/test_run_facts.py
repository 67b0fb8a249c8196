"""Runs are found by the artifacts that they took in or made."""

from __future__ import annotations

import json
from typing import Any

from support.artifact_studio import Studio
from support.world import KEY

QUESTION = """query Q($filters: JSONString) { project(name: "p", entityName: "local") {
  runs(filters: $filters, order: "+created_at") { edges { node { name } } } } }"""
USE = """mutation M($input: UseArtifactInput!) { useArtifact(input: $input) { artifact { id } } }"""
OTHER = "e" * 40


def names(studio: Studio, filters: Any, key: str = KEY) -> list[str]:
    found = studio.world.gql(QUESTION, {"filters": json.dumps(filters)}, key=key)["project"]["runs"]["edges"]
    return [edge["node"]["name"] for edge in found]


def use(studio: Studio, artifact: str, run: str) -> None:
    studio.world.gql(USE, {"input": {"artifactID": artifact, "entityName": "local", "projectName": "p",
                                     "runName": run}})


def test_runs_are_found_by_their_artifacts_as_they_are_now(studio: Studio) -> None:
    for run in ("maker", "taker", "idle"):
        studio.world.upsert(run)
        studio.world.clock.move(1)
    assert names(studio, {"outputArtifacts": "set:v0"}) == []
    first = studio.log({"a": b"1"}, runName="maker")
    studio.log({"a": b"2"}, runName="maker")
    use(studio, first["id"], "taker")
    assert names(studio, {"outputArtifacts": "set:v0"}) == ["maker"]
    assert names(studio, {"outputArtifacts": {"$all": ["set:v0", "set:v1"]}}) == ["maker"]
    assert names(studio, {"inputArtifacts": {"$in": ["set:v0", "other:v0"]}}) == ["taker"]
    assert names(studio, {"input_artifacts": {"$regex": "^set:"}}) == ["taker"]
    assert names(studio, {"inputArtifacts": {"$exists": False}}) == ["maker", "idle"]
    use(studio, first["id"], "idle")
    assert names(studio, {"inputArtifacts": "set:v0"}) == ["taker", "idle"]


def test_artifacts_of_closed_projects_are_not_told(studio: Studio) -> None:
    studio.world.upsert("taker")
    studio.world.gql("""mutation { upsertModel(input: {entityName: "local", name: "p", access: "USER_READ"}) {
      project { name } } }""")
    hidden = studio.log({"a": b"1"}, "secret", projectName="closed")
    use(studio, hidden["id"], "taker")
    studio.world.add_user("eve", OTHER)
    assert names(studio, {"inputArtifacts": "secret:v0"}) == ["taker"]
    assert names(studio, {"inputArtifacts": "secret:v0"}, OTHER) == []
