"""Rows as they come back, by step and sampled."""

from __future__ import annotations

import json

import pytest

from support.run_history import keys, rows, sampled, steps
from support.world import World

BARE = 'query Q($s: JSONString!) { project(name: "p") { run(name: "r") { sampledHistory(specs: [$s]) } } }'
LISTED = 'query Q($s: [JSONString!]!) { project(name: "p") { run(name: "r") { sampledHistory(specs: $s) } } }'


def test_history_has_steps_from_min_to_before_max(world: World, run: str) -> None:
    world.history(run, rows(*range(6)))
    assert steps(world, "minStep: 1, maxStep: 4") == [1, 2, 3]
    assert steps(world, "minStep: 4") == [4, 5]
    assert steps(world, "maxStep: 2") == [0, 1]
    assert steps(world, "minStep: 4, maxStep: 4") == []


def test_history_without_bounds_is_sampled_evenly(world: World, run: str) -> None:
    world.history(run, rows(*range(50)))
    world.history(run, rows(*range(50, 101)), 50)
    assert steps(world, "samples: 5") == [0, 25, 50, 75, 100]


NOT_FINITE = '{"_step":0,"a":NaN,"b":Infinity,"c":-Infinity,"d":{"e":NaN},"f":[1,[Infinity]],"g":"NaN","h":null}'
SPOKEN = {"_step": 0, "a": "NaN", "b": "Infinity", "c": "-Infinity", "d": {"e": "NaN"}, "f": [1, ["Infinity"]],
          "g": "NaN", "h": None}


def test_nan_and_infinity_stay_in_lines_and_are_texts_in_samples(world: World, run: str) -> None:
    world.history(run, [NOT_FINITE])
    assert world.run("history")["history"] == [NOT_FINITE]
    assert sampled(world, {}) == [SPOKEN]
    assert sampled(world, {"keys": ["d.e", "f", "h"]}) == [{"d.e": "NaN", "f": [1, ["Infinity"]], "h": None}]
    found = keys(world)["keys"]
    assert {name: facts["previousValue"] for name, facts in found.items() if name != "d.e"} == {
        name: value for name, value in SPOKEN.items() if name != "d"}
    assert found["d.e"]["previousValue"] == "NaN"


def test_who_asks_for_exact_samples_gets_a_text_where_strict_json_would_lose_a_number(world: World, run: str) -> None:
    world.history(run, [NOT_FINITE, '{"_step":1,"h":null,"g":"Infinity","big":18446744073709551616}'])
    text = sampled(world, {"exact": True})
    assert text.replace(" ", "") == f'[{NOT_FINITE},{{"_step":1,"h":null,"g":"Infinity","big":1.8446744073709552e+19}}]'
    assert sampled(world, {"exact": True, "keys": ["g", "h"]}) == [
        {"g": "NaN", "h": None}, {"g": "Infinity", "h": None}]
    assert sampled(world, {"exact": "true", "keys": ["a"]}) == [{"a": "NaN"}]
    found = keys(world)["keys"]
    assert {name: facts.get("exactPreviousValue") for name, facts in found.items()} == {
        "_step": None, "a": "NaN", "b": "Infinity", "c": "-Infinity", "d.e": "NaN", "f": "[1,[Infinity]]", "g": None,
        "h": None, "big": None}


def test_tails_are_lists_of_texts_in_a_text(world: World, run: str) -> None:
    assert world.run("historyTail eventsTail") == {"historyTail": "[]", "eventsTail": "[]"}
    world.history(run, ['{"_step":0}', '{"_step":1,"a":NaN}'])
    world.stream(run, {"files": {"wandb-events.jsonl": {"offset": 0, "content": ['{"system.cpu":1}']}}})
    found = world.run("historyTail eventsTail")
    assert json.loads(found["historyTail"]) == ['{"_step":1,"a":NaN}']
    assert json.loads(found["eventsTail"]) == ['{"system.cpu":1}']


def test_a_sample_reaches_to_max_step_and_holds_rows_with_all_keys(world: World, run: str) -> None:
    world.history(run, [*rows(0, 1), {"_step": 2, "b": 1}, {"_step": 3, "a": 1, "b": 2}, *rows(4)])
    assert sampled(world, {"keys": ["_step", "a"], "minStep": 1, "maxStep": 4}) == [
        {"_step": 1, "a": 10}, {"_step": 3, "a": 1}, {"_step": 4, "a": 40}]
    assert sampled(world, {"keys": ["a", "b"]}) == [{"a": 1, "b": 2}]
    assert sampled(world, {"keys": ["none"]}) == []


def test_a_sample_has_at_most_as_many_rows_as_asked(world: World, run: str) -> None:
    world.history(run, rows(*range(11)))
    assert [row["_step"] for row in sampled(world, {"keys": ["_step"], "samples": 3})] == [0, 5, 10]
    assert sampled(world, {"samples": 0}) == []


def test_repeated_keys_of_a_spec_count_once(world: World, run: str) -> None:
    world.history(run, rows(0))
    assert sampled(world, {"keys": ["a", "a"]}) == [{"a": 0}]


def test_dots_in_keys_lead_into_nested_rows(world: World, run: str) -> None:
    world.history(run, [{"_step": 0, "a": {"b": {"c": 1}}, "x.y": 2}, {"_step": 1, "a": {"b.c": 3}, "x": {"y": 4}}])
    assert sampled(world, {"keys": ["a.b.c", "x.y"]}) == [{"a.b.c": 1, "x.y": 2}, {"a.b.c": 3, "x.y": 4}]
    assert {"a.b.c", "x.y"} <= set(keys(world)["keys"])


def test_a_spec_may_be_a_bare_string(world: World, run: str) -> None:
    world.history(run, rows(0))
    given = world.gql(BARE, {"s": "{}"})
    assert world.gql(LISTED, {"s": ["{}"]}) == given
    assert world.gql(LISTED, {"s": "{}"}) == given
    assert given["project"]["run"]["sampledHistory"] == [rows(0)]


@pytest.mark.parametrize("spec", ["no", "[]", '{"keys": "a"}', '{"keys": [1]}', '{"samples": -1}', '{"samples": "x"}',
                                  '{"minStep": 0.5}', '{"maxStep": 1e300}', '{"maxStep": NaN}'])
def test_a_bad_spec_is_refused(world: World, run: str, spec: str) -> None:
    assert run
    world.errors(BARE, {"s": spec}, status=400)
