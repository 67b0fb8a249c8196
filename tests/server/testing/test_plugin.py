"""The pytest plugin, in a pytest of its own. `wandb` itself is in tests/sdk/test_downstream.py."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import httpx2
import psutil
import pytest

from dumbbell_server.testing import Server

OPTIONS = ["-p", "no:cacheprovider", "--strict-markers", "-W", "error", "-rA",
           "--import-mode=importlib"]
LOG = """
import os, pathlib, threading, urllib.request
import pytest
import dumbbell

def log(project="p", run="r"):
    api = dumbbell.Api()
    api.client.execute("mutation U($input: UpsertBucketInput!) { upsertBucket(input: $input) { inserted } }",
                       {"input": {"modelName": project, "name": run, "config": '{"lr": {"value": 0.5}}'}})

def ask(host):
    urllib.request.urlopen(urllib.request.Request(f"http://{host}/graphql", headers={"authorization": "the-key"}))
"""
SECONDS = 30


def run(folder: Path, source: str, *options: str, **env: str) -> tuple[int, str]:
    """The exit code and what it printed."""
    (folder / "test_inner.py").write_text(LOG + textwrap.dedent(source))
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "WANDB_"))}
    done = subprocess.run([sys.executable, "-m", "pytest", *OPTIONS, *options], cwd=folder, env=outer | env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=240)
    return done.returncode, done.stdout


def test_a_test_is_a_user_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password the-real-key")
    code, said = run(tmp_path, """
        seen = {}

        def test_before():
            seen.update(os.environ)

        @pytest.mark.parametrize("number", [1, 2])
        def test_fresh(wandb_env, dumbbell_api, number):
            assert wandb_env.runs() == []
            log()
            assert [run.config["lr"] for run in wandb_env.runs("p")] == [0.5]
            assert dumbbell.Api().viewer.entity == dumbbell_api.viewer.entity == wandb_env.entity
            assert wandb_env.entity not in seen
            seen[wandb_env.entity] = ""
            os.environ["WANDB_SERVICE"] = os.environ["_WANDB_STARTUP_DEBUG"] = "of the SDK"

        def test_nothing_of_the_outer_environment(wandb_env, dumbbell_server):
            names = {"MODE", "PROJECT", "SERVICE"}
            assert not names & {name.removeprefix("WANDB_") for name in os.environ}
            assert pathlib.Path(os.environ["NETRC"]).read_text() == ""
            assert os.environ["WANDB_BASE_URL"] == dumbbell_server.base_url

        def test_after():
            before = {name: value for name, value in seen.items() if not name.startswith(("test_", "PYTEST_"))}
            assert {name: os.environ.get(name) for name in before} == before
            assert "WANDB_SERVICE" not in os.environ and "_WANDB_STARTUP_DEBUG" not in os.environ
        """, WANDB_MODE="disabled", WANDB_PROJECT="other", NETRC=str(tmp_path / "netrc"), WANDB_API_KEY="x" * 40)
    assert code == 0, said
    assert "5 passed" in said


def test_a_failure_shows_the_runs(tmp_path: Path) -> None:
    code, said = run(tmp_path, """
        def test_with_a_run(wandb_env):
            log("mine", "one")
            assert False

        def test_without(wandb_env):
            assert False
        """)
    assert code == 1
    assert re.search(r"test_\w{35}/mine/one running, last step -1, summary {}, config {'lr': 0.5}", said), said
    assert re.search(r"none: nothing was logged to the entity test_\w{35}", said), said


def test_other_hosts_of_wandb_are_not_reached(tmp_path: Path) -> None:
    """In the test, behind its `except`, in a thread, at its end; and the one that the environment named before."""
    code, said = run(tmp_path, """
        def asks(host):
            try:
                ask(host)
            except Exception:
                pass

        def test_plain(wandb_env):
            ask("api.wandb.ai")

        def test_swallowed(wandb_env):
            asks("eu.WANDB.ai.")

        def test_thread(wandb_env):
            thread = threading.Thread(target=asks, args=("api.wandb.ai",))
            thread.start()
            thread.join()

        @pytest.fixture
        def late(wandb_env):
            yield
            asks("api.wandb.ai")

        def test_late(late):
            pass

        def test_own_of_the_environment(wandb_env):
            asks("wandb.our-lab.example")

        def test_the_next_is_fine(wandb_env):
            log()
        """, WANDB_BASE_URL="https://wandb.our-lab.example")
    assert code == 1, said
    assert "4 failed, 2 passed, 1 error" in said, said
    assert len(re.findall(r"the test asked api\.wandb\.ai for something, and was refused", said)) >= 3
    assert "the test asked wandb.our-lab.example for" in said
    assert "the-key" not in re.sub(r'.*headers=\{"authorization".*', "", said)


def test_fixtures_by_a_mark(tmp_path: Path) -> None:
    (tmp_path / "own.dumbbell.yaml").write_text(
        "projects: [{entity: local, name: own, user: local, runs: [{id: one, user: local}]}]\n"
        "users: [{name: local, first: true}]\ncreated: 2026-01-05T10:00:00Z\n")
    code, said = run(tmp_path, """
        @pytest.mark.dumbbell(seed=["own.dumbbell.yaml", "empty"])
        def test_seeded(wandb_env, dumbbell_api, dumbbell_server):
            assert wandb_env.entity == "local"
            assert [run.id for run in dumbbell_api.runs("local/own")] == ["one"]
            assert [run.id for run in dumbbell_server.runs("local/own")] == ["one"]

        @pytest.mark.dumbbell(seed="no-such")
        def test_missing(wandb_env):
            pass

        @pytest.mark.dumbbell(sed="own.dumbbell.yaml")
        def test_misspelt(wandb_env):
            pass
        """)
    assert code == 1
    assert "1 passed, 2 errors" in said, said
    assert "no-such" in said
    assert "the mark is dumbbell(seed=...), with a fixture's name or path, not {'sed': 'own.dumbbell.yaml'}" in said


def test_workers_have_servers_of_their_own_and_nothing_is_left(tmp_path: Path) -> None:
    code, said = run(tmp_path, """
        @pytest.mark.parametrize("number", range(20))
        def test_one(wandb_env, dumbbell_server, number):
            log(run=f"r{number}")
            assert [run.id for run in wandb_env.runs()] == [f"r{number}"]
            pathlib.Path(f"pid-{dumbbell_server.pid}").write_text(str(wandb_env.folder))
        """, "-n", "2")
    assert code == 0, said
    pids = list(tmp_path.glob("pid-*"))
    assert len(pids) == 2
    assert [file for file in pids if psutil.pid_exists(int(file.name[4:])) or Path(file.read_text()).exists()] == []


@pytest.mark.parametrize("workers", ["0", "1"])
def test_after_a_failure_the_server_can_stay(tmp_path: Path, workers: str) -> None:
    code, said = run(tmp_path, "def test_it(wandb_env):\n    assert False", "-n", workers, "--dumbbell-keep")
    assert code == 1
    found = re.search(r"dumbbell: (http://\S+) goes on; end it with: kill (\d+); its data: (\S+)", said)
    assert found is not None, said
    try:
        assert httpx2.get(found[1], trust_env=False).status_code < 400
        assert Path(found[3]).is_dir()
    finally:
        os.kill(int(found[2]), signal.SIGTERM)
    deadline = time.monotonic() + SECONDS
    while psutil.pid_exists(int(found[2])):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    shutil.rmtree(found[3])


def test_a_server_that_is_there(tmp_path: Path) -> None:
    source = """
        def test_it(wandb_env, dumbbell_server):
            assert dumbbell_server.pid is None
            log()
            assert len(wandb_env.runs()) == 1
        """
    with Server() as server:
        code, said = run(tmp_path, source, f"--dumbbell-url={server.base_url}",
                         f"--dumbbell-admin-url={server.admin_url}")
        assert code == 0, said
        code, said = run(tmp_path, source, DUMBBELL_URL=server.base_url, DUMBBELL_ADMIN_URL=server.admin_url)
        assert code == 0, said
        code, said = run(tmp_path, source, DUMBBELL_URL=server.base_url)
        assert "known without its admin port, which makes users; say DUMBBELL_ADMIN_URL" in said
        assert server.admin.info()["counts"]["users"] == 3


def test_without_the_server_it_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("import sys\nsys.modules['strawberry'] = None\n")
    code, said = run(tmp_path, "def test_it(wandb_env): pass\ndef test_other(): pass")
    assert "1 passed, 1 error" in said
    assert "the fixtures of dumbbell need its server: pip install 'dumbbell[server]'" in said
    assert "Traceback" not in said
    assert code == 1


def test_a_pytest_that_asks_for_nothing_loads_nothing(tmp_path: Path) -> None:
    """Of packages that its own imports have not brought."""
    (tmp_path / "test_none.py").write_text("""
import sys
def test_none():
    ours = {name for name in sys.modules if name.partition(".")[0] in {"dumbbell", "dumbbell_server"}}
    assert ours == {"dumbbell_server", "dumbbell_server.testing", "dumbbell_server.testing.plugin"}
    assert not {"pydantic", "httpx2", "typer", "wandb"} & sys.modules.keys()
""")
    done = subprocess.run([sys.executable, "-m", "pytest", *OPTIONS], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("wanted", ["0.28.2,new", "latest", ","])
def test_a_release_that_is_none_is_refused(tmp_path: Path, wanted: str) -> None:
    code, said = run(tmp_path, "def test_it(): pass", f"--dumbbell-sdk={wanted}")
    assert code == 4
    assert "takes versions of wandb with commas between, such as 0.28.2,0.31.0, and not" in said
