"""A run that comes in parts: where a process starts on a run that has rows, its first step decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.run_history import compact, end, fork, line_count, rows, start, stored_by_step
from support.world import World

pytestmark = pytest.mark.usefixtures("run")

PARTS = [range(5), range(5, 10), range(10, 15)]
Numbered = Callable[[World], int]


def from_the_count(world: World) -> int:
    """0.28.2 starts by name, and numbers its lines from the count in the answer."""
    return int(start(world, host="a")["historyLineCount"])


def resumed(world: World) -> int:
    """0.31.0 starts by the run's id."""
    node = world.run("id")
    return int(start(world, id=node["id"], host="a")["historyLineCount"])


def from_0(world: World) -> int:
    """0.18.7's sync knows nothing of what is there."""
    start(world, host="a")
    return 0


def send(world: World, part: range, numbered: Numbered, **more: Any) -> None:
    """A process starts, logs its steps in posts of two rows, each of which is tried again, and ends."""
    offset = numbered(world)
    for some in _pairs(part):
        for _ in range(2):
            world.history("r", rows(*some, **more), offset)
        offset += len(some)
    end(world)


def _pairs(part: range) -> list[tuple[int, ...]]:
    steps = list(part)
    return [tuple(steps[at:at + 2]) for at in range(0, len(steps), 2)]


def nothing(_: World) -> None:
    pass


@pytest.fixture(params=[from_the_count, resumed, from_0])
def numbered(request: pytest.FixtureRequest) -> Numbered:
    found: Numbered = request.param
    return found


@pytest.mark.parametrize("between", [nothing, compact])
def test_the_parts_are_one_run(world: World, numbered: Numbered, between: Callable[[World], None]) -> None:
    for part in PARTS:
        send(world, part, numbered)
        between(world)
    assert (stored_by_step(world), line_count(world)) == (rows(*range(15)), 15)


@pytest.mark.parametrize("between", [nothing, compact])
@pytest.mark.parametrize("again", [0, 1, 2])
def test_a_part_that_is_sent_again_replaces_what_was_there_from_its_first_step(
        world: World, numbered: Numbered, again: int, between: Callable[[World], None]) -> None:
    for part in PARTS:
        send(world, part, numbered)
    between(world)
    send(world, PARTS[again], numbered, again=True)
    begin, stop = PARTS[again][0], PARTS[again][-1] + 1
    wanted = rows(*range(begin)) + rows(*range(begin, stop), again=True)
    assert (stored_by_step(world), line_count(world)) == (wanted, stop)
    between(world)
    assert stored_by_step(world) == wanted


def test_all_parts_again_lose_and_double_nothing(world: World, numbered: Numbered) -> None:
    for part in PARTS * 2:
        send(world, part, numbered)
    assert (stored_by_step(world), line_count(world)) == (rows(*range(15)), 15)


def test_a_part_that_was_cut_off_can_be_sent_again(world: World, numbered: Numbered) -> None:
    send(world, PARTS[0], numbered)
    offset = numbered(world)
    world.history("r", rows(5, 6), offset)  # and then the machine went down
    world.clock.move(301)
    send(world, PARTS[1], numbered)
    assert stored_by_step(world) == rows(*range(10))


def test_a_process_that_was_killed_and_starts_over_at_once_replaces_its_rows(world: World) -> None:
    start(world, host="a")
    world.history("r", rows(0, 1, 2))  # and no word of its end
    offset = from_the_count(world)
    world.history("r", rows(0, 1, again=True), offset)
    assert stored_by_step(world) == rows(0, 1, again=True)


def test_an_upsert_of_a_process_that_goes_on_starts_nothing(world: World) -> None:
    world.history("r", rows(0, 1, 2))
    start(world, config="{}")  # every few seconds, without its host
    world.history("r", rows(1, again=True), 1)
    assert stored_by_step(world) == [*rows(0), *rows(1, again=True), *rows(2)]


def moment(*steps: int, process: float) -> list[Any]:
    return [{"_step": step, "_timestamp": 1e9 + step + process} for step in steps]


def test_two_processes_that_resume_one_run_lose_nothing(world: World) -> None:
    world.history("r", moment(0, 1, process=0))
    end(world)
    node = world.run("id")["id"]
    offsets = [start(world, id=node, host=host)["historyLineCount"] for host in ("a", "b", "c")]
    assert offsets == [2, 2, 2]
    wanted = moment(0, 1, process=0)
    for first in (2, 4, 6):
        for process in (0.1, 0.2, 0.3):
            logged = moment(first, first + 1, process=process)
            for _ in range(2):
                world.history("r", logged, first)
            wanted += logged
    by_step = sorted(wanted, key=lambda row: (row["_step"], row["_timestamp"]))
    found = stored_by_step(world)
    assert sorted(found, key=lambda row: (row["_step"], row["_timestamp"])) == by_step
    assert [row["_step"] for row in found] == [row["_step"] for row in by_step]
    assert line_count(world) == len(wanted)
    compact(world)
    assert sorted(stored_by_step(world), key=lambda row: (row["_step"], row["_timestamp"])) == by_step
    end(world)
    found_again = stored_by_step(world)
    assert len(found_again) == len(wanted)


def test_the_forks_of_a_run_that_is_sent_again_stay_as_they_were(world: World) -> None:
    send(world, range(6), from_the_count)
    fork(world, "f", "r", 4)
    send(world, range(3, 6), from_the_count, again=True)
    assert stored_by_step(world, "f") == rows(0, 1, 2, 3, 4)
    assert stored_by_step(world) == rows(0, 1, 2) + rows(3, 4, 5, again=True)
