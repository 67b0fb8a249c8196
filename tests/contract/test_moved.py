"""The questions of the contract, to a server and to those that its project was moved to: the same answers, or a reason.

One is loaded with what was pulled, one was pushed to.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contract.seeded import seed
from contract.test_contract import HERE, NAMES
from dumbbell_server.moving.options import Options
from dumbbell_server.moving.pull import pull
from dumbbell_server.moving.push import push
from support.moving import api_of
from support.server import API_KEY, STILL, Server, start_server

PROJECTS = ("seeded", "swept")

TIMES = "over the protocol nobody can say when a thing was made"
AGENTS = "agents of sweeps are not sent"
SEEDED: dict[str, str] = {}  # none: all that is asked comes back
PUSHED = {
    **dict.fromkeys(["run_created_at", "run_camel_case", "artifact_created_at", "artifact_updated_at",
                     "artifact_collection"], TIMES),
    **dict.fromkeys(["agent_id", "agent_name", "agent_host", "agent_state", "agent_total_runs", "agent_totalRuns",
                     "agent_created_at", "agent_heartbeat_at", "agent_of_a_sweep_by_id", "agents_of_a_sweep",
                     "agent_repr", "agent_runs", "agent_runs_by_pages", "agent_runs_len"], AGENTS),
}


def _asked(server: Server, folder: Path, names: dict[str, str]) -> dict[str, Any]:
    """What the client gives there, with the server's own names out of it."""
    folder.mkdir()
    facts = json.dumps({"base_url": server.base_url, "key": server.api_key, "names": names})
    environment = {**os.environ, "HOME": str(folder), "WANDB_CACHE_DIR": str(folder / "cache"),
                   "WANDB_BASE_URL": server.base_url, "WANDB_API_KEY": server.api_key}
    done = subprocess.run([sys.executable, str(HERE / "run_cases.py"), "dumbbell", "d", str(folder)], cwd=folder,
                          input=facts, text=True, capture_output=True, env=environment, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    text = (folder / "d.json").read_text().replace(server.base_url, "BASE").replace(str(folder), "FOLDER")
    for name, value in names.items():
        text = text.replace(value, name.upper())
    found: dict[str, Any] = json.loads(text)
    return found


def _sweep_names(server: Server) -> dict[str, str]:
    """The sweeps by their titles, as the cases know them."""
    with api_of(server) as api:
        found = {sweep.name: sweep.id for project in PROJECTS for sweep in api.project(project, "local").sweeps()}
        agents = api.sweep(f"swept/{found['swept']}").agents()
        return {"sweep": found["hunt"], "swept": found["swept"], "elsewhere": found["elsewhere"],
                "agent": agents[0].name if agents else "no-agent"}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("moved")
    for name in ("first", "second", "third", "made"):
        (folder / name).mkdir()
    with start_server(folder / "first", **STILL) as first:
        names = seed(first.base_url, first.api_key, folder / "made")
        for project in PROJECTS:
            with api_of(first) as api:
                assert pull(api, "local", project, folder / project, Options()).left_out == []
        found = {"first": _asked(first, folder / "a", names)}
    for project in PROJECTS:  # accounts are in both folders: together they would be there twice
        done = subprocess.run([sys.executable, "-m", "dumbbell_server", "seed", str(folder / project), "--data-dir",
                               str(folder / "second" / "data")], capture_output=True, text=True, check=False,
                              env={**os.environ, "DUMBBELL_API_KEY": API_KEY})
        assert done.returncode == 0, done.stderr
    with start_server(folder / "second", **STILL) as second:
        with api_of(second) as api:
            api.create_organization("Guild")
        found["seeded"] = _asked(second, folder / "b", names)
    with start_server(folder / "third", **STILL) as third:
        with api_of(third) as api:
            api.create_organization("Guild")
            for project in PROJECTS:
                assert push(api, folder / project, None, "local", project).left_out == []
        found["pushed"] = _asked(third, folder / "c", _sweep_names(third))
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("way", "differences"), [("seeded", SEEDED), ("pushed", PUSHED)], ids=["seeded", "pushed"])
def test_a_project_that_was_moved_answers_alike(answers: dict[str, dict[str, Any]], way: str,
                                                differences: dict[str, str], name: str) -> None:
    there, here = answers["first"][name], answers[way][name]
    if name in differences:
        assert there != here, f"no difference any more: {differences[name]}"
    else:
        assert here == there


def test_every_difference_is_a_case() -> None:
    assert set(NAMES) >= {*SEEDED, *PUSHED}
