"""Pages of runs are answered at once, and say what executing every field would say."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import pytest

from dumbbell_server.runs.pages import RunEdges
from support.world import World

LAZY = """id tags name displayName sweepName state group jobType commit readOnly createdAt heartbeatAt description notes
  historyLineCount user { name username }"""
FULL = LAZY + " config systemMetrics summaryMetrics historyKeys"
SELECTIONS = [
    "edges { node { projectId ...Part } cursor } pageInfo { endCursor hasNextPage startCursor hasPreviousPage }",
    "edges { __typename cursor node { __typename name } } totalCount",
    "edges { a: node { first: name second: name state } b: node { config } at: cursor }",
    "edges { node { ... on Run { name host exitcode } ...Deep } }",
    "edges { node { name @include(if: $yes) state @include(if: $no) config @skip(if: $yes) } cursor @skip(if: $no) }",
    "edges { node { name @skip(if: $yes) } }",
    "edges { node { name } node { state user { username } user { id } } }",
    "edges { node { running failed stopped shouldStop updatedAt eventsLineCount logLineCount } }",
    "edges { node { project { name entity { name } } user { username teams { edges { node { name } } } } } }",
    "edges { node { historyKeys keys: historyKeys } }",
    'edges { node { name wandbConfig(keys: ["t"]) } }',
    "edges { node { name files(first: 3) { edges { node { name } } } logLines(first: 1) { edges { cursor } } } }",
    "edges { node { name historyTail } }",
    "pageInfo { endCursor }",
]


@pytest.fixture
def seeded(world: World) -> World:
    world.upsert("a", config='{"lr":{"value":NaN},"x":{"value":[1,"\u00fc"]}}', tags=["t", '"quoted"'], notes="n\n",
                 groupName="g", jobType="j", commit="c0ffee", host="h", sweep="s")
    world.clock.move(1)
    world.upsert("b", summaryMetrics='{"loss":0.5}', state="finished", description="d", displayName="<b>")
    world.clock.move(1)
    world.upsert("c")
    world.history("a", [{"_step": 0, "loss": 1.5}, {"_step": 1, "acc": 2, "n": {"deep": 1}}])
    world.history("c", [{}])
    return world


def question(selection: str) -> str:
    parts = {"Part": f"fragment Part on Run {{ {FULL} }}",
             "Deep": "fragment Deep on Run { tags ...Deeper } fragment Deeper on Run { notes }"}
    used = [text for name, text in parts.items() if f"...{name}" in selection]
    return f"""query Q($yes: Boolean = true, $no: Boolean = false) {{
      project(name: "p") {{ runCount runs {{ {selection} }} }} }} {" ".join(used)}"""


@pytest.mark.parametrize("selection", SELECTIONS)
def test_a_page_is_what_executing_every_field_gives(seeded: World, selection: str) -> None:
    quick = seeded.gql(question(selection))
    again = seeded.gql(question(selection))
    with patch.object(RunEdges, "planned", return_value=None):
        slow = seeded.gql(question(selection))
    assert json.dumps(quick) == json.dumps(slow) == json.dumps(again)
    assert quick["project"]["runCount"] == 3


@pytest.mark.parametrize("selection", SELECTIONS[:10])
def test_usual_selections_are_planned(seeded: World, selection: str) -> None:
    with patch.object(RunEdges, "__iter__", side_effect=AssertionError):
        assert len(seeded.gql(question(selection))["project"]["runs"]["edges"]) == 3


def test_a_page_of_no_runs_is_empty(seeded: World) -> None:
    found: Any = seeded.gql("""{ project(name: "p") { runs(first: 0) { edges { node { name user { name } } cursor }
      pageInfo { hasNextPage endCursor } totalCount } } }""")["project"]["runs"]
    assert found == {"edges": [], "pageInfo": {"hasNextPage": True, "endCursor": None}, "totalCount": 3}


def test_a_reader_reads_what_is_public_and_is_told_so(seeded: World) -> None:
    seeded.gql("""mutation { upsertModel(input: {entityName: "local", name: "p", access: "USER_READ"}) {
      project { name } } }""")
    edges = seeded.gql("""{ project(name: "p", entityName: "local") { runs { edges { node { name readOnly } } } } }""",
                       key=None)["project"]["runs"]["edges"]
    assert [edge["node"]["readOnly"] for edge in edges] == [True] * 3
