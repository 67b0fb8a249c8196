"""`dumbbell_server.testing.Server`: a server for a block, without pytest."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from dumbbell.errors import AuthenticationError, NotFoundError
from dumbbell_server.admin.client import AdminError
from dumbbell_server.testing import Account, Server
from dumbbell_server.testing.server import SDK_FOLDER, ServerError

FIXTURE = """created: 2026-01-05T10:00:00Z
users: [{name: local, first: true}]
projects:
  - entity: local
    name: mine
    user: local
    runs:
      - {id: one, user: local, history: {rows: 3, keys: {loss: 1 / (step + 1)}}}
"""
STARTED = """from dumbbell_server.testing import Server
server = Server()
server.start()"""
SECONDS = 30  # that an end may take on a busy machine


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as started:
        yield started


def log_run(account: Account, project: str, run: str) -> None:
    account.api().client.execute("mutation U($input: UpsertBucketInput!) { upsertBucket(input: $input) { inserted } }",
                                 {"input": {"entityName": account.entity, "modelName": project, "name": run}})


def gone(pid: int) -> bool:
    deadline = time.monotonic() + SECONDS
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_block_leaves_no_process_and_no_file() -> None:
    with Server() as server:
        pid, folder = server.pid, server.user().folder
        assert httpx2.get(f"{server.base_url}/ready", trust_env=False).status_code == 200
        assert server.admin.info()["counts"]["users"] == 2
        folder.mkdir(parents=True)
    assert pid is not None
    assert server.pid is None
    assert not psutil.pid_exists(pid)
    assert not folder.parents[1].exists()


def test_it_ends_with_a_process_that_was_killed() -> None:
    source = f"{STARTED}\nimport sys\nprint(server.pid, server.user().folder, flush=True)\nsys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid, folder = parent.stdout.readline().decode().split()
        assert psutil.pid_exists(int(pid))
        assert Path(folder).parents[1].exists()
        parent.kill()
    assert gone(int(pid))
    assert not Path(folder).parents[1].exists()


def test_one_that_is_left_goes_on() -> None:
    source = f"{STARTED}\nprint(server.base_url, server.pid)\nprint(server.leave())"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    facts, said = done.stdout.splitlines()
    base_url, pid = facts.split()
    try:
        assert httpx2.get(f"{base_url}/ready", trust_env=False).status_code == 200
        assert f"kill {pid}" in said
        assert base_url in said
        link = said.partition(" ")[0]
        assert httpx2.get(link, trust_env=False).status_code < 400
    finally:
        os.kill(int(pid), signal.SIGTERM)
    assert gone(int(pid))
    shutil.rmtree(said.rpartition(" ")[2])
    assert done.stderr == ""


def test_each_user_has_their_own(server: Server) -> None:
    one, other = server.user(), server.user()
    log_run(one, "same", "a")
    log_run(other, "same", "b")
    log_run(one, "more", "c")
    assert [run.id for run in one.runs()] == ["a", "c"]
    assert [run.id for run in one.runs("same")] == ["a"]
    assert [run.id for run in server.runs(f"{other.entity}/same")] == ["b"]
    assert one.runs("no-such") == []
    assert other.api().viewer.entity == other.entity
    with pytest.raises(NotFoundError):
        other.api().run(f"{one.entity}/same/a")


def test_what_is_not_about_a_missing_project_is_said(server: Server) -> None:
    wrong = Account(server.base_url, "somebody", "x" * 40, Path("/no-such"))
    with pytest.raises(AuthenticationError):
        wrong.runs("p")


def test_fixtures_by_name_and_by_path(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "mine.dumbbell.yaml"
    file.write_text(FIXTURE)
    server.seed(file, "empty")
    [run] = server.runs("local/mine")
    assert [row["loss"] for row in server.history(run)] == [1, 0.5, 0.333333]
    assert server.history("local/mine/one") == server.history(run) == server.first.history("mine/one")
    with pytest.raises(AdminError, match="no-such"):
        server.seed("no-such")


def test_fixtures_and_settings_from_the_start(tmp_path: Path) -> None:
    file = tmp_path / "mine.dumbbell.yaml"
    file.write_text(FIXTURE)
    with Server(seed=file, user="robin", url_lifetime=77, background=False) as server:
        assert server.first.entity == "robin"
        assert len(server.runs("robin/mine")) == 1


@pytest.mark.parametrize("name", ["heartbeat", "port", "data_dir", "seed_dir"])
def test_a_setting_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=f"'{name}' is no setting .* heartbeat_timeout"):
        Server(**{name: 1})


def test_one_that_cannot_start_says_why() -> None:
    with pytest.raises(ServerError, match="no-such-fixture"), Server(seed="no-such-fixture"):
        pass
    with pytest.raises(ServerError, match="heartbeat_timeout"), Server(heartbeat_timeout="soon"):
        pass


def test_one_that_runs_already(server: Server) -> None:
    with Server.at(server.base_url + "/", server.admin_url) as same:
        assert same.user().api().viewer.entity.startswith("test_")
        with pytest.raises(ServerError, match="DUMBBELL_ADMIN_TOKEN"):
            same.seed("empty")
        with pytest.raises(ServerError, match="DUMBBELL_API_KEY"):
            same.runs("local/mine")
    with Server.at(server.base_url) as same, pytest.raises(ServerError, match="DUMBBELL_ADMIN_URL"):
        same.user()
    with Server.at(server.base_url, server.base_url) as same, pytest.raises(ServerError, match="/db/user answers 405"):
        same.user()
    assert server.user().runs() == []


def test_the_environment_of_an_account(server: Server) -> None:
    account = server.user()
    env = server.env(account)
    assert (env["WANDB_BASE_URL"], env["WANDB_API_KEY"]) == (server.base_url, account.api_key)
    assert server.env()["WANDB_API_KEY"] == server.api_key
    assert Path(env["NETRC"]).read_bytes() == b""
    for name in ("DIR", "CACHE_DIR", "CONFIG_DIR", "DATA_DIR", "ARTIFACT_DIR"):
        assert Path(env[f"WANDB_{name}"]).is_dir()
    assert server.api_key not in repr(server.first)


def test_the_server_has_nothing_of_the_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of the SDK's in its path, coverage of somebody's code, or settings of another server."""
    (tmp_path / "sdk").mkdir()
    (tmp_path / "sdk" / "uvicorn.py").write_text("raise SystemExit('not this one')")
    monkeypatch.setenv(SDK_FOLDER, str(tmp_path / "sdk"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "sdk"), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("DUMBBELL_DATABASE_URL", "postgresql://no-such/place")
    monkeypatch.setenv("COVERAGE_PROCESS_START", "/no/such")
    (tmp_path / "structlog.py").write_text("raise SystemExit('nor this one, in the folder of the tests')")
    monkeypatch.chdir(tmp_path)
    with Server() as server:
        env = psutil.Process(server.pid).environ()
    assert not env.keys() & {"COVERAGE_PROCESS_START", "DUMBBELL_DATABASE_URL", SDK_FOLDER}
