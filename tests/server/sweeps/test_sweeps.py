"""Sweeps over GraphQL."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from support.world import World

EVE = "e" * 40
CONFIG = """method: grid
metric: {name: val.loss, goal: minimize}
name: first try
parameters:
  lr: {values: [0.1, 0.01, 0.001]}
"""
UPSERT = """mutation UpsertSweep($id: ID, $config: String, $description: String, $entityName: String,
  $projectName: String, $controller: JSONString, $launchScheduler: JSONString,
  $templateVariableValues: JSONString, $scheduler: JSONString, $state: String, $priorRunsFilters: JSONString,
  $displayName: String) {
  upsertSweep(input: {id: $id, config: $config, description: $description, entityName: $entityName,
    projectName: $projectName, controller: $controller, launchScheduler: $launchScheduler,
    templateVariableValues: $templateVariableValues, scheduler: $scheduler, state: $state,
    priorRunsFilters: $priorRunsFilters, displayName: $displayName}) {
    sweep { id name displayName method state description config bestLoss runCount runCountExpected controller
      project { name entity { name } } }
    configValidationWarnings } }"""
SWEEP = """query Q($p: String, $e: String, $s: String!) { project(name: $p, entityName: $e) {
  sweep(sweepName: $s) { id name displayName method state config bestLoss runCount createdAt updatedAt heartbeatAt
    earlyStopJobRunning controllerRunName user { username } } } }"""
WITH_RUNS = """query SweepWithRuns($entity: String, $project: String, $sweep: String!, $specs: [JSONString!]!) {
  project(name: $project, entityName: $entity) { sweep(sweepName: $sweep) {
    id name method state description config createdAt heartbeatAt updatedAt earlyStopJobRunning bestLoss controller
    scheduler runs { edges { node { name state config exitcode heartbeatAt shouldStop failed stopped running
      summaryMetrics sampledHistory(specs: $specs) } } } } } }"""
SWEEPS = """query Q($filters: JSONString, $first: Int, $after: String) { project(name: "p") { totalSweeps
  sweeps(filters: $filters, first: $first, after: $after) { pageInfo { hasNextPage endCursor }
    edges { node { name } } } } }"""
RUNS = """query Q($s: String!, $first: Int, $after: String, $order: String) { project(name: "p") {
  sweep(sweepName: $s) { runs(first: $first, after: $after, order: $order) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { name } } } } } }"""


def make(world: World, config: str | None = CONFIG, **fields: Any) -> Any:
    place = {} if "id" in fields else {"projectName": "p"}
    return world.gql(UPSERT, {**place, "config": config, **fields})["upsertSweep"]


def test_a_sweep_is_made_and_read_by_its_short_name(world: World) -> None:
    made = make(world, templateVariableValues="null", entityName=None)
    assert made["configValidationWarnings"] == []
    sweep = made["sweep"]
    assert len(sweep["name"]) == 8
    assert sweep["project"] == {"name": "p", "entity": {"name": "local"}}
    assert (sweep["config"], sweep["method"], sweep["state"]) == (CONFIG, "grid", "PENDING")
    assert (sweep["runCountExpected"], sweep["runCount"], sweep["displayName"]) == (3, 0, "first try")
    found = world.gql(SWEEP, {"p": "p", "s": sweep["name"]})["project"]["sweep"]
    assert (found["id"], found["user"]) == (sweep["id"], {"username": "local"})
    assert base64.b64decode(found["id"]).startswith(b"Sweep:")
    assert world.gql(SWEEP, {"p": "p", "s": "none"})["project"]["sweep"] is None
    assert world.gql(SWEEP, {"p": "p", "s": "x\x00y"})["project"]["sweep"] is None


def test_edits_leave_what_they_do_not_name(world: World) -> None:
    sweep = make(world, description="d", controller='{"type":"local"}')["sweep"]
    named = make(world, None, id=sweep["id"], displayName="better")["sweep"]
    assert named == {**sweep, "displayName": "better"}
    assert make(world, None, id=sweep["id"], displayName="")["sweep"]["displayName"] == "first try"
    random = make(world, "{method: random, parameters: {a: {values: [1, 2]}}}", id=sweep["id"])["sweep"]
    assert (random["method"], random["runCountExpected"], random["displayName"]) == ("random", None, None)
    assert random["description"] == "d"


def test_states_follow_each_other(world: World) -> None:
    sweep = make(world)["sweep"]

    def move(state: str) -> str:
        moved = make(world, None, id=sweep["id"], state=state, entityName="local", projectName="p")
        return str(moved["sweep"]["state"])

    refused = world.errors(UPSERT, {"id": sweep["id"], "state": "PAUSED"}, status=400)[0]
    assert "PENDING cannot become PAUSED" in refused
    assert [move(state) for state in ("RUNNING", "PAUSED", "RUNNING", "FINISHED")] == [
        "RUNNING", "PAUSED", "RUNNING", "FINISHED"]
    assert "CANCELED" in world.errors(UPSERT, {"id": sweep["id"], "state": "CANCELED"}, status=400)[0]
    assert "'DONE'" in world.errors(UPSERT, {"id": sweep["id"], "state": "DONE"}, status=400)[0]
    assert world.gql(SWEEP, {"p": "p", "s": sweep["name"]})["project"]["sweep"]["config"] == CONFIG


def test_runs_belong_to_the_sweep_they_name(world: World) -> None:
    sweep = make(world)["sweep"]["name"]
    for name, loss in (("a", 3.0), ("b", 1.5), ("c", "NaN"), ("d", None)):
        summary = "{}" if loss is None else f'{{"val":{{"loss":{loss}}}}}'
        world.upsert(name, sweep=sweep, summaryMetrics=summary)
    world.upsert("elsewhere", modelName="q", sweep=sweep, summaryMetrics='{"val":{"loss":0}}')
    world.history("a", [{"_step": 0, "val.loss": 3.0}])
    found = world.gql(SWEEP, {"p": "p", "s": sweep})["project"]["sweep"]
    assert (found["bestLoss"], found["runCount"]) == (1.5, 4)
    assert world.run("sweepName sweep { name state }", "a") == {
        "sweepName": sweep, "sweep": {"name": sweep, "state": "PENDING"}}
    assert world.run("sweep { name }", "elsewhere", project="q") == {"sweep": None}
    with_runs = world.gql(WITH_RUNS, {"project": "p", "sweep": sweep, "specs": "{}"})["project"]["sweep"]
    runs = [edge["node"] for edge in with_runs["runs"]["edges"]]
    assert [(run["name"], run["running"], run["failed"]) for run in runs] == [
        (name, True, False) for name in "abcd"]
    assert len(runs[0]["sampledHistory"][0]) == 1
    first = world.gql(RUNS, {"s": sweep, "first": 3})["project"]["sweep"]["runs"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (4, True)
    rest = world.gql(RUNS, {"s": sweep, "first": 3, "after": first["pageInfo"]["endCursor"]})["project"]["sweep"]
    assert [edge["node"]["name"] for edge in rest["runs"]["edges"]] == ["d"]
    best = world.gql(RUNS, {"s": sweep, "order": "+summary_metrics.val.loss"})["project"]["sweep"]["runs"]["edges"]
    assert [edge["node"]["name"] for edge in best] == ["b", "a", "c", "d"]


def test_best_is_the_most_where_the_goal_says_so(world: World) -> None:
    sweep = make(world, "{method: random, metric: {name: acc, goal: maximize}, parameters: {a: {value: 1}}}")["sweep"]
    for name, summary in (("a", '{"acc": 0.5}'), ("b", '{"acc": 0.75}'), ("c", '{"acc": true}'), ("d", '{"acc": "1"}'),
                          ("e", '{"acc": 1' + "0" * 400 + "}")):
        world.upsert(name, sweep=sweep["name"], summaryMetrics=summary)
    assert make(world, None, id=sweep["id"])["sweep"]["bestLoss"] == 0.75


def test_canceling_asks_live_runs_to_stop(world: World) -> None:
    sweep = make(world)["sweep"]
    world.upsert("a", sweep=sweep["name"])
    world.upsert("b")
    make(world, None, id=sweep["id"], state="CANCELED")
    assert (world.run("stopped", "a"), world.run("stopped", "b")) == ({"stopped": True}, {"stopped": False})


def test_earlier_runs_are_attached(world: World) -> None:
    for name in ("a", "b", "c"):
        world.upsert(name)
    sweep = make(world, priorRunsFilters=json.dumps({"$or": [{"name": "a"}, {"name": "c"}]}))["sweep"]
    assert sweep["runCount"] == 2
    assert [world.run("sweepName", name)["sweepName"] for name in "abc"] == [sweep["name"], None, sweep["name"]]
    for filters in ('{"name": "a"}', '{"$or": [{"name": 1}]}', '{"$or": {}}', "[]", "{"):
        world.errors(UPSERT, {"projectName": "p", "config": CONFIG, "priorRunsFilters": filters}, status=400)
    assert world.count("sweeps") == 1


def test_sweeps_are_listed_newest_first(world: World) -> None:
    names = [make(world)["sweep"]["name"] for _ in range(3)]
    done = make(world)["sweep"]
    make(world, None, id=done["id"], state="FINISHED")
    page = world.gql(SWEEPS, {"first": 2})["project"]
    assert page["totalSweeps"] == 4
    assert [edge["node"]["name"] for edge in page["sweeps"]["edges"]] == [done["name"], names[2]]
    rest = world.gql(SWEEPS, {"first": 2, "after": page["sweeps"]["pageInfo"]["endCursor"]})["project"]["sweeps"]
    assert [edge["node"]["name"] for edge in rest["edges"]] == [names[1], names[0]]
    assert rest["pageInfo"]["hasNextPage"] is False
    for filters, wanted in (
        ('{"state": "FINISHED"}', [done["name"]]),
        ('{"state": {"$ne": "FINISHED"}}', names[::-1]),
        (json.dumps({"$or": [{"name": names[0]}, {"name": names[2]}]}), [names[2], names[0]]),
        ('{"display_name": {"$regex": "^first"}}', [done["name"], *names[::-1]]),
        ('{"method": "bayes"}', []),
    ):
        found = world.gql(SWEEPS, {"filters": filters, "first": 10})["project"]["sweeps"]["edges"]
        assert [edge["node"]["name"] for edge in found] == wanted, filters
    first = world.gql(SWEEPS, {"filters": '{"state": "PENDING"}', "first": 2})["project"]["sweeps"]
    assert [edge["node"]["name"] for edge in first["edges"]] == [names[2], names[1]]
    assert first["pageInfo"]["hasNextPage"] is True
    assert "$near" in world.errors(SWEEPS, {"filters": '{"name": {"$near": 1}}'}, status=400)[0]


@pytest.mark.parametrize(("fields", "named"), [
    ({"config": None}, "config"),
    ({"config": "method: hill"}, "'hill'"),
    ({"controller": "{"}, "controller"),
    ({"scheduler": "[]"}, "scheduler"),
    ({"displayName": "x\x00"}, "displayName"),
    ({"description": "x" * ((1 << 20) + 1)}, "description"),
    ({"projectName": "a/b"}, "a/b"),
])
def test_bad_input_makes_nothing(world: World, fields: dict[str, Any], named: str) -> None:
    refused = world.errors(UPSERT, {"projectName": "new", "config": CONFIG, **fields}, status=400)
    assert named in refused[0]
    assert world.count("sweeps") == 0
    assert world.gql('{ project(name: "new") { id } }')["project"] is None


def test_a_launch_queue_that_is_not_there_is_named(world: World) -> None:
    refused = world.errors(UPSERT, {"projectName": "p", "config": CONFIG, "launchScheduler": '{"queue": "gpus"}'},
                           status=404)
    assert "'gpus'" in refused[0]


def test_another_entitys_sweep_does_not_exist(world: World) -> None:
    world.add_user("eve", EVE)
    sweep = make(world)["sweep"]
    assert world.gql(SWEEP, {"p": "p", "e": "local", "s": sweep["name"]}, key=EVE)["project"] is None
    assert "no sweep" in world.errors(UPSERT, {"id": sweep["id"], "state": "FINISHED"}, key=EVE, status=404)[0]
    world.errors(UPSERT, {"entityName": "local", "projectName": "p", "config": CONFIG}, key=EVE, status=404)
    world.errors(UPSERT, {"projectName": "p", "config": CONFIG}, key=None, status=401)
    for node in ("nonsense", base64.b64encode(b"Sweep:999").decode(), base64.b64encode(b"View:1").decode()):
        world.errors(UPSERT, {"id": node, "state": "FINISHED"}, status=404)
    world.gql('mutation { upsertModel(input: {name: "p", access: "USER_READ"}) { inserted } }')
    seen = world.gql(SWEEP, {"p": "p", "e": "local", "s": sweep["name"]}, key=EVE)["project"]["sweep"]
    assert seen["id"] == sweep["id"]
    world.errors(UPSERT, {"id": sweep["id"], "state": "FINISHED"}, key=EVE, status=403)


def test_sweeps_go_with_their_project(world: World) -> None:
    make(world)
    node = world.gql('{ project(name: "p") { id } }')["project"]["id"]
    world.gql("mutation M($id: String) { deleteModel(input: {id: $id}) { success } }", {"id": node})
    assert world.count("sweeps") == 0


def test_a_sweeps_link_leads_to_a_page(world: World) -> None:
    sweep = make(world, displayName="<b>")["sweep"]["name"]
    world.upsert("a", sweep=sweep, summaryMetrics='{"val.loss": 2}')
    auth = {"authorization": "Bearer " + "f" * 40}
    page = world.client.get(f"/local/p/sweeps/{sweep}", headers=auth)
    assert page.status_code == 200
    assert "&lt;b&gt;" in page.text
    assert "1 of 3 runs" in page.text
    assert "2.0" in page.text
    assert world.client.get("/local/p/sweeps/none", headers=auth).status_code == 404
