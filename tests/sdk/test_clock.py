"""What takes the server minutes or days, without them: its clock is moved."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dumbbell_server.admin.client import AdminClient
from support.live import Live
from support.sdk import start_script
from support.server import Server, start_server

pytestmark = pytest.mark.sdk

STATE = 'query { project(name: "clock") { run(name: "killed") { state } } }'
KILLED = """
    import os
    import time
    import wandb

    run = wandb.init(project="clock", id="killed")
    run.log({"loss": 1})
    open(os.environ["MARK"], "w").close()
    time.sleep(600)
"""


def state(asks: Live) -> str | None:
    project = asks.gql(STATE)["project"]
    return project and project["run"] and str(project["run"]["state"])


@pytest.mark.parametrize("version", ["0.31.0", "0.18.7"])
def test_a_killed_script_has_crashed_after_five_minutes(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path, DUMBBELL_ADMIN_PORT="0") as server:
        _crash(version, server, tmp_path)


def _crash(version: str, server: Server, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    asks = Live(server)
    with start_script(version, server, tmp_path, KILLED, {"MARK": str(mark)}) as script, asks.client, \
            AdminClient(server.admin_url or "", server.admin_token or "") as admin:
        while not mark.exists():
            assert script.process.poll() is None
            time.sleep(0.05)
        script.kill()  # and the SDK's service, which would tell the server
        admin.freeze()
        admin.advance(290)
        assert state(asks) == "running"
        admin.advance(11)
        assert state(asks) == "crashed"
