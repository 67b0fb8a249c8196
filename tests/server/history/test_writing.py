"""What a POST of the file stream leaves behind, however often and in whatever order it comes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.run_history import console, keys, line_count, log, rows, sampled, stored
from support.world import World


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


def posted(offset: Any = 0, content: Any = ("{}",), name: str = "wandb-history.jsonl") -> Any:
    return {"files": {name: {"offset": offset, "content": content}}}


@pytest.mark.parametrize("body", [
    b"no", b"", b"\xff", [], "text", {"files": [1]}, {"files": {"output.log": []}}, posted(-1), posted("0"),
    posted(1.5),
    posted(True), posted(2**60), posted(None), posted(0, "text"), posted(0, [1]), posted(0, None), posted(0, ["no"]),
    posted(0, ["[]"]), posted(0, ["{}"], "wandb-summary.json") | {"exitcode": "x"}, {"exitcode": 2**40},
    posted(0, ["[]"], "wandb-summary.json"), posted(0, ["no"], "wandb-events.jsonl"),
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
