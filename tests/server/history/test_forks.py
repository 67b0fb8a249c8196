"""What a fork shows of its parent, also once that has changed or is gone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.gaps import Gaps, Killed
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


@pytest.fixture
def gaps(world: World, monkeypatch: pytest.MonkeyPatch) -> Gaps:
    return Gaps(world, monkeypatch)


@pytest.mark.parametrize("what", ["delete", "rewind"])
def test_others_write_between_the_copies_of_forks(world: World, gaps: Gaps, what: str) -> None:
    world.history("r", rows(0, 1, 2, 3))
    for number in range(5):
        fork(world, f"f{number}", "r", 2)
    node = start(world)["id"]

    def look() -> None:
        for number in range(5):
            assert stored_by_step(world, f"f{number}") == rows(0, 1, 2)

    def act() -> None:
        world.gql(DELETE, {"id": node}) if what == "delete" else rewind(world, 1.0, "r")

    assert gaps.watch(look, act) >= 6
    look()


def test_a_deletion_that_breaks_off_between_copies_has_changed_nothing_to_see(world: World, gaps: Gaps) -> None:
    world.history("r", rows(0, 1, 2, 3))
    for number in range(3):
        fork(world, f"f{number}", "r", 2)
    node = start(world)["id"]

    def kill() -> None:
        raise Killed

    gaps.watch(kill, lambda: world.answer(DELETE, {"id": node}, status=500))
    assert stored_by_step(world) == rows(0, 1, 2, 3)
    world.history("r", rows(4), 4)
    world.gql(DELETE, {"id": node})
    assert world.run("id") is None
    assert [stored_by_step(world, f"f{number}") for number in range(3)] == [rows(0, 1, 2)] * 3


@pytest.mark.parametrize("pieces", [
    [rows(0, 1, 2), rows(3, 4), rows(5, 6, 7)],  # as they are, but the one that the branch cuts
    [rows(0, 1, 2), rows(2, 3), rows(1, 4)],  # in another order than their lines
    [rows(0, 1), [{"_step": 2, "inner": {"_step": 9}}], rows(3, 4, 5)],  # chunks that say less than their rows
    [[{"a": 1}], rows(2, 3), rows(4)],  # a row without a step
])
def test_a_copy_is_what_the_fork_showed(world: World, pieces: list[list[Any]]) -> None:
    line = 0
    for piece in pieces:
        world.history("r", piece, line)
        line += len(piece)
    fork(world, "f", "r", 3)
    world.history("f", rows(4, own=True))
    fork(world, "g", "f", 4)
    shown = {name: (stored_by_step(world, name), sampled(world, {}, name), keys(world, name)) for name in "fg"}
    world.gql(DELETE, {"id": start(world)["id"]})
    world.gql(DELETE, {"id": start(world, "f")["id"]})
    assert (stored_by_step(world, "g"), sampled(world, {}, "g"), keys(world, "g")) == shown["g"]


def test_a_rewind_that_others_precede_has_the_summary_of_what_stays(world: World, gaps: Gaps) -> None:
    world.history("r", rows(0, 1, 2, 3))
    fork(world, "f", "r", 2)  # whose copy is the first unit

    def rewrite() -> None:
        gaps.look = None
        world.history("r", rows(1, new=True), 1)

    gaps.watch(rewrite, lambda: rewind(world, 1.0, "r"))
    assert json.loads(world.run("summaryMetrics")["summaryMetrics"]) == {"_step": 1, "a": 10, "new": True}
