"""Runs that end in ways other than the usual one, and servers that go away in the middle of a run."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.sdk import Finished, run_script
from support.server import API_KEY, Server, start_server

pytestmark = pytest.mark.sdk

LONG = """
    import os
    import time
    import wandb

    run = wandb.init(project="trouble", id="long")
    for step in range(600):
        run.log({"value": step})
        if step == 5:
            open(os.environ["MARK"], "w").write(str(os.getpid()))
        time.sleep(0.1)
    run.finish()
"""
STEADY = """
    import os
    import time
    import wandb

    run = wandb.init(project="trouble", id="steady")
    for step in range(60):
        run.log({"value": step})
        if step == 10:
            open(os.environ["MARK"], "w").close()
        time.sleep(0.1)
    run.finish()
"""
FOUND = """
    import wandb

    try:
        print("READ", wandb.Api().run("local/trouble/secret").state)
    except (wandb.errors.CommError, ValueError) as error:
        print("refused:", error)
"""


def ask(server: Server, query: str, **variables: Any) -> Any:
    """One GraphQL request, without the SDK."""
    request = urllib.request.Request(f"{server.base_url}/graphql", method="POST", headers={
        "Content-Type": "application/json",
        "Authorization": "Basic " + base64.b64encode(f"api:{server.api_key}".encode()).decode(),
    }, data=json.dumps({"query": query, "variables": variables}).encode())
    with urllib.request.urlopen(request, timeout=10) as response:
        answer = json.load(response)
    assert not answer.get("errors"), answer
    return answer["data"]


def run_of(server: Server, name: str) -> Any:
    found = ask(server, 'query($run: String!) { project(name: "trouble", entityName: "local")'
                        " { run(name: $run) { id state historyLineCount } } }", run=name)
    return found["project"]["run"]


def until(server: Server, name: str, state: str, seconds: float = 30) -> str:
    """The state once it is the wanted one, or after so many seconds."""
    deadline = time.monotonic() + seconds
    while (now := str(run_of(server, name)["state"])) != state and time.monotonic() < deadline:
        time.sleep(0.1)
    return now


class Script(threading.Thread):
    """A script that goes on while the test does something else."""

    def __init__(self, version: str, server: Server, tmp_path: Path, source: str) -> None:
        super().__init__()
        self.mark = tmp_path / "mark"
        self.finished: Finished | None = None
        self._arguments = (version, server, tmp_path, source)
        self.start()

    def run(self) -> None:
        self.finished = run_script(*self._arguments, env={"MARK": str(self.mark)})

    def wait_for_mark(self) -> str:
        deadline = time.monotonic() + 30
        while not self.mark.exists() and time.monotonic() < deadline and self.is_alive():
            time.sleep(0.05)
        time.sleep(0.2)  # it is written after it is made
        return self.mark.read_text()

    def end(self) -> Finished:
        self.join(120)
        assert self.finished is not None
        return self.finished


@contextlib.contextmanager
def again(server: Server) -> Iterator[Server]:
    """The server that was killed, once more on its port and its data."""
    port = server.base_url.rpartition(":")[2]
    ready = server.data_dir.parent / "again.json"
    with server.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dumbbell_server", "serve", "--port", port, "--data-dir", str(server.data_dir),
             "--ready-file", str(ready)], env=os.environ | {"DUMBBELL_API_KEY": API_KEY}, stdin=subprocess.DEVNULL,
            stdout=log, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 30
        while not ready.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert ready.exists(), server.log.read_text()
        yield Server(server.base_url, None, API_KEY, process.pid, process, server.data_dir, server.log)
    finally:
        process.terminate()
        process.wait(20)


def test_killed_script_has_crashed_after_silence(tmp_path: Path) -> None:
    with start_server(tmp_path, DUMBBELL_HEARTBEAT_TIMEOUT="2") as server:
        script = Script("0.31.0", server, tmp_path, LONG)
        pid = int(script.wait_for_mark())
        assert until(server, "long", "running") == "running"
        os.killpg(pid, signal.SIGKILL)  # and the SDK's service, which would tell the server
        finished = script.end()
        state = until(server, "long", "crashed")
    assert finished.returncode == -signal.SIGKILL
    assert state == "crashed"


@pytest.mark.parametrize("version", ["0.31.0", "0.18.7"])
def test_killed_server_loses_nothing(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        script = Script(version, server, tmp_path, STEADY)
        script.wait_for_mark()
        server.kill()
        time.sleep(1)
        with again(server) as back:
            finished = script.end()
            found = ask(back, '{ project(name: "trouble", entityName: "local") { run(name: "steady")'
                              " { state history } } }")["project"]["run"]
    assert finished.returncode == 0, finished
    assert found["state"] == "finished"
    assert [json.loads(row)["value"] for row in found["history"]] == list(range(60))


def test_other_user_sees_no_run_of_a_private_project(tmp_path: Path) -> None:
    other = "other" + "0" * 35
    with start_server(tmp_path, DUMBBELL_FIXTURE_PORT="0") as server:
        made = run_script("0.31.0", server, tmp_path, """
            import wandb
            wandb.init(project="trouble", id="secret").finish()
        """)
        assert made.returncode == 0, made
        body = json.dumps({"command": "up", "username": other}).encode()
        with urllib.request.urlopen(urllib.request.Request(
                f"{server.fixture_url}/db/user", data=body, headers={"content-type": "application/json"}), timeout=10):
            pass
        own = run_script("0.31.0", server, tmp_path, FOUND)
        theirs = run_script("0.31.0", server, tmp_path, FOUND, env={"WANDB_API_KEY": other})
    assert "READ finished" in own.stdout, own
    assert "refused:" in theirs.stdout, theirs
    assert "READ" not in theirs.stdout


@pytest.mark.parametrize("version", ["0.31.0", "0.18.7"])
def test_login_is_verified(version: str, tmp_path: Path) -> None:
    source = """
        import os
        import subprocess
        import sys

        for key in (os.environ.pop("WANDB_API_KEY"), "wrong" + "0" * 35):
            login = subprocess.run([sys.executable, "-m", "wandb", "login", "--verify", "--relogin", "--host",
                                    os.environ["WANDB_BASE_URL"], key], stdin=subprocess.DEVNULL)
            print("READ", login.returncode == 0, flush=True)
    """
    with start_server(tmp_path) as server:
        finished = run_script(version, server, tmp_path, source)
    reads = [line for line in finished.stdout.splitlines() if line.startswith("READ ")]
    assert reads == ["READ True", "READ False"], finished
