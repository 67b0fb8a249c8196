"""The steps of the action and of docs/ci.md, as a runner runs them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

import dumbbell
from support.repository import ROOT

OWN = Path(sys.executable).parent


def steps(action: str) -> dict[str, dict[str, Any]]:
    return {step["name"]: step for step in yaml.safe_load((ROOT / action).read_text())["runs"]["steps"]}


def environment(folder: Path, **more: str) -> dict[str, str]:
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "DUMBBELL_"))}
    return outer | {"PATH": f"{OWN}:{os.environ['PATH']}", "HOME": str(folder)} | more


def bash(script: str, folder: Path, env: Mapping[str, str]) -> str:
    with (folder / "out").open("w+b") as out:  # a pipe would stay open as long as the server does
        code = subprocess.run(["bash", "-eo", "pipefail", "-c", script], cwd=folder, env=env, stdout=out,
                              stderr=subprocess.STDOUT, timeout=90, check=False).returncode
        out.seek(0)
        said = out.read().decode()
    assert code == 0, said
    return said


@pytest.fixture
def job(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The variables that steps after the action have, with the server running."""
    (tmp_path / "mine.dumbbell.yaml").write_text("projects: [{entity: local, name: mine, runs: [{id: a}]}]\n")
    files = {name: str(tmp_path / name) for name in ("GITHUB_ENV", "GITHUB_OUTPUT")}
    env = environment(tmp_path, SEED="mine.dumbbell.yaml", PORT="0", FOLDER=str(tmp_path), **files)
    said = bash(steps("action.yml")["Start"]["run"], tmp_path, env)
    found = dict(line.split("=", 1) for line in Path(files["GITHUB_ENV"]).read_text().splitlines())
    assert said.count("::add-mask::") == 2
    assert f"base-url={found['WANDB_BASE_URL']}\n" == Path(files["GITHUB_OUTPUT"]).read_text()
    yield found
    end(int(found["DUMBBELL_PID"]))


def end(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_action_serves_and_saves(job: dict[str, str], tmp_path: Path) -> None:
    api = dumbbell.Api({"base_url": job["WANDB_BASE_URL"]}, api_key=job["WANDB_API_KEY"])
    assert [run.id for run in api.runs("local/mine")] == ["a"]
    bash(steps("save/action.yml")["Save"]["run"], tmp_path,
         environment(tmp_path, FOLDER="saved", LOGS=str(tmp_path), **job))
    assert (tmp_path / "saved/fixture/local/mine/runs/a/run.dumbbell.json").is_file()
    assert (tmp_path / "saved/dumbbell.log").is_file()


def test_a_server_that_does_not_start_fails_the_step(tmp_path: Path) -> None:
    env = environment(tmp_path, SEED="nothing.dumbbell.yaml", PORT="0", FOLDER=str(tmp_path),
                      GITHUB_ENV=str(tmp_path / "env"), GITHUB_OUTPUT=str(tmp_path / "output"))
    with pytest.raises(AssertionError, match="neither a fixture that is shipped"):
        bash(steps("action.yml")["Start"]["run"], tmp_path, env)


def test_the_script_for_gitlab(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "ci.md").read_text(), re.DOTALL)
    [recipe] = [yaml.safe_load(block)["test"] for block in blocks if "before_script" in block]
    before = [line for line in recipe["before_script"] if not line.startswith("pip install")]
    before[0] = re.sub(r"port \d+", "port 0", before[0])  # the machine may have others there
    check = ('test "$WANDB_BASE_URL" = http://localhost:8080; test ${#WANDB_API_KEY} -ge 40; '
             'python -c "import json; print(\'PID\', json.load(open(\'ready.json\'))[\'pid\'])"')
    said = bash("\n".join([*before, check, *recipe["after_script"]]), tmp_path,
                environment(tmp_path, DUMBBELL_DATA_DIR=".dumbbell"))
    end(int(said.partition("PID ")[2].split()[0]))
    assert (tmp_path / "saved" / "accounts.dumbbell.json").is_file()
