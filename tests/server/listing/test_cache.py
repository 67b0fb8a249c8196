"""Every cache of a backend can be emptied, and nobody notices but by the time it takes."""

from __future__ import annotations

import json

from support.world import World

QUERY = """query Q($filters: JSONString) { project(name: "p") {
  runCount(filters: $filters) runs(filters: $filters, order: "+summary_metrics.x") { edges { node { name } } } } }"""


def test_cleared_caches_are_filled_again(world: World) -> None:
    for number in range(5):
        world.upsert(f"r{number}", summaryMetrics=json.dumps({"x": number}))
    filters = json.dumps({"summary_metrics.x": {"$gte": 3}})
    before = world.gql(QUERY, {"filters": filters})
    assert before["project"] == {"runCount": 2, "runs": {"edges": [{"node": {"name": "r3"}}, {"node": {"name": "r4"}}]}}
    documents = world.client.app.state.dumbbell.executor.documents
    assert world.backend.run_columns.size > 0
    assert documents._kept
    world.backend.clear_caches()
    assert world.backend.run_columns.size == 0
    assert not documents._kept
    assert world.gql(QUERY, {"filters": filters}) == before
