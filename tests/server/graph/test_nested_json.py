"""JSON in texts is at most 200 levels deep, whichever way it comes in."""

from __future__ import annotations

from typing import Any

import pytest

from support.world import World

SWEEP = """mutation M($x: JSONString) { upsertSweep(input: {entityName: "local", projectName: "p",
  config: "{method: random, parameters: {a: {value: 1}}}", %s: $x}) { sweep { id } } }"""
WAYS_IN = {
    "config of a sweep": """mutation M($x: String) { upsertSweep(input: {
      entityName: "local", projectName: "p", config: $x}) { sweep { id } } }""",
    "controller": SWEEP % "controller",
    "scheduler": SWEEP % "scheduler",
    "prior runs": SWEEP % "priorRunsFilters",
    "spec of a view": """mutation M($x: String) { upsertView(input: {
      entityName: "local", projectName: "p", type: "runs", name: "v", spec: $x}) { view { id } } }""",
    "views of a project": """mutation M($x: JSONString) { upsertModel(input: {
      entityName: "local", name: "p", views: $x}) { model { id } } }""",
    "filter": 'query Q($x: JSONString) { project(name: "p") { runs(filters: $x) { edges { node { id } } } } }',
    "spec of a sample": """query Q($x: JSONString!) { project(name: "p") {
      run(name: "r") { sampledHistory(specs: [$x]) } } }""",
    "metadata": """mutation M($x: JSONString) { createArtifact(input: {entityName: "local", projectName: "p",
      artifactTypeName: "t", artifactCollectionName: "c", digest: "d", metadata: $x}) { artifact { id } } }""",
    "config of a run": """mutation M($x: JSONString) { upsertBucket(input: {
      name: "r", modelName: "p", config: $x}) { bucket { id } } }""",
    "summary of a run": """mutation M($x: JSONString) { upsertBucket(input: {
      name: "r", modelName: "p", summaryMetrics: $x}) { bucket { id } } }""",
}


@pytest.mark.parametrize("way", WAYS_IN)
def test_what_is_nested_too_deeply_is_refused_with_the_reason(world: World, way: str) -> None:
    world.upsert("r")
    for levels in (201, 260, 5000, 100_000):
        deep = '{"a":' * (levels - 1) + "{}" + "}" * (levels - 1)
        answer: Any = world.answer(WAYS_IN[way], {"x": deep}, status=400)
        assert "deep" in answer["errors"][0]["message"]
    if way not in {"config of a sweep", "filter", "prior runs"}:  # whose keys have a meaning
        assert "errors" not in world.answer(WAYS_IN[way], {"x": '{"a":' * 199 + "{}" + "}" * 199})
