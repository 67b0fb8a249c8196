"""`dumbbell sweep` and `dumbbell agent`, as processes: what they print, start and end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import dumbbell
from support.server import Server, start_server

CONFIG = {"method": "grid", "metric": {"name": "loss"}, "program": "train.py",
          "parameters": {"x": {"values": [1, 2, 3]}}}
TRAIN = """
import sys, dumbbell
run = dumbbell.Api().run()
assert sys.argv[1] == f"--x={run.config['x']}"
run.summary.update({"loss": (run.config["x"] - 2) ** 2})
"""
WAITING = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
pathlib.Path("begun").write_text(str(os.getpid()))
while not pathlib.Path("go").exists(): time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("sweeps")) as started:
        yield started


@pytest.fixture
def api(server: Server) -> dumbbell.Api:
    return dumbbell.Api({"base_url": server.base_url}, api_key=server.api_key)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN)
    (folder / "sweep.yaml").write_text(yaml.safe_dump(CONFIG))
    return folder


def environment(server: Server, folder: Path) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**plain, "WANDB_BASE_URL": server.base_url, "WANDB_API_KEY": server.api_key, "HOME": str(folder),
            "PATH": path}


def run(server: Server, folder: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "dumbbell", *arguments], text=True, capture_output=True, timeout=120,
                          check=False, cwd=folder, env=environment(server, folder), input=given)


def made(server: Server, folder: Path, *arguments: str) -> str:
    """The path that `dumbbell sweep` printed."""
    done = run(server, folder, "sweep", "sweep.yaml", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextlib.contextmanager
def agent(server: Server, folder: Path, path: str) -> Iterator[subprocess.Popen[str]]:
    """One whose program has begun."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    try:
        started = subprocess.Popen([sys.executable, "-m", "dumbbell", "agent", path], text=True, cwd=folder,
                                   stderr=subprocess.PIPE, env=environment(server, folder))
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        until_there(folder / "begun")
        yield started
    finally:
        started.kill()
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):  # as a rule the agent has ended it
            os.kill(int((folder / "begun").read_text()), signal.SIGKILL)
        started.communicate()


def until_there(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_sweep_from_a_file_is_run_by_an_agent(server: Server, api: dumbbell.Api, work: Path) -> None:
    path = made(server, work, "--project", "vision", "--name", "hunt")
    sweep = api.sweep(path)
    assert (path, sweep.name) == (f"local/vision/{sweep.id}", "hunt")
    done = run(server, work, "agent", path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    runs = sweep.runs[::-1]
    assert [(each.config["x"], each.state, each.summary["loss"]) for each in runs] == [
        (1, "finished", 1), (2, "finished", 0), (3, "finished", 1)]
    assert f"run {runs[0].id} begins: {{'x': 1}}\n" in done.stderr
    assert f"run {runs[2].id} has ended with the exit code 0\n" in done.stderr
    best = sweep.best_run()
    assert best is not None
    assert best.config == {"x": 2}


def test_options_of_both(server: Server, api: dumbbell.Api, work: Path) -> None:
    for name in ("a", "b"):
        api.create_run(run_id=name, project="p", entity="local")
    done = run(server, work, "sweep", "-", "-p", "p", "-e", "local", "-R", "a", "--prior-run", "b",
               given=yaml.safe_dump(CONFIG))
    sweep = api.sweep(done.stdout.strip())
    assert done.stderr == f"{sweep.url}\n"
    assert sorted(each.id for each in sweep.runs) == ["a", "b"]
    assert run(server, work, "agent", sweep.id, "--project", "p", "--entity", "local", "--count", "1").returncode == 0
    (work / "train.py").write_text("import sys; sys.exit(1)")
    done = run(server, work, "agent", sweep.url, "--max-consecutive-failed-runs", "1")
    assert done.returncode == 0
    assert "the agent ends: failed runs in a row: 1" in done.stderr
    assert len(api.sweep(f"p/{sweep.id}").agents()) == 2


@pytest.mark.parametrize(("text", "arguments", "said"), [
    ("method: [", ["sweep", "c.yaml"], "c.yaml is not YAML: while parsing a flow node"),
    ("[1]", ["sweep", "c.yaml"], "c.yaml is no config of a sweep: it has no `method` and `parameters`"),
    ("", ["sweep", "c.yaml"], "c.yaml is no config of a sweep"),
    ("method: guess", ["sweep", "c.yaml", "--project", "p"], "method"),
    ("", ["sweep", "none.yaml"], "No such file or directory"),
    ("", ["agent", "local/p/none"], "could not find sweep local/p/none"),
    ("", ["agent", "local/p/none", "--count", "0"], "count is 0; it must be at least 1")])
def test_what_cannot_be_is_said_in_one_line(server: Server, work: Path, text: str, arguments: list[str],
                                            said: str) -> None:
    (work / "c.yaml").write_text(text)
    done = run(server, work, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("dumbbell: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_ctrl_c_lets_the_run_come_to_its_end(server: Server, api: dumbbell.Api, work: Path) -> None:
    (work / "train.py").write_text(WAITING)
    path = made(server, work, "--project", "p")
    with agent(server, work, path) as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "the agent ends after this run; Ctrl-C again ends the run too" not in process.stderr.readline():
            pass
        (work / "go").write_text("")
        assert process.wait(60) == 130
    assert [each.state for each in api.sweep(path).runs] == ["finished"]


@pytest.mark.parametrize(("signals", "exit_code"), [
    ([signal.SIGINT, signal.SIGINT], 130), ([signal.SIGTERM], 128 + signal.SIGTERM)])
def test_an_agent_that_is_ended_leaves_no_program_behind(server: Server, api: dumbbell.Api, work: Path,
                                                         signals: list[signal.Signals], exit_code: int) -> None:
    (work / "train.py").write_text(WAITING)
    path = made(server, work, "--project", "p")
    with agent(server, work, path) as process:
        program = int((work / "begun").read_text())
        assert is_there(program)
        for each in signals:
            process.send_signal(each)
            time.sleep(0.5)  # two that come at once are one
        assert process.wait(60) == exit_code
        assert not is_there(program)
    assert [each.state for each in api.sweep(path).runs] == ["failed"]
