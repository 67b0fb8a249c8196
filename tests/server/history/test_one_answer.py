"""A read gives the same whether its rows lie in lines, in columns or in Parquet files: values, types and orders."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dumbbell
from dumbbell_server.history import packing
from dumbbell_server.history.columns import compaction
from dumbbell_server.wiring import make_worker
from support.run_history import end, fork
from support.world import KEY, World, world_on_backend

READ = """query Q($r: String!, $s: [JSONString!]!) { project(name: "p") {
  runs(filters: "{\\"name\\": \\"%s\\"}") { edges { node { historyKeys historyLineCount } } }
  logged: runs(filters: "{\\"keys_info.keys.a\\": {\\"$exists\\": true}}") { edges { node { name } } }
  run(name: $r) {
    historyLineCount historyTail historyKeys sampledHistory(specs: $s) all: history(minStep: -1000000)
    some: history(minStep: 5, maxStep: 40) few: history(samples: 7) every: history(samples: 100000) } } }"""
KEYS = ["_step", "a", "b", "whole", "mixed", "odd", "d.x", "d", "d.in.x", "e.f", "_step.x", "text"]
ODD = [1, 2.0, "one", None, True, [3, float("nan")], {"x": 1}, {"_type": "image-file"}, {}, 2**63, 2**70, -2**63,
       2**53 + 1]
WIDE = 10**6


@pytest.fixture(params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(compaction, "LINES", 8)
    monkeypatch.setattr(compaction, "_TOGETHER", 3)
    monkeypatch.setattr(compaction, "_FEW", 2)
    monkeypatch.setattr(compaction, "CHUNK_LINES", 20)
    monkeypatch.setattr(compaction, "catch_up", lambda *_: None)  # reads leave lines as they are
    monkeypatch.setattr(packing, "CHUNK_LINES", 20)
    with world_on_backend(request, tmp_path) as opened:
        yield opened


def flat(chance: random.Random, step: int) -> str:
    """A row as wandb 0.31 logs it: keys in any order, whole numbers without a point."""
    row = {"_step": step, "a": chance.choice([step / 3, float("nan"), float("inf"), 0.25]), "whole": step * 7 % 5,
           "mixed": chance.choice([step, step / 2 + 0.25]), "text": chance.choice(["NaN", "x"]), "b": step % 2 == 0}
    names = list(row)
    chance.shuffle(names)
    return json.dumps({name: row[name] for name in names})


def pointed(chance: random.Random, step: int) -> str:
    """A row of whole numbers with a point and without."""
    return json.dumps({"mixed": chance.choice([step, float(step), step + 0.5, -0.0]), "_step": step, "a": float(step)})


def nested(chance: random.Random, step: int) -> str:
    row: dict[str, Any] = {"_step": step, "a": step * 2, "d": {"x": step, "in": {"x": step / 2}}}
    if chance.random() < 0.5:
        row = {"odd": chance.choice(ODD), "e.f": step, **row}
    if chance.random() < 0.1:
        row["d"] = chance.choice([{"in.x": 1}, {}, 5])
    return json.dumps(row)


def wild(chance: random.Random, step: int) -> str:
    """Steps that are none, or hide, or go back; lines that are no JSON."""
    return chance.choice([
        json.dumps({"_step": step, "a": step}), json.dumps({"a": 1, "_step": step + chance.randrange(-9, 9)}),
        f'{{"_step":{step}.0,"b":1}}', f'{{"_step":{step}e0,"b":2}}', f'{{"a":{{"_step":{step}}}}}', '{"a":7}',
        f'{{"a":{{"_step":1}},"_step":{step}}}', f'{{"_step":{step},"a":', '{"_step":1234567890123456789,"a":1}',
        f'{{"_step":{step},"_step":{step + 1},"a":5}}', f'{{"_step":{step + 0.5},"a":6}}', '{"_step":null}',
        f'{{"_step": {{"x":{step}}}}}', f'{{"_step":{step},"text":"\\ud800","a":-0}}', "[1]",
        '{"_step":18446744073709551616}'])


def still(_: random.Random, step: int) -> str:
    """Several rows a step."""
    return json.dumps({"_step": step // 3 * 3, "a": step, "text": "t" * (step % 3)})


def send(world: World, chance: random.Random, make: Callable[[random.Random, int], str], run: str, start: int,
         count: int, writer: str = "") -> None:
    lines = [make(chance, step) for step in range(start, start + count)]
    while lines:
        size = chance.randint(1, 9)
        if make is wild:  # the first and the last line of a POST must be rows
            lines[0] = lines[min(size, len(lines)) - 1] = nested(chance, start)
        headers = {"x_wandb_async_client_id": writer} if writer else {}
        world.history(run, lines[:size], start, **headers)
        lines, start = lines[size:], start + size


def wire(world: World, run: str) -> dict[str, Any]:
    """All that can be asked, as it came over the wire: orders of keys and all."""
    specs: list[dict[str, Any]] = [
        {"keys": ["_step", "a"], "samples": 9}, {"samples": 5}, {"keys": KEYS[:1], "minStep": 3, "maxStep": 33}]
    specs += [{"keys": [key], "samples": WIDE, "exact": exact} for key in KEYS for exact in (True, False)]
    specs += [{"keys": ["whole", "mixed"]}, {"keys": ["a", "text", "_step"], "samples": 11, "minStep": 7}]
    found = world.gql(READ % run, {"r": run, "s": [json.dumps(spec) for spec in specs]})["project"]
    return {name: json.dumps(value) for name, value in {**found, **found.pop("run")}.items()}


def client(world: World, run: str) -> dict[str, Any]:
    """All that `dumbbell` reads of it."""
    found: dict[str, Any] = {}
    api = dumbbell.Api({"base_url": "http://testserver"}, api_key=KEY, transport=world.client._transport)
    read = api.run(f"local/p/{run}")
    for name, call in {
        "scan": lambda: read.scan_history(page_size=4),
        "part": lambda: read.scan_history(page_size=3, min_step=4, max_step=34),
        "scan of keys": lambda: read.scan_history(["a", "_step"], page_size=4),
        "scan of others": lambda: read.scan_history(["text", "mixed"], page_size=4),
        "history": lambda: read.history(pandas=False),
        "few": lambda: read.history(samples=7, pandas=False),
        "history of keys": lambda: read.history(keys=["mixed", "a"], pandas=False),
        "histories": lambda: api.runs("local/p", {"name": run}).histories(keys=["a"]),
        "keys": lambda: [read.history_keys, read.lastHistoryStep],
    }.items():
        try:
            found[name] = repr(list(call()))
        except ValueError as error:  # of lines that are no JSON
            found[name] = repr(error)
    return found


def differences(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    return {name: (before[name], now[name]) for name in before if before[name] != now[name]}


def check(world: World, run: str = "r", *, parquet: bool | None = None) -> None:
    """The same answers before, during and after all that the background does."""
    before, read = wire(world, run), client(world, run)
    steps = 0
    for ended in (False, True):
        if ended:
            end(world, run)
        while any(compaction.advance(world.backend.database, one, ended=ended) for one in (1, 2)):
            steps += 1
            assert differences(before, wire(world, run)) == {}, steps
        assert differences(read, client(world, run)) == {}
    assert steps > 3
    make_worker(world.backend).run()
    assert differences(before, wire(world, run)) == {}
    assert differences(read, client(world, run)) == {}
    if parquet is not None:
        offered = world.run("parquetHistory(liveKeys: []) { parquetUrls }", run)["parquetHistory"]["parquetUrls"]
        assert len(offered) == int(parquet)


@pytest.mark.parametrize("make", [flat, pointed, nested, wild, still])
@pytest.mark.parametrize("seed", range(2))
def test_a_run_of_one_process(world: World, seed: int, make: Callable[[random.Random, int], str]) -> None:
    world.upsert("r")
    send(world, random.Random(seed), make, "r", 0, 50)
    check(world, parquet=make in {flat, still})


@pytest.mark.parametrize("make", [flat, wild, still])
def test_a_run_of_several_processes(world: World, make: Callable[[random.Random, int], str]) -> None:
    chance = random.Random(5)
    world.upsert("r")
    for start, count, writer in ((0, 30, "b"), (30, 30, "a"), (0, 40, "C"), (100, 20, "a-2")):
        send(world, chance, make, "r", start, count, writer)
    check(world)


@pytest.mark.parametrize("make", [flat, nested, still])
def test_a_fork_of_a_run(world: World, make: Callable[[random.Random, int], str]) -> None:
    chance = random.Random(6)
    world.upsert("r")
    send(world, chance, make, "r", 0, 60)
    fork(world, "f", "r", 33)
    send(world, chance, make, "f", 34, 40)
    check(world, "f")


def test_a_run_that_goes_on_after_it_has_ended(world: World) -> None:
    chance = random.Random(7)
    world.upsert("r")
    send(world, chance, flat, "r", 0, 40)
    check(world, parquet=True)
    send(world, chance, flat, "r", 40, 30)
    check(world, parquet=None)
    assert len(world.run("parquetHistory(liveKeys: []) { parquetUrls }")["parquetHistory"]["parquetUrls"]) == 2
