"""A run that starts over has its new rows only; one that goes on has all."""

from __future__ import annotations

import pytest

from support.run_history import end, keys, rows, start, stored_by_step
from support.world import World

pytestmark = pytest.mark.usefixtures("run")


def test_a_run_that_starts_over_has_only_its_new_rows(world: World) -> None:
    world.history("r", rows(0, 1, 2))
    end(world)
    assert start(world)["historyLineCount"] == 3
    assert start(world)["historyLineCount"] == 3  # a retry hears the same
    assert stored_by_step(world) == rows(0, 1, 2)  # until there is something new
    world.history("r", rows(0, new=True))
    assert stored_by_step(world) == rows(0, new=True)
    assert world.run("historyLineCount")["historyLineCount"] == 1
    assert set(keys(world)["keys"]) == {"_step", "a", "new"}
    world.history("r", rows(1, new=True), 1)
    assert stored_by_step(world) == rows(0, 1, new=True)
    assert start(world)["historyLineCount"] == 2


def test_the_same_rows_sent_again_are_there_once(world: World) -> None:
    for _ in range(3):
        start(world)
        world.history("r", rows(0, 1), 0)
        world.history("r", rows(2), 2)
        end(world)
    assert stored_by_step(world) == rows(0, 1, 2)


def test_a_resumed_run_goes_on_whether_it_sends_its_id_or_not(world: World) -> None:
    world.history("r", rows(0, 1))
    end(world)
    found = start(world)  # clients of 2022 resume by name alone
    world.history("r", rows(2), 2)
    assert stored_by_step(world) == rows(0, 1, 2)
    end(world)
    assert start(world, id=found["id"])["historyLineCount"] == 3
    world.history("r", rows(3), 3)
    assert stored_by_step(world) == rows(0, 1, 2, 3)


def test_a_run_that_goes_on_is_not_started_over(world: World) -> None:
    world.history("r", rows(0, 1))
    assert start(world)["historyLineCount"] == 2
    world.history("r", rows(0, 1))
    assert stored_by_step(world) == rows(0, 1)
