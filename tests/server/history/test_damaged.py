"""One damaged thing is one null, and the rest of a page is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from support.run_history import compact, end, keys, rows, stored_by_step
from support.world import World

PAGE = """query Q($filters: JSONString) { project(name: "p") { runs(filters: $filters) {
  edges { node { name historyKeys historyLineCount } } } } }"""


@pytest.fixture
def damaged(world: World) -> World:
    """Three runs with rows; the chunk of `two` is no longer what was written."""
    for name in ("one", "two", "three"):
        world.upsert(name)
        world.history(name, rows(0, 1, 2))
        end(world, name)
    with world.backend.database.engine.begin() as connection:
        connection.execute(text("UPDATE chunks SET body = :body WHERE run_id = "
                                "(SELECT id FROM runs WHERE name = 'two')"), {"body": b"damaged"})
    world.backend.clear_caches()
    return world


def page(world: World, filters: Any = None) -> dict[str, Any]:
    found = world.gql(PAGE, {"filters": json.dumps(filters or {})})["project"]["runs"]["edges"]
    return {edge["node"]["name"]: edge["node"]["historyKeys"] for edge in found}


def test_a_page_shows_the_keys_of_the_other_runs(damaged: World) -> None:
    found = page(damaged)
    assert found["two"] is None
    assert {name: set(found[name]["keys"]) for name in ("one", "three")} == {
        name: {"_step", "a"} for name in ("one", "three")}
    assert set(page(damaged, {"keys_info.keys.a": {"$exists": True}})) == {"one", "three"}
    assert damaged.run("historyKeys historyLineCount", "two") == {"historyKeys": None, "historyLineCount": 3}


@pytest.mark.parametrize("field", [
    "history", "history(minStep: 0)", 'sampledHistory(specs: ["{\\"keys\\":[\\"a\\"]}"])', "historyTail"])
def test_its_rows_are_an_error_that_says_so_and_is_not_tried_again(damaged: World, field: str) -> None:
    query = f'{{ project(name: "p") {{ run(name: "two") {{ {field} }} one: run(name: "one") {{ name }} }} }}'
    answer = damaged.answer(query)
    assert [error["message"][:55] for error in answer["errors"]] == [
        "rows of this history are damaged on the disk of the ser"]
    assert answer["data"]["project"]["one"] == {"name": "one"}
    assert stored_by_step(damaged, "one") == rows(0, 1, 2)


def test_the_background_goes_on_with_the_others(damaged: World) -> None:
    compact(damaged)
    assert page(damaged)["two"] is None
    assert set(keys(damaged, "three")["keys"]) == {"_step", "a"}


def test_damaged_rows_can_be_sent_again(damaged: World) -> None:
    damaged.history("two", rows(0, 1, 2, again=True))
    assert stored_by_step(damaged, "two") == rows(0, 1, 2, again=True)


def test_filters_on_keys_look_at_what_is_kept_of_runs_that_have_ended(world: World) -> None:
    for name, more in (("one", {"b": 1}), ("two", {})):
        world.upsert(name)
        world.history(name, rows(0, 1, **more))
        end(world, name)
    compact(world)
    for _ in range(2):  # made, and then read as it is kept
        assert set(page(world)) == {"one", "two"}
        world.backend.clear_caches()
        assert set(page(world, {"keys_info.keys.b": {"$exists": True}})) == {"one"}
        world.client.app.state.worker._work_on_due()  # type: ignore[attr-defined]  # keeps the documents


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"_step": 1}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize("levels", [201, 300, 2000, 50_000])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_rows_nested_too_deeply_are_refused(world: World, levels: int, at: int) -> None:
    world.upsert()
    text_of_row = '{"a":' * (levels - 1) + "{}" + "}" * (levels - 1)
    lines: list[Any] = rows(0, 1, 2)
    lines[at] = text_of_row
    refused = world.history("r", lines, status=400)
    assert "nested more than 200 levels deep" in refused["errors"][0]["message"]
    assert world.run("historyLineCount") == {"historyLineCount": 0}
    summary = world.stream("r", {"files": {"wandb-summary.json": {"offset": 0, "content": [text_of_row]}}}, status=400)
    assert "nested more than 200 levels deep" in summary["errors"][0]["message"]
    for field in ("config", "summaryMetrics"):
        assert "nested more than 200 levels deep" in world.refused_upsert(**{field: text_of_row})


def test_rows_of_the_most_levels_are_read_by_all(world: World) -> None:
    world.upsert(config=json.dumps(deep(200)))
    world.history("r", [deep(200), {"a": "[" * 1000, "_step": 2}])
    compact(world)
    assert stored_by_step(world)[-1] == {"a": "[" * 1000, "_step": 2}
    assert keys(world)["lastStep"] == 2
    assert json.loads(world.run("config")["config"]) == deep(200)
