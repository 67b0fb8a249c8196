"""The command `dumbbell`, where the server is installed. Without it: tests/test_light_install.py."""

from __future__ import annotations

import subprocess
import sys

import pytest

import dumbbell
from dumbbell_server.cli import summaries


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "dumbbell", *arguments], text=True, capture_output=True, timeout=60,
                          check=False)


def test_help_lists_the_commands_of_the_server() -> None:
    for option in ("-h", "--help"):
        done = command(option)
        assert (done.returncode, done.stderr) == (0, "")
        shown = [line.split() for line in done.stdout.splitlines()]
        assert set(summaries()) <= {line[0] for line in shown if line}


def test_version() -> None:
    assert command("--version").stdout == f"dumbbell {dumbbell.__version__}\n"


def test_nothing_at_all_shows_the_help_as_an_error() -> None:
    done = command()
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: dumbbell" in done.stderr


@pytest.mark.parametrize("name", sorted(summaries()))
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_a_command_of_the_server_has_its_own_help(name: str, option: str) -> None:
    done = command(name, option)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: dumbbell {name} ")


def test_an_unknown_command_is_refused() -> None:
    done = command("nonsense")
    assert (done.returncode, done.stdout) == (2, "")
    assert "nonsense" in done.stderr


def test_help_imports_neither_the_rest_of_the_client_nor_of_the_server() -> None:
    heavy = ("httpx2", "fastapi", "sqlalchemy", "strawberry", "uvicorn")
    source = f"""if True:
        import runpy, sys
        sys.argv = ["dumbbell", "serve", "--help"]
        try:
            runpy.run_module("dumbbell", run_name="__main__", alter_sys=True)
        except SystemExit:
            print([name for name in {heavy!r} if name in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", source], text=True, capture_output=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
