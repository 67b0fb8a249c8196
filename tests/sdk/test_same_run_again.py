"""What is logged again under an id replaces what was there, and is never there twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.sdk import run_script
from support.server import start_server

pytestmark = pytest.mark.sdk

SYNC = """
    import glob
    import json
    import os
    import subprocess
    import sys
    import wandb

    with wandb.init(project="again", id="synced", mode="offline") as run:
        for step in range(40):
            run.log({"value": step})
    [folder] = glob.glob(os.path.join(os.environ["WANDB_DIR"], "wandb", "offline-run-*"))
    counts = []
    for _ in range(3):
        subprocess.run([sys.executable, "-m", "wandb", "sync", "--include-synced", folder], check=True)
        read = wandb.Api().run("local/again/synced")
        rows = [row["value"] for row in read.scan_history(use_cache=False)] if "0.31" in wandb.__version__ else [
            row["value"] for row in read.scan_history()]
        counts.append([rows == list(range(40)), read.state])
    print("READ " + json.dumps(counts))
"""
OVER = """
    import json
    import wandb

    for round in range(2):
        with wandb.init(project="again", id="over") as run:
            for step in range(5 - round):
                run.log({"value": step + 10 * round})
    read = wandb.Api().run("local/again/over")
    print("READ " + json.dumps([[row["_step"], row["value"]] for row in read.scan_history()]))
"""


@pytest.mark.parametrize("version", ["0.31.0", "0.18.7"])
def test_an_offline_run_synced_again_has_its_rows_once(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        finished = run_script(version, server, tmp_path, SYNC)
    assert finished.returncode == 0, finished
    assert json.loads(finished.line("READ ").removeprefix("READ ")) == [[True, "finished"]] * 3


@pytest.mark.parametrize("version", ["0.31.0", "0.18.7"])
def test_a_run_started_over_has_its_new_rows_only(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        finished = run_script(version, server, tmp_path, OVER)
    assert finished.returncode == 0, finished
    assert json.loads(finished.line("READ ").removeprefix("READ ")) == [[0, 10], [1, 11], [2, 12], [3, 13]]
