"""A sample is the same whether its rows lie in lines, in columns, or in both."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from dumbbell_server.database.engine import snapshot
from dumbbell_server.errors import StorageFull
from dumbbell_server.history.columns import compaction
from dumbbell_server.history.packing import row_of
from dumbbell_server.history.reading import samples
from dumbbell_server.history.reading.forks import ENDLESS, lines_in, ranges_of
from dumbbell_server.history.reading.rows import Spec, evenly, picked
from dumbbell_server.history.reading.samples import sample
from dumbbell_server.runs.tables import RunRow
from support.run_history import sampled
from support.world import World

KEYS = ["_step", "loss", "sparse", "whole", "mixed", "text", "deep.in", "deep", "dotted.key", "image", "image.path",
        "odd", "none", "missing", "deep.missing", "loss.x"]


def row_at(step: int, chance: random.Random) -> str:
    row: dict[str, Any] = {"_step": step, "loss": chance.random(), "whole": step * 3 % 7, "dotted.key": step,
                           "mixed": step if step % 3 else step / 2, "text": f"t{step}", "none": None,
                           "deep": {"in": step / 4, "other": {"x": 1}}, "image": {"_type": "image-file", "path": "p"}}
    if step % 5 == 0:
        row["sparse"] = step
    if chance.random() < 0.5:
        row["odd"] = chance.choice([1, "one", {"in": 2}, [3], float("nan"), True])
    return json.dumps(row)


def plain(world: World, run: RunRow, spec: Spec) -> list[dict[str, Any]]:
    """What a sample is by definition."""
    with snapshot(world.backend.database) as session:
        rows = [row_of(line) for line in lines_in(session, ranges_of(session, run, spec.low, spec.high))]
    held = [row for row in rows if not spec.keys] or [
        kept for row in rows if spec.keys and (kept := picked(row, spec.keys)) is not None]
    return [held[at] for at in evenly(len(held), spec.samples)]


def specs(chance: random.Random, steps: int) -> list[Spec]:
    made = [Spec(("_step", "loss"), 50), Spec((), 20), Spec(("missing",), 5), Spec(("loss",), 10**6)]
    for _ in range(24):
        low, high = sorted((chance.randrange(-5, steps + 5), chance.randrange(-5, steps + 5)))
        bounds = chance.choice([(-ENDLESS, ENDLESS), (low, high), (low, ENDLESS), (-ENDLESS, high)])
        made.append(Spec(tuple(chance.sample(KEYS, chance.randint(1, 3))), chance.choice([1, 7, 100, 10**6]), *bounds))
    return made


def check(world: World, chance: random.Random, steps: int, name: str = "r") -> None:
    with snapshot(world.backend.database) as session:
        run = session.query(RunRow).where(RunRow.name == name).one()  # type: ignore[arg-type]
    for spec in specs(chance, steps):
        with snapshot(world.backend.database) as session:
            found = sample(session, run, spec)
        assert repr(found) == repr(plain(world, run, spec)), spec


def log(world: World, lines: list[str], sizes: list[int], name: str = "r", start: int = 0) -> None:
    at = start
    while at - start < len(lines):
        size = sizes[at % len(sizes)]
        world.history(name, lines[at - start:at - start + size], at)
        at += size


@pytest.fixture
def chance() -> random.Random:
    return random.Random(11)


@pytest.mark.parametrize("ended", [False, True])
def test_a_sample_of_columns_is_that_of_lines(world: World, chance: random.Random, monkeypatch: pytest.MonkeyPatch,
                                              ended: bool) -> None:
    monkeypatch.setattr(compaction, "LINES", 40)
    monkeypatch.setattr(compaction, "_TOGETHER", 4)
    world.upsert("r")
    log(world, [row_at(step, chance) for step in range(400)], [3, 17, 60])
    before = world.run("history(minStep: 0)")["history"]
    check(world, chance, 400)
    while compaction.advance(world.backend.database, 1, ended=ended):
        pass
    assert world.count("column_groups") > 0
    assert world.count("chunks") < 30
    assert world.run("history(minStep: 0)")["history"] == before
    check(world, chance, 400)
    log(world, [row_at(step, chance) for step in range(400, 460)], [9], start=400)
    check(world, chance, 460)


def test_gaps_rewinds_and_overwrites_leave_no_rows_in_columns(world: World, chance: random.Random,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "LINES", 20)
    world.upsert("r")
    log(world, [row_at(step, chance) for step in range(100)], [10])
    world.history("r", [row_at(step, chance) for step in range(120, 150)], 120)
    for change in (
        lambda: world.history("r", [row_at(step, chance) for step in range(100, 110)], 100),  # fills a gap
        lambda: world.history("r", [row_at(step, chance) for step in range(95, 105)], 95),  # replaces rows
        lambda: world.gql('mutation { rewindRun(input: {runName: "r", projectName: "p", metricName: "_step",'
                          ' metricValue: 60}) { rewoundRun { id } } }'),
    ):
        while compaction.advance(world.backend.database, 1, ended=True):
            pass
        assert world.count("column_groups") > 0
        change()
        assert world.count("column_groups") == 0
        check(world, chance, 150)


def test_a_fork_is_sampled_over_its_parents_columns_and_its_own(world: World, chance: random.Random,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "LINES", 20)
    world.upsert("r")
    log(world, [row_at(step, chance) for step in range(100)], [10])
    branch = {"_wandb": {"value": {"branch_point": {"run_id": "r", "step": 55}}}}
    world.upsert("f", config=json.dumps(branch))
    log(world, [row_at(step, chance) for step in range(56, 90)], [10], "f")
    for run_id in (1, 2):
        while compaction.advance(world.backend.database, run_id, ended=run_id == 1):
            pass
    check(world, chance, 100, "f")
    world.gql('mutation { rewindRun(input: {runName: "r", projectName: "p", metricName: "_step",'
              ' metricValue: 10}) { rewoundRun { id } } }')
    check(world, chance, 100, "f")
    check(world, chance, 100)


def test_rows_of_two_writers_are_sampled_in_the_order_of_their_steps(world: World, chance: random.Random) -> None:
    world.upsert("r")
    for writer in (0, 1):
        world.history("r", [row_at(step, chance) for step in range(writer, 60, 2)], x_wandb_async_client_id=str(writer))
    check(world, chance, 60)
    while compaction.advance(world.backend.database, 1, ended=True):
        pass
    assert world.count("column_groups") == 2
    check(world, chance, 60)


def test_keys_out_of_columns_are_those_out_of_lines(world: World, chance: random.Random,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "LINES", 40)
    world.upsert("r")
    log(world, [row_at(step, chance) for step in range(300)], [7])
    before = world.run("historyKeys")["historyKeys"]
    while compaction.advance(world.backend.database, 1, ended=False):
        pass
    with world.backend.database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM history_keys")
    assert world.run("historyKeys")["historyKeys"] == before
    assert before["lastStep"] == 299
    assert before["keys"]["sparse"]["typeCounts"] == [{"type": "number", "count": 60}]


def test_many_lines_are_in_columns_before_they_are_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "LINES", 40)
    monkeypatch.setattr(samples, "_PARSED", 80)
    world.upsert("r")
    log(world, [json.dumps({"_step": step, "a": step} | ({} if step == 17 else {"b": 1})) for step in range(80)], [40])
    b = [{"_step": step, "b": 1} for step in range(90) if step != 17]
    assert sampled(world, {"keys": ["_step", "b"], "samples": 5}) == [b[at] for at in evenly(79, 5)]
    assert world.count("column_groups") == 0
    log(world, [json.dumps({"_step": step, "b": 1}) for step in range(80, 90)], [10], start=80)
    assert sampled(world, {"keys": ["_step", "b"], "samples": 5}) == [b[at] for at in evenly(89, 5)]
    assert world.count("column_groups") == 2


def test_a_database_that_takes_no_columns_is_sampled_alike(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise StorageFull("the disk is full")

    monkeypatch.setattr(samples, "_PARSED", 10)
    monkeypatch.setattr(compaction, "catch_up", full)
    world.upsert("r")
    log(world, [json.dumps({"_step": step}) for step in range(30)], [7])
    assert sampled(world, {"keys": ["_step"], "samples": 30}) == [{"_step": step} for step in range(30)]
