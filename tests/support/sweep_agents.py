"""Agents of sweeps in a world, which speak as `wandb.agent` does."""

from __future__ import annotations

import json
from typing import Any

from support.world import World

CREATE_SWEEP = """mutation M($input: UpsertSweepInput!) { upsertSweep(input: $input) { sweep { id name state }
  configValidationWarnings } }"""
CREATE = """mutation CreateAgent($host: String!, $projectName: String, $entityName: String, $sweep: String!) {
  createAgent(input: {host: $host, projectName: $projectName, entityName: $entityName, sweep: $sweep}) {
    agent { id name } } }"""
HEARTBEAT = """mutation Heartbeat($id: ID!, $metrics: JSONString, $runState: JSONString) {
  agentHeartbeat(input: {id: $id, metrics: $metrics, runState: $runState}) { agent { id } commands } }"""
SWEEP = """query Q($s: String!) { project(name: "p") { sweep(sweepName: $s) {
  id state controllerRunName runCount scheduler controller
  bestLoss runs { edges { node { name state config sweepName displayName } } }
  agents { edges { node { id name host state totalRuns createdAt heartbeatAt
    runs { edges { node { name } } } } } } } } }"""
GRID = """{method: grid, program: train.py, metric: {name: loss},
  parameters: {x: {values: [1, 2]}, opt: {parameters: {lr: {values: [0.1, 0.2]}, name: {value: adam}}}}}"""


class Agent:
    """One that does its runs at once, unless it is told not to."""

    def __init__(self, world: World, sweep: str, host: str = "h", key: str | None = None) -> None:
        self.world = world
        self.key = {} if key is None else {"key": key}
        made = world.gql(CREATE, {"host": host, "projectName": "p", "entityName": "local", "sweep": sweep}, **self.key)
        self.id, self.name = made["createAgent"]["agent"]["id"], made["createAgent"]["agent"]["name"]

    def beat(self, *running: str) -> list[dict[str, Any]]:
        answer = self.world.gql(HEARTBEAT, {"id": self.id, "metrics": "{}", "runState": json.dumps(
            dict.fromkeys(running, True))}, **self.key)["agentHeartbeat"]
        assert answer["agent"]["id"] == self.id
        commands: list[dict[str, Any]] = json.loads(answer["commands"])
        return commands

    def ask(self) -> dict[str, Any]:
        """The one command that an idle agent is given."""
        (command,) = self.beat()
        return command

    def start(self, command: dict[str, Any], sweep: str) -> str:
        name: str = command["run_id"]
        self.world.upsert(name, sweep=sweep, config=json.dumps(command["args"]), host="h")
        return name

    def finish(self, name: str, exitcode: int = 0, **summary: Any) -> None:
        self.world.upsert(name, summaryMetrics=json.dumps(summary))
        self.world.stream(name, {"complete": True, "exitcode": exitcode})

    def work(self, sweep: str, **summary: Any) -> dict[str, Any]:
        """Do what it is told, once."""
        command = self.ask()
        if command["type"] in {"run", "resume"}:
            self.finish(self.start(command, sweep), **summary)
        return command


def make(world: World, config: str, **fields: Any) -> str:
    made = world.gql(CREATE_SWEEP, {"input": {"projectName": "p", "config": config, **fields}})["upsertSweep"]
    name: str = made["sweep"]["name"]
    return name


def read(world: World, sweep: str) -> Any:
    return world.gql(SWEEP, {"s": sweep})["project"]["sweep"]


def states(world: World, sweep: str) -> dict[str, str]:
    return {edge["node"]["name"]: edge["node"]["state"] for edge in read(world, sweep)["runs"]["edges"]}


def edit(world: World, sweep: str, **fields: Any) -> None:
    world.gql(CREATE_SWEEP, {"input": {"id": read(world, sweep)["id"], **fields}})


def patient(agent: Agent) -> dict[str, Any]:
    """A suggestion may take longer than a heartbeat waits, and others may not be done."""
    for _ in range(2000):
        commands = agent.beat()
        if commands:
            return commands[0]
    raise AssertionError("no command came")
