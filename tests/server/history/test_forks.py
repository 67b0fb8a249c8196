"""What a fork shows of its parent, also once that has changed or is gone."""

from __future__ import annotations

import pytest

from support.run_history import end, fork, keys, rewind, rows, sampled, start, steps, stored, stored_by_step
from support.world import World

DELETE = "mutation M($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"

pytestmark = pytest.mark.usefixtures("run")


def test_a_fork_shows_its_parents_rows_up_to_the_branch(world: World, run: str) -> None:
    world.history(run, rows(0, 1, 2, 3))
    fork(world, "f", "r", 1)
    assert stored(world, "f") == rows(0, 1)
    world.history("f", rows(2, own=True))
    both = [*rows(0, 1), *rows(2, own=True)]
    assert stored(world, "f") == both
    assert sampled(world, {}, "f") == both
    assert steps(world, "minStep: 1, maxStep: 3", "f") == [1, 2]
    assert keys(world, "f")["lastStep"] == 2
    assert stored(world) == rows(0, 1, 2, 3)


def test_a_fork_keeps_what_it_shows_when_its_parent_is_rewound(world: World) -> None:
    world.history("r", rows(0, 1, 2, 3))
    fork(world, "f", "r", 2)
    fork(world, "early", "r", 0)
    world.history("f", rows(3, own=True))
    fork(world, "g", "f", 3)
    shown = [*rows(0, 1, 2), *rows(3, own=True)]
    for step in (1.0, 0.0):
        rewind(world, step, "r")
        world.history("r", rows(int(step) + 1, new=True), int(step) + 1)
        assert stored_by_step(world, "f") == shown
        assert stored_by_step(world, "g") == shown
        assert keys(world, "f")["lastStep"] == 3
        assert stored_by_step(world, "early") == rows(0)
    assert stored_by_step(world) == [*rows(0), *rows(1, new=True)]
    rewind(world, 1.0, "f")
    assert stored_by_step(world, "f") == rows(0, 1)
    assert stored_by_step(world, "g") == shown


def test_a_fork_keeps_what_it_shows_when_its_parent_starts_over_or_is_deleted(world: World) -> None:
    world.history("r", rows(0, 1, 2))
    fork(world, "f", "r", 1)
    end(world)
    start(world)
    world.history("r", rows(0, new=True))
    assert stored_by_step(world, "f") == rows(0, 1)
    fork(world, "g", "r", 0)
    world.gql(DELETE, {"id": start(world)["id"]})
    world.upsert("r")
    world.history("r", rows(0, newer=True))
    assert stored_by_step(world, "g") == rows(0, new=True)
    assert stored_by_step(world, "f") == rows(0, 1)
    assert stored_by_step(world) == rows(0, newer=True)
