"""Runs over GraphQL."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import text

from support.world import KEY, World

STATE = "mutation M($id: ID!, $state: String!) { updateRunState(input: {id: $id, state: $state}) { success } }"
STOP = "mutation M($id: ID!) { stopRun(input: {id: $id}) { success } }"
DELETE = "mutation M($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"
RENAME = """mutation M($old: String!, $new: String!) {
  renameProject(input: {entityName: "local", oldProjectName: $old, newProjectName: $new}) { project { name } } }"""
RUNS = """query Q($first: Int, $after: String, $order: String) { project(name: "p") {
  runs(first: $first, after: $after, order: $order) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { name } } } } }"""
OTHER = "e" * 40


def state(world: World, name: str = "r") -> Any:
    return world.run("state", name)["state"]


def names(world: World, **variables: Any) -> list[str]:
    edges = world.gql(RUNS, variables)["project"]["runs"]["edges"]
    return [edge["node"]["name"] for edge in edges]


def test_an_upsert_without_a_name_makes_an_id_and_a_display_name(world: World) -> None:
    made = world.upsert(None)
    assert made["inserted"] is True
    assert len(made["bucket"]["name"]) == 8
    assert made["bucket"]["displayName"].endswith("-1")
    assert made["bucket"]["state"] == "running"


def test_an_id_is_base64_of_name_project_and_entity(world: World) -> None:
    bucket = world.upsert("r")["bucket"]
    assert base64.b64decode(bucket["id"]).decode() == "Run:v1:r:p:local"


def test_a_second_upsert_inserts_nothing(world: World) -> None:
    first, second = world.upsert("r"), world.upsert("r")
    assert (first["inserted"], second["inserted"]) == (True, False)
    assert first["bucket"]["id"] == second["bucket"]["id"]
    assert world.count("runs") == 1


def test_null_leaves_a_field_unchanged(world: World) -> None:
    given = {"notes": "n", "tags": ["a", "b"], "config": '{"x":{"value":1}}', "summaryMetrics": '{"s":1}',
             "displayName": "shown", "jobType": "train", "groupName": "g"}
    first = world.upsert("r", **given)["bucket"]
    assert world.upsert("r", **dict.fromkeys(given))["bucket"] == first
    assert first["notes"] == "n"
    assert first["group"] == "g"


def test_an_empty_list_clears_the_tags(world: World) -> None:
    world.upsert("r", tags=["a"])
    assert world.upsert("r", tags=[])["bucket"]["tags"] == []


def test_repeated_tags_are_kept_once(world: World) -> None:
    assert world.upsert("r", tags=["b", "a", "b"])["bucket"]["tags"] == ["b", "a"]


@pytest.mark.parametrize("empty", [None, ""])
def test_without_a_place_a_run_goes_to_the_own_entity_and_uncategorized(world: World, empty: str | None) -> None:
    bucket = world.upsert("r", modelName=empty, entityName=empty)["bucket"]
    assert bucket["project"] == {"name": "uncategorized", "entity": {"name": "local"}}


def test_an_upsert_by_id_does_not_change_the_state(world: World) -> None:
    node = world.upsert("r")["bucket"]["id"]
    world.stream("r", {"complete": True, "exitcode": 1})
    edited = world.upsert(id=node, notes="edited")
    assert edited["inserted"] is False
    assert (edited["bucket"]["state"], edited["bucket"]["notes"]) == ("failed", "edited")


def test_an_upsert_by_name_makes_the_run_go_on(world: World) -> None:
    world.upsert("r")
    world.stream("r", {"complete": True, "exitcode": 1})
    bucket = world.upsert("r")["bucket"]
    assert (bucket["state"], bucket["exitcode"]) == ("running", None)


def test_an_upsert_by_an_unknown_id_is_404(world: World) -> None:
    node = base64.b64encode(b"Run:v1:no:p:local").decode()
    world.refused_upsert(id=node, notes="x", status=404)


@pytest.mark.parametrize("bad", [
    {"config": "{"}, {"config": "[1]"}, {"config": '"x"'}, {"summaryMetrics": "no"}, {"summaryMetrics": "[]"},
    {"tags": [" "]}, {"tags": [""]}, {"tags": ["t" * 513]}, {"tags": ["t"] * 1001}, {"state": "sleeping"},
    {"displayName": "d" * 513}, {"notes": "a\x00b"}, {"notes": "n" * ((1 << 20) + 1)},
], ids=lambda bad: f"{next(iter(bad))}-{str(next(iter(bad.values())))[:8]!r}")
def test_a_bad_field_is_refused_and_nothing_changes(world: World, bad: dict[str, Any]) -> None:
    before = world.upsert("r", notes="n", tags=["t"])["bucket"]
    world.refused_upsert("r", jobType="changed", **bad)
    world.refused_upsert("new", jobType="changed", **bad)
    assert world.count("runs") == 1
    assert world.upsert(id=before["id"])["bucket"] == before


@pytest.mark.parametrize("name", ["a/b", "a:b", "a;b", "a,b", "a#b", "a?b", "a'b", "a%b", "%41", "a\\b", " a", "a ",
                                  ".", "..", "n" * 129,
                                  "a\x00b", "a\nb"])
def test_a_bad_name_is_refused_and_no_run_or_project_is_made(world: World, name: str) -> None:
    assert "run id" in world.refused_upsert(name)
    assert world.count("runs") == 0
    assert world.count("projects") == 0


@pytest.mark.parametrize("name", ["50%", "a%zb", "a\\b", "a b%"])
def test_a_run_of_an_earlier_version_goes_on_under_an_id_that_none_gets_now(world: World, name: str) -> None:
    made = world.upsert("r")["bucket"]
    with world.backend.database.engine.begin() as connection:
        connection.execute(text("UPDATE runs SET name = :name"), {"name": name})
    assert world.upsert(name, notes="n")["inserted"] is False
    found = world.run("id name notes", name)
    assert (found["name"], found["notes"]) == (name, "n")
    world.stream(quote(name, safe=""), {"files": {"wandb-history.jsonl": {"offset": 0, "content": ['{"_step":0}']}}})
    assert world.run("historyLineCount", name) == {"historyLineCount": 1}
    page = world.client.get(f"/local/p/runs/{quote(name, safe='')}", headers={"authorization": f"Bearer {KEY}"})
    assert page.status_code == 200
    assert found["id"] != made["id"]
    world.gql(DELETE, {"id": found["id"]})
    assert world.count("runs") == 0


def test_completion_with_zero_finishes_and_else_fails(world: World) -> None:
    for name, code, expected in (("a", 0, "finished"), ("b", 3, "failed")):
        world.upsert(name)
        world.stream(name, {"complete": True, "exitcode": code})
        assert world.run("state exitcode", name) == {"state": expected, "exitcode": code}


@pytest.mark.parametrize(("exitcode", "stop", "preempting", "ended"), [
    (0, False, False, "finished"), (1, False, False, "failed"), (255, True, False, "killed"),
    (1, False, True, "preempted")])
def test_a_late_post_revives_nothing_and_a_new_start_does(world: World, exitcode: int, ended: str, *, stop: bool,
                                                         preempting: bool) -> None:
    run = world.upsert("r")["bucket"]
    if stop:
        world.gql("mutation Stop($id: ID!) { stopRun(input: {id: $id}) { success } }", {"id": run["id"]})
    world.stream("r", {"complete": True, "exitcode": exitcode, "preempting": preempting})
    assert state(world) == ended
    world.stream("r", {})
    world.history("r", [{"_step": 0, "late": True}])
    assert (state(world), world.run("historyLineCount")["historyLineCount"]) == (ended, 1)
    world.upsert(id=run["id"], notes="edited by a person")
    assert state(world) == ended
    world.upsert(id=run["id"], host="there", config="{}")  # as a process does that resumes
    assert world.run("state exitcode stopped") == {"state": "running", "exitcode": None, "stopped": False}


def test_a_page_shows_a_silent_run_as_crashed(world: World) -> None:
    world.upsert("r")
    world.clock.move(301)
    assert "crashed" in world.client.get("/local/p/runs/r", headers={"authorization": f"Bearer {KEY}"}).text


def test_a_silent_run_has_crashed_and_a_post_brings_it_back(world: World) -> None:
    world.upsert("r")
    world.clock.move(299)
    assert state(world) == "running"
    world.clock.move(2)
    assert state(world) == "crashed"
    world.stream("r", {})
    assert state(world) == "running"


def test_posts_keep_a_run_alive(world: World) -> None:
    world.upsert("r")
    for _ in range(3):
        world.clock.move(200)
        world.stream("r", {})
    assert state(world) == "running"


def test_a_finished_run_does_not_crash(world: World) -> None:
    world.upsert("r")
    world.stream("r", {"complete": True, "exitcode": 0})
    world.clock.move(301)
    assert state(world) == "finished"


def test_a_silent_preempting_run_is_preempted(world: World) -> None:
    world.upsert("r")
    world.stream("r", {"preempting": True})
    assert state(world) == "preempting"
    world.clock.move(301)
    assert state(world) == "preempted"


def test_a_preempting_run_that_fails_is_preempted(world: World) -> None:
    world.upsert("r")
    world.stream("r", {"preempting": True})
    world.stream("r", {"complete": True, "exitcode": 1})
    assert state(world) == "preempted"


def test_a_stopped_run_that_ends_with_an_error_is_killed(world: World) -> None:
    node = world.upsert("r")["bucket"]["id"]
    assert world.gql(STOP, {"id": node}) == {"stopRun": {"success": True}}
    world.stream("r", {"complete": True, "exitcode": 255})
    assert state(world) == "killed"


def test_the_stop_flag_is_in_every_answer(world: World) -> None:
    node = world.upsert("r")["bucket"]["id"]
    assert "stopped" not in world.stream("r", {})
    world.gql(STOP, {"id": node})
    assert [world.stream("r", {})["stopped"] for _ in range(3)] == [True] * 3
    assert world.run("stopped shouldStop") == {"stopped": True, "shouldStop": True}


def test_a_run_that_starts_again_is_no_longer_asked_to_stop(world: World) -> None:
    world.gql(STOP, {"id": world.upsert("r")["bucket"]["id"]})
    world.stream("r", {"complete": True, "exitcode": 255})
    world.upsert("r")
    assert "stopped" not in world.stream("r", {})


def test_stopping_an_unknown_run_is_null(world: World) -> None:
    for node in (base64.b64encode(b"Run:v1:no:p:local").decode(), "nonsense"):
        assert world.gql(STOP, {"id": node}) == {"stopRun": None}


def test_an_allowed_state_change_is_made(world: World) -> None:
    node = world.upsert("r")["bucket"]["id"]
    assert world.gql(STATE, {"id": node, "state": "pending"}) == {"updateRunState": {"success": True}}
    assert state(world) == "pending"


@pytest.mark.parametrize("new", ["running", "pending", "crashed"])
def test_a_finished_run_goes_nowhere(world: World, new: str) -> None:
    node = world.upsert("r")["bucket"]["id"]
    world.stream("r", {"complete": True, "exitcode": 0})
    assert "invalid state transition" in world.errors(STATE, {"id": node, "state": new}, status=400)[0]
    assert state(world) == "finished"


def test_a_run_may_be_deleted_twice(world: World) -> None:
    node = world.upsert("r")["bucket"]["id"]
    for _ in range(2):
        assert world.gql(DELETE, {"id": node}) == {"deleteRun": {"clientMutationId": None}}
    assert world.run("name") is None
    world.stream("r", {}, status=404)


def test_node_ids_resolve_after_the_project_was_renamed(world: World) -> None:
    node = world.upsert("r")["bucket"]["id"]
    world.gql(RENAME, {"old": "p", "new": "q"})
    bucket = world.upsert(id=node, notes="found")["bucket"]
    assert (bucket["notes"], bucket["project"]["name"]) == ("found", "q")
    assert world.run("notes", project="q") == {"notes": "found"}


def test_runs_are_listed_newest_first(world: World) -> None:
    for name in ("a", "b", "c"):
        world.upsert(name)
        world.clock.move(1)
    assert names(world) == ["c", "b", "a"]


@pytest.mark.parametrize("order", [None, "+created_at", "-created_at", "-display_name", "+state", "-heartbeat_at"])
@pytest.mark.parametrize("moving", [True, False])
def test_pages_hold_every_run_once(world: World, order: str | None, moving: bool) -> None:
    for number in range(7):
        world.upsert(f"r{number}")
        world.clock.move(1 if moving else 0)
    seen: list[str] = []
    after = None
    for _ in range(4):
        page = world.gql(RUNS, {"first": 2, "after": after, "order": order})["project"]["runs"]
        seen += [edge["node"]["name"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
    assert page["pageInfo"]["hasNextPage"] is False
    assert sorted(seen) == [f"r{number}" for number in range(7)]
    assert seen == names(world, order=order)


def test_a_bad_cursor_is_refused(world: World) -> None:
    world.upsert("r")
    world.errors(RUNS, {"after": "nonsense"}, status=400)


def test_a_missing_project_and_a_missing_run_are_null(world: World) -> None:
    assert world.gql('{ project(name: "none") { name } }') == {"project": None}
    world.upsert("r")
    assert world.gql('{ project(name: "p") { run(name: "no") { name } } }') == {"project": {"run": None}}


def test_anothers_private_run_is_null_and_writes_to_it_are_404(world: World) -> None:
    node = world.upsert("r")["bucket"]["id"]
    world.add_user("eve", OTHER)
    assert world.run("name", entity="local", key=OTHER) is None
    world.stream("r", {}, key=OTHER, status=404)
    world.refused_upsert("r", entityName="local", key=OTHER, status=404)
    world.refused_upsert(id=node, notes="mine", key=OTHER, status=404)
    world.errors(STATE, {"id": node, "state": "failed"}, key=OTHER, status=404)
    assert world.gql(STOP, {"id": node}, key=OTHER) == {"stopRun": None}
    world.gql(DELETE, {"id": node}, key=OTHER)
    assert world.run("state notes stopped") == {"state": "running", "notes": None, "stopped": False}


def test_a_wandb_config_is_told_by_its_keys(world: World) -> None:
    world.upsert("r", config=json.dumps({"_wandb": {"value": {"t": {"1": [1]}, "m": []}}}))
    assert json.loads(world.run('wandbConfig(keys: ["t"])')["wandbConfig"]) == {"t": {"1": [1]}}
