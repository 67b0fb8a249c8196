"""What is made of rows is made again where it is damaged; damaged rows stand in the way of nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from sqlalchemy import text

from support.run_history import end, fork, keys, rewind, rows, sampled, start, stored_by_step
from support.world import World

LOGGED = [{"_step": step, "a": step * 1.5, "i": step * step, "m": step if step % 2 else step / 2, "t": "x" * step,
           **({"some": step} if step % 3 == 0 else {})} for step in range(60)]
PAGE = """query Q { project(name: "p") { runs { edges { node { name tags config wandbConfig historyKeys
  sampledHistory(specs: ["{\\"keys\\": [\\"a\\"], \\"samples\\": 2}", "{\\"keys\\": [\\"_step\\"], \\"samples\\": 1}"])
  } } } } }"""
ENDS = [{"a": 0.0}, {"a": 88.5}]


def packed(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


@pytest.fixture
def logged(world: World) -> World:
    """Two runs with rows, of which there are columns, and with kept keys."""
    for name in ("one", "two"):
        world.upsert(name, tags=["x"], config=json.dumps({"_wandb": {"value": {"t": 1}}}))
        world.history(name, LOGGED)
        end(world, name)
    world.client.app.state.worker.run(lambda _done, _left: None)  # type: ignore[attr-defined]
    return world


def spoil(world: World, table: str, column: str, value: Any) -> None:
    """Of run `two`."""
    of_two = {
        "runs": "name = 'two'",
        "history_columns": "group_id IN (SELECT g.id FROM column_groups g JOIN runs r ON r.id = g.run_id "
                           f"WHERE r.name = 'two') AND {column} IS NOT NULL",
    }.get(table, "run_id = (SELECT id FROM runs WHERE name = 'two')")
    with world.backend.database.engine.begin() as connection:
        done = connection.execute(text(f"UPDATE {table} SET {column} = :value WHERE {of_two}"), {"value": value})
        assert done.rowcount > 0
    world.backend.clear_caches()


def page(world: World) -> dict[str, Any]:
    found = world.answer(PAGE)
    return {edge["node"]["name"]: edge["node"] for edge in found["data"]["project"]["runs"]["edges"]}


@pytest.mark.parametrize(("column", "value"), [
    ("body", b""), ("body", b"damaged"), ("body", packed(b"[1]")), ("body", packed(b"{")), ("body", bytes(240)),
    ("mask", b"\1" * 60), ("mask", b""), ("mask", bytes(60)), ("facts", ""), ("facts", "[]"), ("facts", '{"types'),
], ids=range(11))
def test_columns_that_are_damaged_are_not_looked_at(logged: World, column: str, value: Any) -> None:
    asked = [{"keys": [key], "samples": 7} for key in LOGGED[0]] + [{"samples": 3}, {"keys": ["a"], "minStep": 20}]
    whole = [sampled(logged, spec, "one") for spec in asked]
    of_keys = keys(logged, "one")
    spoil(logged, "history_columns", column, value)
    with logged.backend.database.engine.begin() as connection:
        connection.execute(text("DELETE FROM history_keys"))
    assert [sampled(logged, spec, "two") for spec in asked] == whole
    assert keys(logged, "two") == of_keys
    assert page(logged)["two"]["sampledHistory"][0] == ENDS


@pytest.mark.parametrize("value", ["", "x", "[]", '{"keys":{'])
def test_keys_that_are_kept_and_damaged_are_made_again(logged: World, value: str) -> None:
    of_keys = keys(logged, "one")
    spoil(logged, "history_keys", "document", value)
    assert keys(logged, "two") == of_keys
    lazy = logged.gql('{ project(name: "p") { runs { edges { node { name historyKeys } } } } }')
    assert [edge["node"]["historyKeys"] for edge in lazy["project"]["runs"]["edges"]] == [of_keys, of_keys]


of_chunks = pytest.mark.parametrize(
    "body", [b"damaged", packed(b""), packed(b"{}\n{}"), packed(b"\xff\xfe" + b"\n" * 59)],
    ids=["no zstd", "empty", "other lines", "no UTF-8"])


@of_chunks
def test_a_sample_of_damaged_rows_is_one_null(logged: World, body: bytes) -> None:
    spoil(logged, "chunks", "body", body)
    with logged.backend.database.engine.begin() as connection:
        connection.execute(text("UPDATE stream_heads SET built = 0"))
        connection.execute(text("DELETE FROM column_groups"))
    answer = logged.answer(PAGE)
    assert {error["message"][:36] for error in answer["errors"]} == {"rows of this history are damaged on "}
    found = page(logged)
    assert found["one"]["sampledHistory"][0] == ENDS
    assert (found["two"]["sampledHistory"], found["two"]["tags"]) == ([None, None], ["x"])
    assert found["two"]["historyKeys"] == found["one"]["historyKeys"]  # kept before


@of_chunks
def test_a_run_with_damaged_rows_goes_on(logged: World, body: bytes) -> None:
    spoil(logged, "chunks", "body", body)
    logged.history("two", [{"_step": 5, "again": True}], 5)
    logged.history("two", [{"_step": 60}], 60)
    assert [row["_step"] for row in stored_by_step(logged, "two")] == [5, 60]
    spoil(logged, "chunks", "body", body)
    assert rewind(logged, 30, "two")["historyLineCount"] > 0
    start(logged, "two", host="there")
    logged.history("two", rows(40))
    start(logged, "two", host="there")
    logged.history("two", rows(0, 1))
    assert stored_by_step(logged, "two") == rows(0, 1)


def test_a_parent_with_damaged_rows_can_go_and_its_fork_shows_what_it_showed(logged: World) -> None:
    fork(logged, "f", "two", 30)
    logged.history("f", rows(31))
    spoil(logged, "chunks", "body", b"damaged")
    delete = "mutation D($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"
    logged.gql(delete, {"id": logged.run("id", "two")["id"]})
    answer = logged.answer('{ project(name: "p") { run(name: "f") { name history(minStep: 0) } } }')
    assert answer["data"]["project"]["run"] == {"name": "f", "history": None}
    assert logged.run("history(minStep: 31)", "f")["history"] == [json.dumps(row) for row in rows(31)]


@pytest.mark.parametrize("value", ["", "x", '{"a": ', "null", "[]"])
def test_documents_that_are_damaged_spoil_no_page_and_no_post(logged: World, value: str) -> None:
    for column in ("config", "summary_metrics", "system_metrics", "tags"):
        spoil(logged, "runs", column, value)
    found = page(logged)
    assert (found["two"]["wandbConfig"], found["two"]["tags"]) == ("{}", [])
    assert (json.loads(found["one"]["wandbConfig"]), found["one"]["tags"]) == ({"t": 1}, ["x"])
    lazy = logged.gql('{ project(name: "p") { runs { edges { node { name tags } } } } }')
    assert {edge["node"]["name"]: edge["node"]["tags"] for edge in lazy["project"]["runs"]["edges"]} == {
        "one": ["x"], "two": []}
    logged.stream("two", {"files": {
        "wandb-history.jsonl": {"offset": 60, "content": ['{"_step": 60, "a": 1}']},
        "wandb-events.jsonl": {"offset": 0, "content": ['{"cpu": 1}']}}}, x_wandb_server_side_derived_summary="true")
    assert {name: json.loads(text) for name, text in logged.run("summaryMetrics systemMetrics", "two").items()} == {
        "summaryMetrics": {"_step": 60, "a": 1}, "systemMetrics": {"cpu": 1}}


def test_files_of_a_history_of_which_one_is_lost_are_offered_no_more(world: World) -> None:
    def offered(run: str) -> list[str]:
        found = world.run('parquetHistory(liveKeys: ["a"]) { parquetUrls }', run)
        return list(found["parquetHistory"]["parquetUrls"])

    for name in ("one", "two"):
        world.upsert(name)
        world.history(name, rows(*range(10)))
        end(world, name)
    work: Callable[[Any], Any] = world.client.app.state.worker.run  # type: ignore[attr-defined]
    work(lambda _done, _left: None)
    [url] = offered("two")
    assert world.client.get(url).status_code == 200
    with world.backend.database.engine.connect() as connection:
        key = connection.execute(text("SELECT p.blob_key FROM partitions p JOIN runs r ON r.id = p.run_id "
                                      "WHERE r.name = 'two'")).scalar_one()
    world.backend.blobs.delete(key)
    assert world.client.get(url).status_code == 404
    assert (offered("two"), len(offered("one"))) == ([], 1)
    assert stored_by_step(world, "two") == rows(*range(10))
    work(lambda _done, _left: None)
    assert offered("two") == []
