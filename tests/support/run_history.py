"""Rows of a run's history, and what the server shows of them."""

from __future__ import annotations

import json
from typing import Any

from support.world import World

REWIND = """mutation M($run: String!, $step: Float!) { rewindRun(input: {runName: $run, projectName: "p",
  metricName: "_step", metricValue: $step}) { rewoundRun { historyLineCount summaryMetrics } } }"""

def rows(*steps: int, **more: Any) -> list[dict[str, Any]]:
    return [{"_step": step, "a": step * 10, **more} for step in steps]


def stored(world: World, name: str = "r") -> list[Any]:
    """Rows as `history` without bounds shows them."""
    return [json.loads(line) for line in world.run("history", name)["history"]]


def stored_by_step(world: World, name: str = "r") -> list[Any]:
    """Rows as `history` with bounds shows them."""
    return [json.loads(line) for line in world.run("history(minStep: 0)", name)["history"]]


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


def compact(world: World) -> None:
    """Columns and Parquet files are made of what is there."""
    world.client.app.state.worker.run(lambda _done, _left: None)  # type: ignore[attr-defined]


def start(world: World, name: str = "r", **fields: Any) -> Any:
    """A process starts or goes on with a run, or edits it where an id is named."""
    query = "mutation M($input: UpsertBucketInput!) { upsertBucket(input: $input) { bucket { id historyLineCount } } }"
    path = {} if "id" in fields else {"name": name, "modelName": "p"}
    return world.gql(query, {"input": {**path, **fields}})["upsertBucket"]["bucket"]


def end(world: World, name: str = "r") -> None:
    world.stream(name, {"complete": True, "exitcode": 0})


def fork(world: World, name: str, parent: str, step: int) -> None:
    branch = {"_wandb": {"value": {"branch_point": {"run_id": parent, "step": step}}}}
    world.upsert(name, config=json.dumps(branch))


def rewind(world: World, step: float, name: str = "r") -> Any:
    return world.gql(REWIND, {"run": name, "step": step})["rewindRun"]["rewoundRun"]
