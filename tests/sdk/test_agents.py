"""Agents of the real client: `wandb.agent` with a function, and the command `wandb agent`."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from support.sdk import read_of, run_script, start_script
from support.server import Server, start_server
from support.sweep_scripts import METRIC, PARAMETERS, check_grid, check_searched, command, function, grid, make, results

ALL = ["0.31.0", "0.28.2", "0.12.21"]
SOME = ["0.31.0", "0.12.21"]


@pytest.mark.parametrize("version", SOME)
@pytest.mark.timeout(600)
def test_a_function_does_the_runs_of_sweeps(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        random = {"method": "random", "metric": METRIC, "run_cap": 4, "parameters": PARAMETERS}
        names = make(server, tmp_path, grid(4), random, version=version)
        did = read_of(run_script(version, server, tmp_path, function(sweeps=names), timeout=300))
        gone_through, searched = results(server, tmp_path, *names)
    check_grid(gone_through, 4)
    check_searched(searched, 4)
    ran = [[run["id"], run["config"]["x"]] for run in gone_through["runs"] + searched["runs"]]
    assert did["seen"] == ran
    assert [run["loss"] for run in gone_through["runs"]] == [10, 5, 2, 1]
    assert gone_through["agents"] == [["FINISHED", 4]]


HYPERBAND = {"method": "grid", "metric": METRIC, "parameters": {"x": {"values": [3, 9]}},
             "early_terminate": {"type": "hyperband", "min_iter": 2, "eta": 3}}


@pytest.mark.parametrize("version", SOME)
@pytest.mark.timeout(600)
def test_the_worse_run_is_stopped(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        names = make(server, tmp_path, HYPERBAND, version=version)
        did = read_of(run_script(version, server, tmp_path, function(60, 0.1, sweeps=names), timeout=300))
        (found,) = results(server, tmp_path, *names)
    check_stopped(found)
    assert (len(did["seen"]), did["began"]) == (1, 2)


def check_stopped(found: Any) -> None:
    """The first run is as good as can be, and so goes on to its end; the other was stopped on the way."""
    first, other = found["runs"]
    assert (first["rows"], first["state"], found["state"]) == (60, "finished", "FINISHED"), found
    assert 2 <= other["rows"] < 60, found
    assert other["state"] == "killed", found


@pytest.mark.parametrize("version", SOME)
@pytest.mark.timeout(600)
def test_the_command_runs_the_program(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        (name,) = make(server, tmp_path, grid(3, program="train.py"), version=version)
        run_command(version, server, tmp_path, name)
        (found,) = results(server, tmp_path, name)
    check_grid(found, 3)
    assert [run["said"] for run in found["runs"]] == ["--x=0", "--x=1", "--x=2"]


def run_command(version: str, server: Server, folder: Path, name: str) -> None:
    finished = run_script(version, server, folder, command(name), timeout=500)
    assert finished.returncode == 0, str(finished)




@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("version", ALL)
def test_long_sweeps_come_to_their_end(version: str, tmp_path: Path) -> None:
    searched = {"metric": METRIC, "parameters": PARAMETERS, "program": "train.py"}
    configs = [grid(12, program="train.py"), {"method": "random", "run_cap": 20, **searched},
               {"method": "bayes", "run_cap": 30, **searched}]
    with start_server(tmp_path) as server:
        names = make(server, tmp_path, *configs, version=version)
        began = time.monotonic()
        run_script(version, server, tmp_path, function(sweeps=names), timeout=2000)
        by_function = time.monotonic() - began
        others = make(server, tmp_path, *configs, version=version)
        for name in others:
            run_command(version, server, tmp_path, name)
        found = results(server, tmp_path, *names, *others)
        stopped = make(server, tmp_path, HYPERBAND, version=version)
        run_script(version, server, tmp_path, function(60, 0.1, sweeps=stopped), timeout=900)
        check_stopped(*results(server, tmp_path, *stopped))
    for gone_through, random, bayes in (found[:3], found[3:]):
        check_grid(gone_through, 12)
        check_searched(random, 20)
        check_searched(bayes, 30)
        best = [min((run["config"]["x"] - 3) ** 2 for run in one["runs"]) for one in (random, bayes)]
        print(f"{version}: best of random {best[0]:.4f}, of bayes {best[1]:.6f}; by function {by_function:.0f} s")
        assert best[1] < 0.01


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("version", ALL)
def test_four_agents_share_a_grid_whatever_dies(version: str, tmp_path: Path) -> None:
    """One of them is killed with its run, and the server too, and started again."""
    settings = {"DUMBBELL_AGENT_TIMEOUT": "15", "DUMBBELL_HEARTBEAT_TIMEOUT": "600"}
    with start_server(tmp_path, **settings) as server:
        port = int(server.base_url.rpartition(":")[2])
        (name,) = make(server, tmp_path, grid(12), version=version)
        with contextlib.ExitStack() as stack:
            agents = [stack.enter_context(start_script(version, server, tmp_path, function(20, 0.2, sweeps=[name])))
                      for _ in range(4)]
            _wait_for_runs(server, tmp_path, name, 4)
            agents[0].kill()
            _wait_for_runs(server, tmp_path, name, 6)
            server.kill()
            time.sleep(3)
            with start_server(tmp_path, port, **settings) as again:
                ended = [agent.finished(900) for agent in agents[1:]]
                assert [one.returncode for one in ended] == [0, 0, 0], "\n".join(map(str, ended))
                (found,) = results(again, tmp_path, name)
    check_grid(found, 12)
    print(f"{version}: {Counter(run['state'] for run in found['runs'])}, agents {found['agents']}")


def _wait_for_runs(server: Server, folder: Path, name: str, count: int) -> None:
    deadline = time.monotonic() + 300
    while len(results(server, folder, name)[0]["runs"]) < count:
        assert time.monotonic() < deadline, f"there are no {count} runs of sweep {name}"
        time.sleep(1)
