"""What wandb makes of the user and of names that nobody has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.sdk import run_script
from support.server import start_server

pytestmark = pytest.mark.sdk

TEAM = """
    import json
    import wandb

    team = wandb.Api().team("nobody-so-far")
    print("READ " + json.dumps([team.name, team.available, team.members]))
"""
CODE = """
    import json
    import sys
    import wandb

    found = []
    for number, more in enumerate(({}, {"save_code": True}, {"save_code": False})):
        with wandb.init(project="code", id=f"r{number}", settings=wandb.Settings(**more)) as run:
            run.log({"a": 1})
        names = sorted(file.name for file in wandb.Api().run(f"local/code/r{number}").files())
        found.append([name for name in names if name.startswith("code/")])
    print("READ " + json.dumps(found))
"""


def _read(version: str, tmp_path: Path, script: str) -> list[object]:
    with start_server(tmp_path) as server:
        finished = run_script(version, server, tmp_path, script)
    assert finished.returncode == 0, finished
    read: list[object] = json.loads(finished.line("READ ").removeprefix("READ "))
    return read


@pytest.mark.parametrize("version", ["0.31.0", "0.22.3", "0.12.21"])
def test_a_team_of_a_name_that_nobody_has_is_empty(version: str, tmp_path: Path) -> None:
    assert _read(version, tmp_path, TEAM) == ["nobody-so-far", True, []]


@pytest.mark.parametrize("version", ["0.31.0", "0.22.3"])
def test_the_script_says_whether_its_code_is_saved(version: str, tmp_path: Path) -> None:
    plain, saved, unsaved = _read(version, tmp_path, CODE)
    assert (plain, unsaved) == ([], [])
    assert isinstance(saved, list)
    assert [name.endswith(".py") for name in saved] == [True]
