"""Runs that start over, are rewound, or go, and what others still show of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dumbbell_server.database.engine import snapshot
from dumbbell_server.history.reading import keys
from dumbbell_server.runs.tables import RunRow
from support.world import World

REWIND = """mutation M($run: String!, $step: Float!) { rewindRun(input: {runName: $run, projectName: "p",
  metricName: "_step", metricValue: $step}) { rewoundRun { historyLineCount } } }"""
DELETE = "mutation M($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"
START = """mutation M($input: UpsertBucketInput!) { upsertBucket(input: $input) { bucket { id historyLineCount } } }"""


def rows(*steps: int, **more: Any) -> list[dict[str, Any]]:
    return [{"_step": step, "a": step * 10, **more} for step in steps]


def stored(world: World, name: str = "r") -> list[Any]:
    return [json.loads(line) for line in world.run("history(minStep: 0)", name)["history"]]


def start(world: World, name: str = "r", **fields: Any) -> Any:
    place = {} if "id" in fields else {"name": name, "modelName": "p"}
    return world.gql(START, {"input": {**place, **fields}})["upsertBucket"]["bucket"]


def end(world: World, name: str = "r") -> None:
    world.stream(name, {"complete": True, "exitcode": 0})


def fork(world: World, name: str, parent: str, step: int) -> None:
    branch = {"_wandb": {"value": {"branch_point": {"run_id": parent, "step": step}}}}
    world.upsert(name, config=json.dumps(branch))


def known(world: World, name: str = "r") -> Any:
    return world.run("historyKeys", name)["historyKeys"]


@pytest.fixture(autouse=True)
def run(world: World) -> None:
    world.upsert("r")


def test_a_run_that_starts_over_counts_its_lines_from_0_and_has_only_its_new_rows(world: World) -> None:
    world.history("r", rows(0, 1, 2))
    end(world)
    assert start(world)["historyLineCount"] == 0
    assert start(world)["historyLineCount"] == 0  # a retry hears the same
    assert stored(world) == rows(0, 1, 2)  # until there is something new
    world.history("r", rows(0, new=True))
    assert stored(world) == rows(0, new=True)
    assert world.run("historyLineCount")["historyLineCount"] == 1
    assert set(known(world)["keys"]) == {"_step", "a", "new"}
    world.history("r", rows(1, new=True), 1)
    assert stored(world) == rows(0, 1, new=True)
    assert start(world)["historyLineCount"] == 2


def test_the_same_rows_sent_again_are_there_once(world: World) -> None:
    for _ in range(3):
        assert start(world)["historyLineCount"] == 0
        world.history("r", rows(0, 1), 0)
        world.history("r", rows(2), 2)
        end(world)
    assert stored(world) == rows(0, 1, 2)


def test_a_resumed_run_goes_on_whether_it_sends_its_id_or_not(world: World) -> None:
    world.history("r", rows(0, 1))
    end(world)
    found = start(world)  # clients of 2022 resume by name alone
    world.history("r", rows(2), 2)
    assert stored(world) == rows(0, 1, 2)
    end(world)
    assert start(world, id=found["id"])["historyLineCount"] == 3
    world.history("r", rows(3), 3)
    assert stored(world) == rows(0, 1, 2, 3)


def test_a_run_that_goes_on_is_not_started_over(world: World) -> None:
    world.history("r", rows(0, 1))
    assert start(world)["historyLineCount"] == 2
    world.history("r", rows(0, 1))
    assert stored(world) == rows(0, 1)


def test_a_fork_keeps_what_it_shows_when_its_parent_is_rewound(world: World) -> None:
    world.history("r", rows(0, 1, 2, 3))
    fork(world, "f", "r", 2)
    fork(world, "early", "r", 0)
    world.history("f", rows(3, own=True))
    fork(world, "g", "f", 3)
    shown = [*rows(0, 1, 2), *rows(3, own=True)]
    for step in (1.0, 0.0):
        world.gql(REWIND, {"run": "r", "step": step})
        world.history("r", rows(int(step) + 1, new=True), int(step) + 1)
        assert stored(world, "f") == shown
        assert stored(world, "g") == shown
        assert known(world, "f")["lastStep"] == 3
        assert stored(world, "early") == rows(0)
    assert stored(world) == [*rows(0), *rows(1, new=True)]
    world.gql(REWIND, {"run": "f", "step": 1.0})
    assert stored(world, "f") == rows(0, 1)
    assert stored(world, "g") == shown


def test_a_fork_keeps_what_it_shows_when_its_parent_starts_over_or_is_deleted(world: World) -> None:
    world.history("r", rows(0, 1, 2))
    fork(world, "f", "r", 1)
    end(world)
    start(world)
    world.history("r", rows(0, new=True))
    assert stored(world, "f") == rows(0, 1)
    fork(world, "g", "r", 0)
    world.gql(DELETE, {"id": start(world)["id"]})
    world.upsert("r")
    world.history("r", rows(0, newer=True))
    assert stored(world, "g") == rows(0, new=True)
    assert stored(world, "f") == rows(0, 1)
    assert stored(world) == rows(0, newer=True)


def test_keys_follow_steps_where_writers_and_gaps_bring_rows_late(world: World) -> None:
    world.history("r", [{"_step": 0, "a": 1}, {"_step": 5, "a": 6}], x_wandb_async_client_id="x")
    assert known(world)["keys"]["a"]["monotonic"] is True
    world.history("r", [{"_step": 3, "a": 2}, {"_step": 4, "a": 3}], x_wandb_async_client_id="y")
    found = known(world)["keys"]["a"]
    assert (found["previousValue"], found["monotonic"], found["typeCounts"]) == (
        6, True, [{"type": "number", "count": 4}])
    world.history("r", [{"_step": 1, "a": 9}], 2, x_wandb_async_client_id="y")
    found = known(world)["keys"]["a"]
    assert (found["previousValue"], found["monotonic"]) == (6, False)


def test_keys_of_a_filled_gap_are_in_the_order_of_steps(world: World) -> None:
    world.history("r", rows(0, 1))
    world.history("r", rows(5), 5)
    assert known(world)["keys"]["a"]["previousValue"] == 50
    world.history("r", [{"_step": 3, "a": -1}], 3)
    found = known(world)
    assert (found["lastStep"], found["keys"]["a"]["previousValue"], found["keys"]["a"]["monotonic"]) == (5, 50, False)


def test_keys_kept_late_do_not_stand_for_rows_that_have_changed(world: World) -> None:
    world.history("r", rows(0, 1, 9))
    with snapshot(world.backend.database) as session:
        run = session.get_one(RunRow, 1)
        _, late = keys.key_document(session, run)
    assert late is not None
    world.history("r", [{"_step": 2, "b": 5}], 2)
    world.backend.database.write(lambda session: keys.keep(session, late))
    assert known(world)["lastStep"] == 2
    assert set(known(world)["keys"]) == {"_step", "a", "b"}
