"""The keys by which runs are filtered and ordered, and what a listing sees of changes."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from dumbbell_server.listing.columns import Table
from support.world import KEY, World, open_world

QUESTION = """query Q($filters: JSONString, $order: String, $first: Int, $after: String) { project(name: "p") {
  runCount(filters: $filters) runs(filters: $filters, order: $order, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { name } cursor } } } }"""
STATE = "mutation M($id: ID!, $state: String!) { updateRunState(input: {id: $id, state: $state}) { success } }"
DELETE = "mutation M($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"
RENAME_ENTITY = """mutation { renameEntity(input: {entityName: "local", newName: "other"}) { entity { name } } }"""


def ask(world: World, filters: Any = None, **variables: Any) -> Any:
    asked = None if filters is None else json.dumps(filters)
    found = world.gql(QUESTION, {"filters": asked, "first": 1000, **variables})["project"]
    assert found["runCount"] == found["runs"]["totalCount"]
    return found["runs"]


def names(world: World, filters: Any = None, **variables: Any) -> list[str]:
    return [edge["node"]["name"] for edge in ask(world, filters, **variables)["edges"]]


@pytest.fixture
def seeded(world: World) -> World:
    world.upsert("one", displayName="first run", state="finished", tags=["baseline", "a"], notes="note", host="h1",
                 description="about", commit="c0ffee", groupName="g1", jobType="train", sweep="sw1",
                 config=json.dumps({"lr": {"value": 0.1, "desc": None}, "net": {"value": {"depth": 3, "value": 7}},
                                    "a.b": {"value": {"c.d": 1}}, "opt": {"value": "adam"}}),
                 summaryMetrics=json.dumps({"loss": 0.5, "eval/top.1": {"max": 2}, "best": {"loss": 0.1}}))
    world.clock.move(90)
    world.upsert("two", displayName="second run", tags=["b"], groupName="g2", jobType="eval",
                 config=json.dumps({"lr": {"value": 0.01}, "opt": {"value": "sgd"}}),
                 summaryMetrics='{"loss": NaN, "acc": 1}')
    world.clock.move(10)
    world.stream("two", {"files": {"wandb-history.jsonl": {"offset": 0, "content": ['{"_step":0,"acc":1,"v/x.y":2}']}}})
    world.upsert("three")
    return world


@pytest.mark.parametrize(("filters", "expected"), [
    ({"name": "one"}, ["one"]),
    ({"display_name": "first run"}, ["one"]),
    ({"displayName": {"$regex": "^second"}}, ["two"]),
    ({"state": "finished"}, ["one"]),
    ({"state": {"$in": ["finished", "failed"]}}, ["one"]),
    ({"group": "g1"}, ["one"]),
    ({"group": None}, ["three"]),
    ({"jobType": "train"}, ["one"]),
    ({"job_type": {"$ne": "train"}}, ["two", "three"]),
    ({"host": "h1"}, ["one"]),
    ({"notes": "note"}, ["one"]),
    ({"description": {"$exists": True, "$ne": None}}, ["one"]),
    ({"commit": {"$regex": "^c0"}}, ["one"]),
    ({"tags": "baseline"}, ["one"]),
    ({"tags": {"$in": ["b", "x"]}}, ["two"]),
    ({"tags": {"$nin": ["b"]}}, ["one", "three"]),
    ({"tags": {"$size": 0}}, ["three"]),
    ({"tags": {"$all": ["a", "baseline"]}}, ["one"]),
    ({"tags": {"$contains": "base"}}, ["one"]),
    ({"$or": [{"tags": None}, {"tags": {"$ne": "a"}}]}, ["two", "three"]),
    ({"username": "local"}, ["one", "two", "three"]),
    ({"user": {"$ne": "local"}}, []),
    ({"entity": "local", "project": "p"}, ["one", "two", "three"]),
    ({"entity": "other"}, []),
    ({"sweep": "sw1"}, ["one"]),
    ({"$and": [{"sweep": "sw1"}]}, ["one"]),
    ({"sweep": None}, ["two", "three"]),
    ({"config.lr": 0.1}, ["one"]),
    ({"config.lr.value": {"$lt": 0.05}}, ["two"]),
    ({"config.lr": {"$exists": False}}, ["three"]),
    ({"config.net.depth": 3}, ["one"]),
    ({"config.net.value.depth": 3}, ["one"]),
    ({"config.net.depth.value": 3}, ["one"]),
    ({"config.a.b.c.d": 1}, ["one"]),
    ({"config.a.b.value.c.d": 1}, ["one"]),
    ({"config.opt": {"$regex": "^(adam|lion)$"}}, ["one"]),
    ({"summary_metrics.loss": {"$gte": 0}}, ["one"]),
    ({"summary_metrics.loss": float("nan")}, ["two"]),
    ({"summary.loss": {"$type": "number"}}, ["one", "two"]),
    ({"summaryMetrics.best.loss": {"$lt": 1}}, ["one"]),
    ({"summary_metrics.eval/top.1.max": 2}, ["one"]),
    ({"duration": {"$gte": 5}}, ["two"]),
    ({"duration": 0}, ["one", "three"]),
    ({"createdAt": {"$gt": "2025-06-15T15:07:00"}}, ["two", "three"]),
    ({"created_at": {"$gt": "2025-06-15T17:07:00+02:00"}}, ["two", "three"]),
    ({"created_at": {"$gte": "2025-06-15"}}, ["one", "two", "three"]),
    ({"created_at": {"$lt": "2025-06-15"}}, []),
    ({"created_at": {"$gte": "2025-06-15T15:06:40Z", "$lt": "2025-06-15T15:06:41Z"}}, ["one"]),
    ({"heartbeat_at": {"$not": {"$lt": "2025-06-15T15:08:00Z"}}}, ["two", "three"]),
    ({"keys_info.keys.acc": {"$exists": True}}, ["two"]),
    ({"keys_info.keys.v/x.y": {"$exists": True}}, ["two"]),
    ({"keys_info.keys.acc": {"$exists": False}}, ["one", "three"]),
    ({"historyLineCount": {"$gt": 0}}, ["two"]),
    ({"nonsense": 1}, []),
    ({"nonsense": None}, ["one", "two", "three"]),
    ({"inputArtifacts": "x:v0"}, []),
    ({"$or": []}, ["one", "two", "three"]),
    ({}, ["one", "two", "three"]),
    (None, ["one", "two", "three"]),
])
def test_every_key_finds_its_runs(seeded: World, filters: Any, expected: list[str]) -> None:
    assert names(seeded, filters, order="+created_at") == expected


@pytest.mark.parametrize(("order", "expected"), [
    (None, ["three", "two", "one"]),
    ("", ["three", "two", "one"]),
    ("created_at", ["one", "two", "three"]),
    ("-createdAt", ["three", "two", "one"]),
    ("+name", ["one", "three", "two"]),
    ("-name", ["two", "three", "one"]),
    ("+config.lr", ["two", "one", "three"]),
    ("-config.lr.value", ["one", "two", "three"]),
    ("+summary_metrics.loss", ["one", "two", "three"]),
    ("-summary_metrics.loss", ["one", "three", "two"]),
    ("-summary_metrics.best.loss", ["one", "three", "two"]),
    ("+state,-created_at", ["one", "three", "two"]),
    ("-state, +name", ["three", "two", "one"]),
    ("-duration", ["two", "three", "one"]),
    ("+username,+config.opt", ["one", "two", "three"]),
    ("+tags", ["two", "one", "three"]),
    ("+group", ["one", "two", "three"]),
    ("-group", ["two", "one", "three"]),
    ("-heartbeat_at,+summary_metrics.a,b", ["three", "two", "one"]),
])
def test_every_key_orders_missing_last_both_ways(seeded: World, order: str | None, expected: list[str]) -> None:
    assert names(seeded, order=order) == expected


@pytest.mark.parametrize("order", ["nonsense", "+", "-config", "+config.", "-state,", "--state"])
def test_an_unknown_order_is_refused(seeded: World, order: str) -> None:
    assert "order" in seeded.errors(QUESTION, {"order": order}, status=400)[0]


@pytest.mark.parametrize("filters", ['{"a": {"$foo": 1}}', "[1]", "{", '{"name": {"$regex": "("}}'])
def test_a_bad_filter_is_refused(seeded: World, filters: str) -> None:
    assert "filters" in seeded.errors(QUESTION, {"filters": filters}, status=400)[0]


@pytest.mark.parametrize("filters", [
    {"name": "\x00"}, {"\x00": 1}, {"name": {"$regex": "\x00"}}, {"config.\x00": {"$exists": True}},
    {"summary_metrics.x": {"$gt": 10**400}}, {"duration": {"$lt": -1e400}},
    {"created_at": {"$gt": "9999-12-31T23:59:59-10:00"}},
    {"name": {"$in": ["x"] * 10000}}, {"created_at": 5}, {"tags": {"$elemMatch": {"$eq": "\ud800"}}},
    {"": 1}, {".": 1}, {"config..": 1}, {"tags.0.1.2": "x"},
])
def test_hostile_filters_find_nothing(seeded: World, filters: Any) -> None:
    assert names(seeded, filters) in ([], ["three"], ["three", "two", "one"])


def test_numbers_come_before_texts_both_ways(world: World) -> None:
    for name, value in {"n1": 1, "n2": 2, "t1": "a", "t2": "b", "yes": True, "inf": float("inf"), "nan": float("nan"),
                        "null": None, "list": [1], "object": {"a": 1}}.items():
        world.upsert(name, summaryMetrics=json.dumps({"x": value}))
    world.upsert("missing")
    rest = ["yes", "list", "object"]
    assert names(world, order="+summary_metrics.x") == ["n1", "n2", "inf", "t1", "t2", *rest, "nan", "null", "missing"]
    assert names(world, order="-summary_metrics.x") == [
        "inf", "n2", "n1", "t2", "t1", "yes", "object", "list", "missing", "null", "nan"]


@pytest.mark.parametrize("order", ["+summary_metrics.x", "-summary_metrics.x", "-state,+summary_metrics.x", None])
@pytest.mark.parametrize("size", [1, 3, 7])
def test_cursors_neither_skip_nor_repeat_while_others_write(world: World, order: str | None, size: int) -> None:
    values: list[Any] = [1, 1, 2, None, "a", "a", float("nan"), float("inf"), -float("inf"), 2**70, True, [1], {"a": 1},
                         "a" * 1000, "a" * 999 + "b"]
    for number, value in enumerate(values):
        state = "finished" if number % 3 else "failed"
        world.upsert(f"r{number}", summaryMetrics=json.dumps({"x": value}), state=state)
    expected = names(world, order=order)
    seen: list[str] = []
    after, number = None, 0
    while True:
        page = ask(world, {"name": {"$regex": "^r"}} if number % 2 else {}, order=order, first=size, after=after)
        seen += [edge["node"]["name"] for edge in page["edges"] if edge["node"]["name"].startswith("r")]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after, number = page["pageInfo"]["endCursor"], number + 1
        world.upsert(f"x{number}", summaryMetrics='{"x": 0.5}')
        world.upsert("x1", summaryMetrics=json.dumps({"x": number}))
    assert seen == expected


@pytest.mark.parametrize("inside", [
    b"null", b"[[[0,1]],5,6]", b'[[[0,"x"]],5]', b"[[[9,1]],5]", b"[[[0,NaN]],5]", b"[[5],5]", b"[[[[],1]],5]",
    b"[" * 5000, b"[[[1,1],[1,1]],5]", b'[[[1,"x"]],99999999999999999999]', b'[{"a":1},5]', b"c:5",
])
def test_what_is_no_cursor_is_refused(seeded: World, inside: bytes) -> None:
    for after in (base64.b64encode(inside).decode(), inside.decode()):
        assert "cursor" in seeded.errors(QUESTION, {"after": after}, status=400)[0]


def test_every_acknowledged_change_is_seen_at_once(world: World) -> None:
    finished = {"state": "finished", "summary_metrics.loss": {"$lt": 1}, "tags": "t"}
    node = world.upsert("r", tags=["t"])["bucket"]["id"]
    assert names(world, finished) == []
    world.stream("r", {"files": {"wandb-summary.json": {"offset": 0, "content": ['{"loss": 0.5}']}}})
    assert names(world, finished) == []
    world.stream("r", {"complete": True, "exitcode": 0})
    assert names(world, finished) == ["r"]
    world.upsert(id=node, tags=[])
    assert names(world, finished) == []
    world.upsert(id=node, tags=["t"], summaryMetrics='{"loss": 2}')
    assert names(world, finished) == []
    assert names(world, {"summary_metrics.loss": 2}) == ["r"]
    world.upsert("s", tags=["t"])
    assert names(world, {"tags": "t"}, order="-summary_metrics.loss") == ["r", "s"]
    world.gql(STATE, {"id": world.upsert("s")["bucket"]["id"], "state": "failed"})
    assert names(world, {"state": "failed"}) == ["s"]
    world.gql(DELETE, {"id": node})
    assert names(world, {"tags": "t"}) == ["s"]
    world.upsert("r")
    assert names(world, {"tags": "t"}) == ["s"]
    assert names(world) == ["r", "s"]


def test_a_silent_run_is_found_as_crashed(world: World) -> None:
    world.upsert("r")
    assert names(world, {"state": "running"}) == ["r"]
    world.clock.move(1000)
    assert names(world, {"state": "running"}) == []
    assert names(world, {"state": "crashed"}) == ["r"]


def test_a_renamed_user_is_found_by_the_new_name(world: World) -> None:
    world.upsert("r")
    assert names(world, {"username": "local"}) == ["r"]
    world.gql(RENAME_ENTITY)
    assert names(world, {"username": "local"}) == []
    assert names(world, {"username": "other"}) == ["r"]
    assert names(world, {"entity": "other"}) == ["r"]


def test_a_project_made_again_has_its_own_runs_only(world: World) -> None:
    world.upsert("old")
    assert names(world) == ["old"]
    node = world.gql('{ project(name: "p") { id } }')["project"]["id"]
    world.gql("mutation M($id: String) { deleteModel(input: {id: $id}) { success } }", {"id": node})
    world.upsert("new")
    assert names(world) == ["new"]


def test_many_changes_at_once_are_all_seen(world: World) -> None:
    for number in range(30):
        world.upsert(f"r{number}", summaryMetrics=json.dumps({"x": number}))
    assert names(world, {"summary_metrics.x": {"$gte": 28}}, order="+summary_metrics.x") == ["r28", "r29"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dumbbell_server.runs.cache._MOST_CHANGES", 10)
        patch.setattr("dumbbell_server.listing.columns._MENDED", 5)
        for number in range(20):
            world.upsert(f"r{number}", summaryMetrics=json.dumps({"x": 100 - number}))
        assert names(world, {"summary_metrics.x": {"$gte": 98}}, order="+summary_metrics.x") == ["r2", "r1", "r0"]
        for number in range(7):
            world.upsert(f"r{number}", summaryMetrics="{}")
        assert names(world, {"summary_metrics.x": {"$gte": 92}}, order="+summary_metrics.x") == ["r8", "r7"]


def test_rows_that_went_leave_no_trace(world: World) -> None:
    nodes = [world.upsert(f"r{number}", summaryMetrics=f'{{"x": {number}}}')["bucket"]["id"] for number in range(9)]
    order = "-summary_metrics.x"
    assert len(names(world, order=order)) == 9
    for number, node in enumerate(nodes[:6]):
        world.gql(DELETE, {"id": node})
        assert names(world, order=order) == [f"r{left}" for left in range(8, number, -1)]


def test_the_cache_has_a_bound_and_gives_way(tmp_path: Path) -> None:
    with open_world(tmp_path, column_cache=60_000) as world:
        cache = world.backend.run_columns
        for project in ("p", "q", "s"):
            for number in range(50):
                world.upsert(f"r{number}", modelName=project, summaryMetrics=json.dumps(
                    {f"k{key}": number * key for key in range(20)}))
        for key in range(1, 20):
            for project in ("p", "q", "s"):
                query = QUESTION.replace('name: "p"', f'name: "{project}"')
                found = world.gql(query, {"filters": json.dumps({f"summary_metrics.k{key}": {"$gte": 40 * key}}),
                                          "order": f"-summary_metrics.k{key}"})["project"]
                assert [edge["node"]["name"] for edge in found["runs"]["edges"]] == [
                    f"r{number}" for number in range(49, 39, -1)]
                assert cache.size <= 60_000
        assert cache.size > 0


def test_a_cache_of_no_bytes_still_answers(tmp_path: Path) -> None:
    with open_world(tmp_path, column_cache=0) as world:
        world.upsert("r", summaryMetrics='{"x": 1}')
        for _ in range(2):
            assert names(world, {"summary_metrics.x": 1}, order="-summary_metrics.x") == ["r"]


def test_what_another_process_wrote_is_seen(world: World, tmp_path: Path) -> None:
    """Several servers share a Postgres; on SQLite the folder's lock keeps a second one out."""
    if world.backend.settings.database_url is None:
        pytest.skip("SQLite has one process")
    with open_world(tmp_path / "second", world.backend.settings.database_url) as other:
        node = world.upsert("r", summaryMetrics='{"x": 1}')["bucket"]["id"]
        for number in range(2, 12):
            assert names(other, {"summary_metrics.x": number - 1}, order="+summary_metrics.x") == ["r"]
            assert names(world, {"summary_metrics.x": number - 1}, order="+summary_metrics.x") == ["r"]
            (world if number % 2 else other).upsert(id=node, summaryMetrics=json.dumps({"x": number}))
        other.gql(DELETE, {"id": node})
        assert names(world) == names(other) == []


def test_stamps_of_another_database_do_no_harm(world: World) -> None:
    """After a dump was restored, rows bear higher stamps than any to come for long."""
    node = world.upsert("r", summaryMetrics='{"x": 1}')["bucket"]["id"]
    world.upsert("s", summaryMetrics='{"x": 1}')
    if world.backend.settings.database_url is not None:
        world.backend.database.write(lambda session: session.execute(text("UPDATE runs SET revision = 1000000000000")))
    assert names(world, {"summary_metrics.x": 1}) == ["s", "r"]
    world.upsert(id=node, summaryMetrics='{"x": 2}')
    assert names(world, {"summary_metrics.x": 1}) == ["s"]
    world.upsert("s", summaryMetrics='{"x": 2}')
    assert names(world, {"summary_metrics.x": 2}) == ["s", "r"]


def test_units_that_overlap_are_all_seen(world: World) -> None:
    """Many writers at once: whatever has answered is in the next listing."""
    def write(start: int) -> None:
        for number in range(start, start + 10):
            answer = world.client.post("/graphql", headers={"authorization": f"Bearer {KEY}"}, json={
                "query": """mutation M($name: String) { upsertBucket(input: {modelName: "p", name: $name}) {
                            inserted } }""", "variables": {"name": f"r{number}"}})
            assert answer.json()["data"]["upsertBucket"]["inserted"]
            assert f"r{number}" in names(world, {"name": {"$regex": "^r"}})
    world.upsert("r")
    threads = [threading.Thread(target=write, args=(start,)) for start in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(world)) == 31


def test_units_are_seen_while_another_transaction_runs(world: World) -> None:
    """As an ANALYZE or a backup does, of whatever database of the server: no transaction after it is the oldest."""
    if world.backend.settings.database_url is None:
        pytest.skip("SQLite has one writer")
    world.upsert("r")
    with world.backend.database.engine.begin() as other:
        other.execute(text("SELECT pg_current_xact_id()"))
        for name in ("s", "t"):
            world.upsert(name, config='{"x": {"value": 1}}')
            assert name in names(world, {"config.x": 1})
        world.upsert("s", config='{"x": {"value": 2}}')
        assert names(world, {"config.x": 1}) == ["t"]


def test_an_empty_table_has_nothing() -> None:
    assert Table().size == 0
