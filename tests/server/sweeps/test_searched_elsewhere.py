"""Sweeps whose runs come from a local scheduler or a local controller."""

from __future__ import annotations

import json

import pytest

from support.sweep_agents import CREATE_SWEEP, GRID, Agent, edit, make, read, states
from support.world import World

ENQUEUE = """mutation EnqueueSweepRun($id: ID!, $config: JSONString!, $displayName: String) {
  enqueueSweepRun(input: {id: $id, config: $config, displayName: $displayName}) { id runQueueItemId } }"""
SCHEDULED = "{method: custom, scheduler: {engine: optuna}, parameters: {x: {min: 0.0, max: 1.0}}}"


def test_a_local_scheduler_puts_runs_in_line(world: World) -> None:
    sweep = make(world, SCHEDULED)
    node = read(world, sweep)["id"]
    agent = Agent(world, sweep)
    assert agent.beat() == []
    queued = [world.gql(ENQUEUE, {"id": node, "config": json.dumps(config), "displayName": name})["enqueueSweepRun"]
              for config, name in (({"x": {"value": 1}}, None), ({"x": 2, "y": {"z": 1}}, "mine"))]
    assert [one["id"] for one in queued] == [edge["node"]["name"] for edge in read(world, sweep)["runs"]["edges"]]
    assert set(states(world, sweep).values()) == {"pending"}
    assert [agent.work(sweep)["args"] for _ in queued] == [
        {"x": {"value": 1}}, {"x": {"value": 2}, "y": {"value": {"z": 1}}}]
    assert world.run("displayName", queued[1]["id"])["displayName"] == "mine"
    assert agent.beat() == []
    edit(world, sweep, state="FINISHED")
    assert agent.ask() == {"type": "exit"}
    assert "takes no more runs" in world.errors(ENQUEUE, {"id": node, "config": "{}"}, status=400)[0]


def test_no_more_runs_in_line_are_given_out_than_the_cap_has(world: World) -> None:
    """To be refused is a fatal error for the scheduler of 0.31.0, which looks at the cap now and then only."""
    sweep = make(world, SCHEDULED.replace("{method", "{run_cap: 1, method"))
    node = read(world, sweep)
    assert node["controllerRunName"] == f"{sweep}-controller"
    world.upsert(node["controllerRunName"])
    queued = [world.gql(ENQUEUE, {"id": node["id"], "config": "{}"})["enqueueSweepRun"]["id"] for _ in range(2)]
    agent, other = Agent(world, sweep), Agent(world, sweep)
    name = agent.start(agent.ask(), sweep)
    assert other.beat() == []
    agent.finish(name)
    assert (other.ask(), agent.ask()) == ({"type": "exit"}, {"type": "exit"})
    assert read(world, sweep)["state"] == "FINISHED"
    assert states(world, sweep) == {queued[0]: "finished", queued[1]: "killed"}
    assert world.run("state", node["controllerRunName"])["state"] == "finished"


def test_only_a_sweep_with_a_scheduler_takes_runs(world: World) -> None:
    sweep = make(world, GRID)
    node = read(world, sweep)["id"]
    message = f"sweep {sweep} is not using local scheduler"
    assert world.errors(ENQUEUE, {"id": node, "config": "{}"}, status=400) == [message]
    assert world.errors(ENQUEUE, {"id": "no", "config": "{}"}, status=404) == ["no sweep has the id 'no'"]
    assert read(world, sweep)["runCount"] == 0


def test_a_local_controller_schedules_stops_and_ends(world: World) -> None:
    """As `wandb 0.31.0 wandb_controller.py:_WandbController` has it: `controller` is the client's, `scheduler` ours."""
    sweep = make(world, "{method: random, controller: {type: local}, parameters: {x: {min: 0.0, max: 1.0}}}")
    agent = Agent(world, sweep)
    assert agent.beat() == []
    entry = {"id": "one", "data": {"args": {"x": {"value": 0.5}}}}
    edit(world, sweep, controller=json.dumps({"schedule": [entry]}))
    edit(world, sweep, controller=json.dumps({"schedule": [entry]}))
    (scheduled,) = json.loads(read(world, sweep)["scheduler"])["scheduled"]
    assert scheduled["id"] == "one"
    command = agent.ask()
    assert (command["run_id"], command["args"]) == (scheduled["runid"], {"x": {"value": 0.5}})
    name = agent.start(command, sweep)
    edit(world, sweep, controller=json.dumps({"schedule": [], "earlystop": [name, "none"]}))
    assert agent.beat(name) == [{"type": "stop", "run_id": name}]
    edit(world, sweep, controller=json.dumps({"schedule": [{"id": "two", "data": {"args": None}}]}))
    assert read(world, sweep)["state"] == "RUNNING"
    agent.finish(name)
    assert agent.ask() == {"type": "exit"}
    assert read(world, sweep)["state"] == "FINISHED"


@pytest.mark.parametrize(("document", "named"), [
    ('{"schedule": 1}', "controller.schedule"), ('{"schedule": [{"id": 1, "data": {}}]}', "controller.schedule"),
    ('{"schedule": [{"id": "a"}]}', "controller.schedule"), ('{"earlystop": ["a", 1]}', "controller.earlystop"),
    ('{"schedule": [{"id": "a", "data": {"args": [1]}}]}', "controller.schedule"),
])
def test_a_controllers_document_is_checked(world: World, document: str, named: str) -> None:
    sweep = make(world, "{method: random, controller: {type: local}, parameters: {x: {min: 0.0, max: 1.0}}}")
    change = {"input": {"id": read(world, sweep)["id"], "controller": document}}
    assert named in world.errors(CREATE_SWEEP, change, status=400)[0]
    assert read(world, sweep)["controller"] is None
