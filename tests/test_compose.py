"""`docker compose up` as a user runs it: the SDK on the host, the server in its container."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.sdk import run_script

ROOT = Path(__file__).parents[1]
LOG = """
    import pathlib
    import wandb

    run = wandb.init(project="composed", id="kept", config={"lr": 0.1})
    for step in range(100):
        run.log({"loss": 1 / (step + 1)})
    pathlib.Path("notes.txt").write_text("kept")
    wandb.save("notes.txt")
    run.finish()
"""
READ = """
    import json
    import wandb

    read = wandb.Api().run("local/composed/kept")
    with read.file("notes.txt").download(root="read", replace=True) as opened:
        notes = opened.read()
    print(json.dumps({"state": read.state, "lr": read.config["lr"], "loss": read.summary["loss"],
                      "steps": [row["_step"] for row in read.scan_history()], "notes": notes,
                      "demo": sorted(project.name for project in wandb.Api().projects("local"))}))
"""


@dataclass(frozen=True)
class Composed:
    """A running composition, under a name of its own."""

    project: str
    base_url: str
    api_key: str
    environment: dict[str, str]

    def compose(self, *arguments: str) -> str:
        command = ["docker", "compose", "--project-name", self.project, *arguments]
        finished = subprocess.run(command, cwd=ROOT, env=self.environment, text=True, capture_output=True, check=False)
        assert finished.returncode == 0, f"{' '.join(command)}\n{finished.stdout}\n{finished.stderr}"
        return finished.stdout

    def up(self) -> None:
        self.compose("up", "--detach", "--build", "--wait", "--wait-timeout", "180")


@pytest.fixture
def composed() -> Iterator[Composed]:
    if shutil.which("docker") is None:
        pytest.fail("--compose needs the docker command")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key = "composed" + "0" * 32
    environment = os.environ | {"DUMBBELL_PORT": str(port), "DUMBBELL_API_KEY": key}
    running = Composed(f"dumbbell-test-{os.getpid()}", f"http://127.0.0.1:{port}", key, environment)
    with contextlib.ExitStack() as stack:
        stack.callback(running.compose, "down", "--volumes", "--rmi", "local")
        running.up()
        yield running


@pytest.mark.compose
@pytest.mark.sdk
@pytest.mark.timeout(900)
def test_a_killed_container_comes_back_with_everything(composed: Composed, tmp_path: Path) -> None:
    logged = run_script("0.31.0", composed, tmp_path, LOG)
    assert logged.returncode == 0, logged
    before = run_script("0.31.0", composed, tmp_path, READ)
    assert before.returncode == 0, before
    read = json.loads(before.last_line)
    assert (read["state"], read["lr"], read["loss"], read["notes"]) == ("finished", 0.1, 0.01, "kept")
    assert read["steps"] == list(range(100))
    assert "composed" in read["demo"]
    assert len(read["demo"]) > 1, "the demo fixture was not seeded"

    composed.compose("kill", "--signal", "KILL")
    composed.up()

    after = run_script("0.31.0", composed, tmp_path, READ)
    assert after.returncode == 0, after
    assert json.loads(after.last_line) == read
