"""`pip install dumbbell` brings the client and little else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.sdk

ROOT = Path(__file__).parents[1]
PACKAGES = 15
MEBIBYTES = 20
BROUGHT_BY_VENV = {"pip", "setuptools"}
MEASURE = """
import importlib.metadata, json, pathlib, sysconfig
names = sorted({found.name for found in importlib.metadata.distributions()})
files = pathlib.Path(sysconfig.get_path("purelib")).rglob("*")
own = [path for path in files if not {"pip", "setuptools", "pkg_resources"} & set(path.parts) and path.is_file()]
print(json.dumps([names, sum(path.stat().st_size for path in own)]))
"""


class Environment:
    """A virtual environment of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        outer = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST_"))}
        return subprocess.run([str(self.folder / "bin" / program), *arguments], cwd=self.folder, env=outer, text=True,
                              capture_output=True, check=False)

    def install(self, *wanted: str) -> None:
        done = self.run("python", "-m", "pip", "install", "--disable-pip-version-check", "-q", *wanted)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    made = Environment(tmp_path_factory.mktemp("light"))
    made.install(str(ROOT))
    return made


def test_it_is_few_packages_and_small(light: Environment) -> None:
    names, size = json.loads(light.run("python", "-c", MEASURE).stdout)
    packages = set(names) - BROUGHT_BY_VENV
    assert "dumbbell" in packages
    assert len(packages) <= PACKAGES, packages
    assert size <= MEBIBYTES << 20


def test_the_client_is_whole(light: Environment) -> None:
    source = "import dumbbell; [getattr(dumbbell, name) for name in dumbbell.__all__]; print(dumbbell.Api)"
    done = light.run("python", "-W", "error", "-c", source)
    assert (done.returncode, done.stdout) == (0, "<class 'dumbbell.api.Api'>\n"), done.stderr


def test_a_command_of_the_server_says_in_a_line_what_to_install(light: Environment) -> None:
    done = light.run("dumbbell", "serve", "--port", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "dumbbell: serve needs the server: pip install 'dumbbell[server]'\n"


def test_the_command_helps_without_the_server(light: Environment) -> None:
    done = light.run("dumbbell", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "pip install 'dumbbell[server]'" in done.stdout
    assert light.run("python", "-m", "dumbbell", "--version").stdout.startswith("dumbbell ")


def test_somebody_elses_tests_run_undisturbed(light: Environment) -> None:
    light.install("pytest")
    test = light.folder / "test_of_somebody.py"
    test.write_text("def test_true() -> None:\n    assert True\n")
    done = light.run("python", "-m", "pytest", "-q", "-W", "error", str(test))
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 passed")
    assert done.stderr == ""
