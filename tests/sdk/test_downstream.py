"""A project of its own, as users have them, tests itself with the plugin: in a fresh environment, with the real SDK."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from support.repository import ROOT

pytestmark = [pytest.mark.sdk, pytest.mark.timeout(900)]  # it installs two environments

PROJECT = ROOT / "tests" / "downstream"
RELEASES = "0.22.3,0.28.2,0.31.0"
TESTS = 15
MY_PACKAGE = """import wandb

def train(epochs):
    with wandb.init(project="my-project") as run:
        for epoch in range(epochs):
            run.log({"epoch": epoch, "loss": 1 / (epoch + 1)})
"""
SECONDS = 60  # until what the SDK has started has ended


class Downstream:
    """The project and its environment, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.bin = folder / "venv" / "bin"
        shutil.copytree(PROJECT, self.folder, ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        self._run("python", "-m", "pip", "install", "--disable-pip-version-check", "-q", "-c",
                  str(ROOT / "constraints.txt"), f"{ROOT}[server]", f"{self.folder}[test]", "wandb==0.31.0")

    def pytest(self, *options: str, code: int = 0) -> str:
        """What it prints, with this exit code."""
        return self._run("pytest", *options, code=code)

    def left(self) -> list[str]:
        """The processes that were started of this environment and go on."""
        return [" ".join(process.info["cmdline"]) for process in psutil.process_iter(["cmdline"])
                if any(str(self.bin.parent) in part for part in process.info["cmdline"] or ())]

    def _run(self, program: str, *arguments: str, code: int = 0) -> str:
        outer = {name: value for name, value in os.environ.items()
                 if not name.startswith(("PYTHON", "PYTEST_", "WANDB_", "DUMBBELL_"))}
        with (self.folder / "said").open("w+") as out:  # an SDK's service would keep a pipe open
            done = subprocess.run([str(self.bin / program), *arguments], cwd=self.folder, env=outer, stdout=out,
                                  stderr=subprocess.STDOUT, check=False)
            out.seek(0)
            said = out.read()
        assert done.returncode == code, said
        return said


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Downstream:
    return Downstream(tmp_path_factory.mktemp("downstream"))


def nothing_is_left(project: Downstream) -> None:
    deadline = time.monotonic() + SECONDS
    while left := project.left():
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def test_it_is_green_and_its_coverage_is_its_own(project: Downstream) -> None:
    said = project.pytest("-q", "--cov=curve")
    assert f"{TESTS} passed" in said
    measured = dict(re.findall(r"(\w+)\.py +\d+ +\d+ +(\d+)%", said))
    assert measured.keys() == {"__init__", "training", "searching", "reading"}
    assert {measured["searching"], measured["reading"]} == {"100"}
    nothing_is_left(project)


def test_it_is_green_in_two_workers(project: Downstream) -> None:
    assert f"{TESTS} passed" in project.pytest("-q", "-n", "2")
    nothing_is_left(project)


def test_it_runs_on_another_release(project: Downstream) -> None:
    said = project.pytest("-q", "-k", "asked_for or row_an_epoch or worker", "--dumbbell-sdk", "0.28.2")
    assert "3 passed" in said
    assert "wandb 0.28.2 passed" in said
    nothing_is_left(project)


def test_a_release_that_does_not_exist_costs_no_run(project: Downstream) -> None:
    said = project.pytest("-q", "--dumbbell-sdk=0.28.2,0.0.99", code=4)
    assert "wandb==0.0.99 cannot be fetched" in said
    assert "=====" not in said


def test_the_plugin_is_off_by_one_option(project: Downstream) -> None:
    assert "fixture 'wandb_env' not found" in project.pytest("-p", "no:dumbbell", "-k", "row_an_epoch", "-o",
                                                             "addopts=", code=1)


@pytest.mark.parametrize("page", ["README.md", "docs/testing.md"])
def test_what_the_pages_show_runs(project: Downstream, page: str) -> None:
    """Each block is a file of tests, beside a package that logs as they say."""
    blocks = [textwrap.dedent(block) for block in re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(),
                                                             re.MULTILINE | re.DOTALL)
              if "wandb_env" in block or "unittest" in block]
    assert len(blocks) == {"README.md": 1, "docs/testing.md": 3}[page]
    folder = project.folder / page.replace("/", "_")
    folder.mkdir()
    (folder / "my_package.py").write_text(MY_PACKAGE)
    for number, block in enumerate(blocks):
        (folder / f"test_block{number}.py").write_text(block)
    assert f"{len(blocks)} passed" in project.pytest("-q", str(folder))
    nothing_is_left(project)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_it_is_green_again_and_again_and_on_three_releases(project: Downstream) -> None:
    for _ in range(3):
        assert f"{TESTS} passed" in project.pytest("-q", "-n", "2")
    said = project.pytest("-q", f"--dumbbell-sdk={RELEASES}")
    assert said.count(f"{TESTS} passed") == 3
    assert said.rstrip().endswith("wandb 0.22.3 passed, wandb 0.28.2 passed, wandb 0.31.0 passed")
    nothing_is_left(project)
