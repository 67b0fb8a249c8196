"""Runs that begin inside another one: rewound runs and forks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.sdk import run_script
from support.server import start_server

pytestmark = pytest.mark.sdk

REWIND = """
    import json
    import wandb

    with wandb.init(project="branches", id="trunk", config={"lr": 1}) as run:
        for step in range(6):
            run.log({"value": step, "old": True})
    with wandb.init(project="branches", resume_from="trunk?_step=2") as run:
        for value in (30, 40):
            run.log({"value": value})
    read = wandb.Api().run("local/branches/trunk")
    print("READ " + json.dumps({
        "rows": [[row["_step"], row["value"]] for row in read.scan_history(keys=["_step", "value"])],
        "sampled": [row["value"] for row in read.history(pandas=False)],
        "value": read.summary["value"],
        "state": read.state,
        "lr": read.config["lr"],
    }))
"""
FORK = """
    import json
    import wandb

    with wandb.init(project="branches", id="trunk", config={"lr": 1}) as run:
        for step in range(6):
            run.log({"value": step})
    with wandb.init(project="branches", id="branch", fork_from="trunk?_step=2") as run:
        for value in (30, 40):
            run.log({"value": value})
    api = wandb.Api()
    print("READ " + json.dumps({
        name: [[row["_step"], row["value"]] for row in api.run(f"local/branches/{name}").scan_history()]
        for name in ("trunk", "branch")
    }))
"""


def read_of(stdout: str) -> str:
    """What a script said it read; the SDK may print after it."""
    [line] = [line for line in stdout.splitlines() if line.startswith("READ ")]
    return line.removeprefix("READ ")


@pytest.mark.parametrize("version", ["0.31.0", "0.18.7"])
def test_rewound_run_keeps_rows_up_to_the_step(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        finished = run_script(version, server, tmp_path, REWIND)
    assert finished.returncode == 0, finished
    assert json.loads(read_of(finished.stdout)) == {
        "rows": [[0, 0], [1, 1], [2, 2], [3, 30], [4, 40]],
        "sampled": [0, 1, 2, 30, 40],
        "value": 40,
        "state": "finished",
        "lr": 1,
    }


@pytest.mark.parametrize("version", ["0.31.0", "0.18.7"])
def test_fork_shows_its_parent_up_to_the_step(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        finished = run_script(version, server, tmp_path, FORK)
    assert finished.returncode == 0, finished
    assert json.loads(read_of(finished.stdout)) == {
        "trunk": [[step, step] for step in range(6)],
        "branch": [[0, 0], [1, 1], [2, 2], [3, 30], [4, 40]],
    }
