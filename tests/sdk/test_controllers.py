"""Sweeps that are searched elsewhere or changed by hand, by the real client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.sdk import read_of, run_script, start_script
from support.server import Server, start_server
from support.sweep_scripts import METRIC, PARAMETERS, check_grid, check_searched, function, grid, make, results

VERSION = "0.31.0"
SWEEPS = "sweeps==0.3.0"  # W&B's own search, without which neither its controller nor its scheduler starts
CONTROLLER = """
    import os, time
    os.environ |= {"WANDB_ENTITY": "local", "WANDB_PROJECT": "swept"}  # it takes a bare name only
    import wandb, wandb.wandb_controller
    naps = time.sleep
    wandb.wandb_controller.time = type("Time", (), {"time": time.time, "sleep": staticmethod(lambda _: naps(0.2))})
    from wandb.cli.cli import cli
    cli(["controller", "SWEEP"])
"""
SCHEDULER = """
    from wandb.cli.cli import cli
    cli(["sweep-scheduler", "--batch-size", "2", "--poll-interval", "0.5", "local/swept/SWEEP"])
"""


def run_beside(server: Server, folder: Path, searching: str, name: str, *packages: str) -> Any:
    """What an agent did in a sweep that another script searches; both come to their end."""
    searcher = start_script(VERSION, server, folder, searching.replace("SWEEP", name), packages=packages)
    with searcher:
        did = read_of(run_script(VERSION, server, folder, function(sweeps=[name]), timeout=600))
        ended = searcher.finished(120)
    assert ended.returncode == 0, str(ended)
    return did


@pytest.mark.timeout(900)
def test_a_controller_searches(tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        (name,) = make(server, tmp_path, grid(3, controller={"type": "local"}), packages=[SWEEPS])
        did = run_beside(server, tmp_path, CONTROLLER, name, SWEEPS)
        (found,) = results(server, tmp_path, name)
    check_grid(found, 3)
    assert len(did["seen"]) == 3


def schedule(tmp_path: Path, engine: str, method: str, count: int, *packages: str) -> None:
    """A sweep of so many runs, searched by `wandb sweep-scheduler`."""
    config = {"method": method, "metric": METRIC, "parameters": PARAMETERS, "run_cap": count,
              "scheduler": {"engine": engine}}
    with start_server(tmp_path) as server:
        (name,) = make(server, tmp_path, config)
        did = run_beside(server, tmp_path, SCHEDULER, name, *packages)
        (found,) = results(server, tmp_path, name)
    check_searched(found, count, others="killed")
    assert len(did["seen"]) == count


@pytest.mark.timeout(900)
def test_the_scheduler_of_the_client_searches(tmp_path: Path) -> None:
    schedule(tmp_path, "wandb", "random", 5, SWEEPS)


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize(("engine", "method", "package"), [
    ("wandb", "bayes", SWEEPS), ("optuna", "custom", "optuna"), ("ax", "custom", "ax-platform")])
def test_every_engine_of_the_scheduler_searches(tmp_path: Path, engine: str, method: str, package: str) -> None:
    schedule(tmp_path, engine, method, 15, package)


ENQUEUE = """
    import json, wandb
    sweep = wandb.Api().sweep("swept/SWEEP")
    queued = [sweep.enqueue_run({"x": 2}), sweep.enqueue_run({"x": {"value": 5}}, display_name="mine")]
    try:
        wandb.Api().sweep("swept/OTHER").enqueue_run({"x": 1})
    except Exception as error:
        refused = str(error)
    print("READ " + json.dumps([[str(one) for one in queued], refused]))
"""
FINISH = """
    import wandb
    from wandb.cli.cli import cli
    cli(["sweep", "--stop", "local/swept/SWEEP"])
"""


@pytest.mark.timeout(600)
def test_runs_are_put_in_line(tmp_path: Path) -> None:
    config = {"method": "custom", "parameters": PARAMETERS, "scheduler": {"engine": "optuna"}}
    with start_server(tmp_path) as server:
        name, other = make(server, tmp_path, config, grid(2))
        _, refused = read_of(run_script(VERSION, server, tmp_path, ENQUEUE.replace("SWEEP", name).replace(
            "OTHER", other)))
        with start_script(VERSION, server, tmp_path, function(sweeps=[name])) as agent:
            while [run["state"] for run in results(server, tmp_path, name)[0]["runs"]] != ["finished"] * 2:
                """The agent waits for more then."""
            run_script(VERSION, server, tmp_path, FINISH.replace("SWEEP", name))
            did = read_of(agent.finished(120))
        (found,) = results(server, tmp_path, name)
    assert f"sweep {other} is not using local scheduler" in refused
    assert [run["config"] for run in found["runs"]] == [{"x": 2}, {"x": 5}]
    assert [x for _, x in did["seen"]] == [2, 5]
    assert found["state"] == "FINISHED"


CHANGE = """
    import json, subprocess, sys
    import wandb

    def cli(*args):
        done = subprocess.run([sys.executable, "-m", "wandb", "sweep", *args], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def write(values):
        with open("sweep.yaml", "w") as file:
            json.dump({"method": "grid", "program": "train.py", "parameters": {"x": {"values": values}}}, file)

    write([1, 2])
    cli("--update", "local/swept/SWEEP", "sweep.yaml")
    states = []
    for action in ("--pause", "--resume", "--cancel"):
        cli(action, "local/swept/SWEEP")
        states.append(wandb.Api().sweep("swept/SWEEP").state)
    print("READ " + json.dumps([states, wandb.Api().sweep("swept/SWEEP").config]))
"""


@pytest.mark.timeout(600)
def test_a_sweep_is_changed_by_the_command(tmp_path: Path) -> None:
    """Canceled, its agents are told to stop what they run, and leave."""
    with start_server(tmp_path) as server:
        (name,) = make(server, tmp_path, grid(4))
        with start_script(VERSION, server, tmp_path, function(1000, 0.1, sweeps=[name])) as agent:
            while not results(server, tmp_path, name)[0]["runs"]:
                """It is starting."""
            states, config = read_of(run_script(VERSION, server, tmp_path, CHANGE.replace("SWEEP", name)))
            did = read_of(agent.finished(240))
        (found,) = results(server, tmp_path, name)
    assert states == ["PAUSED", "RUNNING", "CANCELED"]
    assert config["parameters"] == {"x": {"values": [1, 2]}}
    assert (did["seen"], did["began"]) == ([], 1)
    assert [run["state"] for run in found["runs"]] == ["killed"]
