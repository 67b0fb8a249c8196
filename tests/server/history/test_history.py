"""The file stream and what is read of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.world import World

REWIND = """mutation M($step: Float!) { rewindRun(input: {runName: "r", projectName: "p", metricName: "_step",
  metricValue: $step}) { rewoundRun { historyLineCount summaryMetrics } } }"""

BARE = 'query Q($s: JSONString!) { project(name: "p") { run(name: "r") { sampledHistory(specs: [$s]) } } }'
LISTED = 'query Q($s: [JSONString!]!) { project(name: "p") { run(name: "r") { sampledHistory(specs: $s) } } }'


@pytest.fixture
def run(world: World) -> str:
    world.upsert("r")
    return "r"


def rows(*steps: int, **more: Any) -> list[dict[str, Any]]:
    return [{"_step": step, "a": step * 10, **more} for step in steps]


def stored(world: World, name: str = "r") -> list[Any]:
    return [json.loads(line) for line in world.run("history", name)["history"]]


def steps(world: World, arguments: str, name: str = "r") -> list[int]:
    return [json.loads(line)["_step"] for line in world.run(f"history({arguments})", name)["history"]]


def sampled(world: World, spec: Any, name: str = "r") -> Any:
    query = """query Q($r: String!, $s: [JSONString!]!) {
      project(name: "p") { run(name: $r) { sampledHistory(specs: $s) } } }"""
    found = world.gql(query, {"r": name, "s": [json.dumps(spec)]})
    return found["project"]["run"]["sampledHistory"][0]


def keys(world: World, name: str = "r") -> Any:
    return world.run("historyKeys", name)["historyKeys"]


def line_count(world: World, name: str = "r") -> int:
    return int(world.run("historyLineCount", name)["historyLineCount"])


def console(world: World, lines: list[str], offset: int = 0, **more: Any) -> None:
    world.stream("r", {"files": {"output.log": {"offset": offset, "content": lines}}}, **more)


def log(world: World, arguments: str = "first: 100") -> list[Any]:
    edges = world.run(f"logLines({arguments}) {{ edges {{ node {{ number line }} }} }}")["logLines"]["edges"]
    return [(edge["node"]["number"], edge["node"]["line"]) for edge in edges]


def test_a_replayed_post_changes_nothing(world: World, run: str) -> None:
    for _ in range(3):
        world.history(run, rows(0, 1))
    assert stored(world) == rows(0, 1)
    assert line_count(world) == 2
    assert world.count("chunks") == 1


def test_an_overlap_replaces_lines(world: World, run: str) -> None:
    world.history(run, rows(0, 1, 2, 3))
    world.history(run, rows(1, 2, new=True), 1)
    assert stored(world) == [*rows(0), *rows(1, 2, new=True), *rows(3)]
    assert line_count(world) == 4


def test_an_overlap_over_chunks_replaces_and_goes_on(world: World, run: str) -> None:
    world.history(run, rows(0, 1))
    world.history(run, rows(2, 3), 2)
    world.history(run, rows(1, 2, 3, 4, new=True), 1)
    assert stored(world) == [*rows(0), *rows(1, 2, 3, 4, new=True)]
    assert line_count(world) == 5


def test_gaps_are_kept_and_may_be_filled(world: World, run: str) -> None:
    world.history(run, rows(0))
    world.history(run, rows(5), 5)
    assert line_count(world) == 6
    assert stored(world) == rows(0, 5)
    world.history(run, rows(1, 2), 1)
    assert line_count(world) == 6
    assert stored(world) == rows(0, 1, 2, 5)


def test_gzipped_bodies_are_read(world: World, run: str) -> None:
    world.history(run, rows(0), gzipped=True)
    assert stored(world) == rows(0)


def test_nan_and_infinity_stay_in_lines_and_are_null_in_samples(world: World, run: str) -> None:
    line = '{"_step":0,"a":NaN,"b":Infinity,"c":-Infinity,"d":{"e":NaN}}'
    world.history(run, [line])
    assert world.run("history")["history"] == [line]
    assert sampled(world, {}) == [{"_step": 0, "a": None, "b": None, "c": None, "d": {"e": None}}]
    assert keys(world)["keys"]["a"]["previousValue"] is None


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


def test_without_history_there_are_no_keys(world: World, run: str) -> None:
    assert run
    assert keys(world) is None


def test_keys_are_kept_up_over_posts(world: World, run: str) -> None:
    world.history(run, rows(0, 1))
    first = keys(world)
    assert first["lastStep"] == 1
    assert first["keys"]["a"] == {"typeCounts": [{"type": "number", "count": 2}], "monotonic": True,
                                  "previousValue": 10}
    world.history(run, [{"_step": 2, "a": "text"}, {"_step": 7, "b": 1}], 2)
    second = keys(world)
    assert second["lastStep"] == 7
    assert second["keys"]["a"]["previousValue"] == "text"
    assert second["keys"]["a"]["monotonic"] is False
    assert second["keys"]["a"]["typeCounts"] == [{"type": "number", "count": 2}, {"type": "string", "count": 1}]
    assert second["keys"]["b"]["previousValue"] == 1
    assert keys(world) == second


def test_keys_follow_lines_that_are_overwritten(world: World, run: str) -> None:
    world.history(run, rows(0, 1, 9))
    assert keys(world)["lastStep"] == 9
    world.history(run, [{"_step": 2, "b": 5}], 2)
    found = keys(world)
    assert found["lastStep"] == 2
    assert found["keys"]["a"]["previousValue"] == 10
    assert found["keys"]["a"]["typeCounts"] == [{"type": "number", "count": 2}]
    assert found["keys"]["b"]["previousValue"] == 5


def test_keys_of_a_filled_gap_know_the_last_line(world: World, run: str) -> None:
    world.history(run, rows(0))
    world.history(run, rows(2), 2)
    world.history(run, rows(1), 1)
    found = keys(world)
    assert (found["lastStep"], found["keys"]["a"]["previousValue"]) == (2, 20)


def test_a_rewound_run_has_no_rows_after_the_step(world: World, run: str) -> None:
    world.history(run, rows(0, 1))
    world.history(run, rows(2, 3), 2)
    assert keys(world)["lastStep"] == 3
    rewound = world.gql(REWIND, {"step": 2})["rewindRun"]["rewoundRun"]
    assert rewound["historyLineCount"] == 3
    assert json.loads(rewound["summaryMetrics"]) == {"_step": 2, "a": 20}
    assert stored(world) == rows(0, 1, 2)
    assert keys(world)["lastStep"] == 2
    world.history(run, rows(3, new=True), 3)
    assert stored(world) == [*rows(0, 1, 2), *rows(3, new=True)]
    assert keys(world)["lastStep"] == 3


def test_a_rewind_to_no_step_is_refused(world: World, run: str) -> None:
    world.history(run, rows(0, 1))
    world.errors(REWIND, {"step": 0.5}, status=400)
    assert stored(world) == rows(0, 1)


def fork(world: World, step: int) -> None:
    branch = {"_wandb": {"value": {"branch_point": {"run_id": "r", "step": step}}}}
    world.upsert("f", config=json.dumps(branch))


def test_a_fork_shows_its_parents_rows_up_to_the_branch(world: World, run: str) -> None:
    world.history(run, rows(0, 1, 2, 3))
    fork(world, 1)
    assert stored(world, "f") == rows(0, 1)
    world.history("f", rows(2, own=True))
    both = [*rows(0, 1), *rows(2, own=True)]
    assert stored(world, "f") == both
    assert sampled(world, {}, "f") == both
    assert steps(world, "minStep: 1, maxStep: 3", "f") == [1, 2]
    assert keys(world, "f")["lastStep"] == 2
    assert stored(world) == rows(0, 1, 2, 3)


def test_two_writers_that_each_count_from_0_are_both_kept(world: World, run: str) -> None:
    world.history(run, rows(0, 2, by="x"), x_wandb_async_client_id="x")
    world.history(run, rows(1, 3, by="y"), x_wandb_async_client_id="y")
    expected = [*rows(0, by="x"), *rows(1, by="y"), *rows(2, by="x"), *rows(3, by="y")]
    assert stored(world) == expected
    assert sampled(world, {}) == expected
    assert line_count(world) == 4
    console(world, ["x0", "x1"], x_wandb_async_client_id="x")
    console(world, ["y0"], x_wandb_async_client_id="y")
    assert log(world) == [(0, "x0"), (1, "x1"), (2, "y0")]
    assert keys(world)["lastStep"] == 3


def test_rows_of_several_writers_without_steps_get_steps_as_they_come(world: World, run: str) -> None:
    # 0.28.2 leaves the steps of a shared run to the server, and sends what was not answered again
    world.history(run, [{"x": 1}, {}], x_wandb_async_client_id="x")
    world.history(run, [{"y": 1}], x_wandb_async_client_id="y")
    for _ in range(2):
        world.history(run, [{}, {"x": 3}], 1, x_wandb_async_client_id="x")
    assert stored(world) == [{"_step": 0, "x": 1}, {"_step": 1}, {"_step": 2, "y": 1}, {"_step": 3, "x": 3}]
    assert line_count(world) == 4
    assert keys(world)["lastStep"] == 3


def test_console_lines_may_be_rewritten(world: World, run: str) -> None:
    assert run
    console(world, ["a", "10%", "b"])
    console(world, ["100%"], 1)
    assert log(world) == [(0, "a"), (1, "100%"), (2, "b")]
    assert world.run("logLineCount") == {"logLineCount": 3}


def test_the_tail_of_the_console_is_in_ascending_order(world: World, run: str) -> None:
    assert run
    for offset in range(0, 6, 2):
        console(world, [f"l{offset}", f"l{offset + 1}"], offset)
    assert log(world, "last: 3") == [(3, "l3"), (4, "l4"), (5, "l5")]
    assert log(world, "last: 0") == []
    assert len(log(world, "last: 100")) == 6


def test_console_pages_hold_every_line_once(world: World, run: str) -> None:
    assert run
    console(world, [f"l{number}" for number in range(4)])
    console(world, [f"l{number}" for number in range(4, 7)], 4)
    seen: list[str] = []
    after, more = None, True
    query = """query Q($after: String) { project(name: "p") { run(name: "r") { logLines(first: 3, after: $after) {
      pageInfo { hasNextPage endCursor } edges { node { line } } } } } }"""
    while more:
        page = world.gql(query, {"after": after})["project"]["run"]["logLines"]
        seen += [edge["node"]["line"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert seen == [f"l{number}" for number in range(7)]


@pytest.mark.parametrize(("text", "expected"), [
    ("2026-01-02T03:04:05.678 hello", ("2026-01-02T03:04:05.678", None, None, "hello")),
    ("ERROR 2026-01-02T03:04:05.678 oh no", ("2026-01-02T03:04:05.678", "error", None, "oh no")),
    ('{"level":"error","ts":"2026-01-02T03:04:05","label":"gpu","content":"hi"}',
     ("2026-01-02T03:04:05", "error", "gpu", "hi")),
    ('{"not":"ours"}', (None, None, None, '{"not":"ours"}')),
    ("{broken", (None, None, None, "{broken")),
    ("plain", (None, None, None, "plain")),
    ("", (None, None, None, "")),
])
def test_console_lines_come_in_two_forms(world: World, run: str, text: str, expected: tuple[str | None, ...]) -> None:
    assert run
    console(world, [text])
    node = world.run("logLines { edges { node { timestamp level label line } } }")["logLines"]["edges"][0]["node"]
    assert (node["timestamp"], node["level"], node["label"], node["line"]) == expected


def test_tails_are_lists_of_texts_in_a_text(world: World, run: str) -> None:
    assert world.run("historyTail eventsTail") == {"historyTail": "[]", "eventsTail": "[]"}
    world.history(run, ['{"_step":0}', '{"_step":1,"a":NaN}'])
    world.stream(run, {"files": {"wandb-events.jsonl": {"offset": 0, "content": ['{"system.cpu":1}']}}})
    found = world.run("historyTail eventsTail")
    assert json.loads(found["historyTail"]) == ['{"_step":1,"a":NaN}']
    assert json.loads(found["eventsTail"]) == ['{"system.cpu":1}']


def test_a_summary_is_replaced_whole(world: World, run: str) -> None:
    for text in ('{"a":1,"b":2}', '{"b":NaN}'):
        world.stream(run, {"files": {"wandb-summary.json": {"offset": 0, "content": [text]}}})
    assert world.run("summaryMetrics") == {"summaryMetrics": '{"b":NaN}'}


def test_the_summary_is_folded_from_history_where_the_header_asks(world: World, run: str) -> None:
    world.history(run, [{"_step": 0, "a": 1, "b": 2}])
    assert world.run("summaryMetrics") == {"summaryMetrics": "{}"}
    world.history(run, rows(1), 1, x_wandb_server_side_derived_summary="true")
    world.history(run, [{"_step": 2, "c": 3}], 2, x_wandb_server_side_derived_summary="true")
    assert json.loads(world.run("summaryMetrics")["summaryMetrics"]) == {"_step": 2, "a": 10, "c": 3}


def test_events_are_folded_into_system_metrics(world: World, run: str) -> None:
    lines = ['{"system.cpu":1,"system.gpu":5,"_wandb":true}', '{"system.cpu":2}']
    world.stream(run, {"files": {"wandb-events.jsonl": {"offset": 0, "content": lines}}})
    found = world.run("systemMetrics events eventsLineCount")
    assert json.loads(found["systemMetrics"]) == {"system.cpu": 2, "system.gpu": 5}
    assert (found["events"], found["eventsLineCount"]) == (lines, 2)


def part(offset: Any = 0, content: Any = ("{}",), name: str = "wandb-history.jsonl") -> Any:
    return {"files": {name: {"offset": offset, "content": content}}}


@pytest.mark.parametrize("body", [
    b"no", b"", b"\xff", [], "text", {"files": [1]}, {"files": {"output.log": []}}, part(-1), part("0"), part(1.5),
    part(True), part(2**60), part(None), part(0, "text"), part(0, [1]), part(0, None), part(0, ["no"]),
    part(0, ["[]"]), part(0, ["{}"], "wandb-summary.json") | {"exitcode": "x"}, {"exitcode": 2**40},
    part(0, ["[]"], "wandb-summary.json"), part(0, ["no"], "wandb-events.jsonl"),
], ids=str)
def test_a_bad_body_is_refused_and_nothing_is_stored(world: World, run: str, body: Any) -> None:
    world.stream(run, body, status=400)
    assert world.count("chunks") == 0
    assert world.run("summaryMetrics state") == {"summaryMetrics": "{}", "state": "running"}


def test_broken_gzip_is_refused(world: World, run: str) -> None:
    for body in (b"{}", b"\x1f\x8b\x08\x00", b""):
        world.stream(run, body, content_encoding="gzip", status=400)
    world.stream(run, b"{}", content_encoding="br", status=400)


def test_a_post_to_an_unknown_run_is_404_and_without_a_key_401(world: World, run: str) -> None:
    world.stream("no", {}, status=404)
    world.stream(run, {}, project="no", status=404)
    world.stream(run, {}, entity="no", status=404)
    world.stream(run, {}, key=None, status=401)
    world.stream(run, {}, key="0" * 40, status=401)
