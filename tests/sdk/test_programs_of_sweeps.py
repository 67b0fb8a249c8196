"""The program of a sweep uses `wandb`, and `dumbbell agent` starts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import dumbbell
from dumbbell_server.releases import python_of
from support.sdk import _environment
from support.server import start_server

pytestmark = pytest.mark.sdk

TRAIN = """
import sys, wandb

with wandb.init() as run:
    assert sys.argv[1:] == [f"--x={run.config.x}"], (sys.argv, dict(run.config))
    for step in range(3):
        run.log({"loss": run.config.x - step})
    if run.config.x == 2:
        raise RuntimeError("cannot learn")
"""


@pytest.mark.parametrize("version", ["0.31.0", "0.12.21"])
def test_a_program_that_logs_by_wandb_is_started_once_a_run(version: str, tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    (tmp_path / "train.py").write_text(TRAIN)
    with start_server(tmp_path / "server") as server:
        api = dumbbell.Api({"base_url": server.base_url}, api_key=server.api_key)
        path = "swept/" + dumbbell.sweep({
            "method": "grid", "program": "train.py", "metric": {"name": "loss"},
            "command": [str(python_of(version)), "${program}", "${args}"],
            "parameters": {"x": {"values": [1, 2, 3]}}}, project="swept", api=api)
        done = subprocess.run([sys.executable, "-m", "dumbbell", "agent", path], cwd=tmp_path, timeout=240, text=True,
                              env=_environment(tmp_path, server), capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        sweep = api.sweep(path)
        runs = sweep.runs[::-1]
        assert [(run.config["x"], run.state, run.summary["loss"]) for run in runs] == [
            (1, "finished", -1), (2, "failed", 0), (3, "finished", 1)]
        assert [row["loss"] for row in runs[0].scan_history(keys=["loss"])] == [1, 0, -1]
        assert [agent.total_runs for agent in sweep.agents()] == [3]
        assert (sweep.state, len(sweep.runs)) == ("FINISHED", 3)
