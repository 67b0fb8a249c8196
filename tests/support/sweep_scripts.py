"""Sweeps with the real client: scripts that make them, do their runs and read what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from support.sdk import read_of, run_script
from support.server import Server

METRIC = {"name": "loss", "goal": "minimize"}
PARAMETERS = {"x": {"min": 0.0, "max": 10.0}}

# Agents of these releases look around every five seconds; what they ask and do is the same without the naps.
FUNCTION = """
    import json, os, sys, time
    import wandb
    from wandb.agents import pyagent

    naps = time.sleep
    pyagent.time = type("Time", (), {"time": time.time, "sleep": staticmethod(lambda seconds: naps(seconds / 25))})
    os.environ["WANDB_AGENT_DISABLE_FLAPPING"] = "true"
    KNOWS = "x_file_stream_transmit_interval" in getattr(wandb.Settings, "model_fields", {})
    OFTEN = {"settings": wandb.Settings(x_file_stream_transmit_interval=1)} if KNOWS else {}
    HOW = json.loads(HOW_TEXT)
    seen, began = [], []

    def train():
        began.append(1)
        with wandb.init(project="swept", **OFTEN) as run:
            x = run.config["x"]
            for step in range(HOW["rows"]):
                wandb.log({"loss": (x - 3) ** 2 + 1 / (step + 1)})
                naps(HOW["pause"])
            seen.append([run.id, x])

    for sweep in HOW["sweeps"]:
        wandb.agent(sweep, function=train, project="swept")
    print("READ " + json.dumps({"seen": seen, "began": len(began)}))
"""
PROGRAM = """
import sys, wandb
with wandb.init() as run:
    wandb.log({"loss": (run.config["x"] - 3) ** 2, "said": sys.argv[1]})
"""
COMMAND = """
    import os, sys
    os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]  # where it finds `python`
    with open("train.py", "w") as file:
        file.write(PROGRAM_TEXT)
    import wandb.wandb_agent
    wandb.wandb_agent.Agent.POLL_INTERVAL = 0.2
    from wandb.cli.cli import cli
    sys.argv = ["wandb", "agent", "local/swept/SWEEP"]
    cli()
"""
MAKE = """
    import json, wandb
    print("READ " + json.dumps([wandb.sweep(config, project="swept") for config in json.loads(CONFIGS_TEXT)]))
"""
RESULT = """
    import json, wandb
    def result(sweep):
        runs = sorted(sweep.runs, key=lambda run: run.created_at)
        return {"state": sweep.state, "expected": sweep.expected_run_count,
                "runs": [{"id": run.id, "state": run.state, "config": run.config, "loss": run.summary.get("loss"),
                          "said": run.summary.get("said"), "rows": run.lastHistoryStep + 1} for run in runs],
                "agents": [[agent.state, agent.total_runs] for agent in sweep.agents()]}
    api = wandb.Api()
    print("READ " + json.dumps([result(api.sweep(f"swept/{name}")) for name in json.loads(NAMES_TEXT)]))
"""


def make(server: Server, folder: Path, *configs: Mapping[str, Any], version: str = "0.31.0",
         packages: Sequence[str] = ()) -> list[str]:
    """Names of new sweeps."""
    names: list[str] = read_of(run_script(version, server, folder, MAKE.replace(
        "CONFIGS_TEXT", repr(json.dumps(configs))), packages=packages))
    return names


def results(server: Server, folder: Path, *names: str) -> list[Any]:
    """What the newest client reads of the sweeps."""
    found: list[Any] = read_of(run_script("0.31.0", server, folder, RESULT.replace(
        "NAMES_TEXT", repr(json.dumps(names)))))
    return found


def function(rows: int = 1, pause: float = 0, *, sweeps: list[str]) -> str:
    how = json.dumps({"sweeps": sweeps, "rows": rows, "pause": pause})
    return FUNCTION.replace("HOW_TEXT", repr(how))


def grid(count: int, **more: Any) -> dict[str, Any]:
    return {"method": "grid", "metric": METRIC, "parameters": {"x": {"values": list(range(count))}}, **more}


def check_grid(found: Any, count: int) -> None:
    """Each combination was finished once; what was lost with its agent has crashed."""
    assert (found["state"], found["expected"]) == ("FINISHED", count), found
    finished = [run["config"]["x"] for run in found["runs"] if run["state"] == "finished"]
    assert sorted(finished) == list(range(count)), found
    assert {run["state"] for run in found["runs"]} <= {"finished", "crashed", "killed"}, found


def check_searched(found: Any, count: int, others: str = "finished") -> None:
    """So many runs were done; `others` is the state of what a scheduler put in line besides."""
    values = [run["config"]["x"] for run in found["runs"] if run["state"] == "finished"]
    assert (found["state"], len(values), len(set(values))) == ("FINISHED", count, count), found
    assert all(0 <= value <= 10 for value in values), found
    assert {run["state"] for run in found["runs"]} <= {"finished", others}, found


def command(name: str) -> str:
    return COMMAND.replace("PROGRAM_TEXT", repr(PROGRAM)).replace("SWEEP", name)
