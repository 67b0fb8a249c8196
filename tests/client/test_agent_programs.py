"""`dumbbell.agent` without a function: the sweep's program, with what command, variables and files, and how it ends."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import dumbbell
from dumbbell._agent import loop
from dumbbell._agent.macros import DEFAULT, command_of
from support.world import World

PROGRAM = """
import json, os, pathlib, sys
seen = {"argv": sys.argv[1:], "stdin": sys.stdin.read(), "group": os.getpgrp() == os.getpid(),
        "env": {name: value for name, value in os.environ.items() if name.startswith("WANDB")}}
pathlib.Path(os.environ["WANDB_RUN_ID"] + ".seen").write_text(json.dumps(seen))
"""
VALUES = {"lr": 0.1, "deep": True, "fast": False, "name": "a b", "none": None}


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which agents start: the program is there."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "train.py").write_text(PROGRAM)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(loop, "HEARTBEAT", 0.05)
    monkeypatch.delenv("WANDB_DIR")
    monkeypatch.setenv("WANDB_AGENT_KILL_DELAY", "60")
    monkeypatch.setenv("WANDB_SERVICE", "of another process")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return folder


def made(api: dumbbell.Api, **more: Any) -> dumbbell.Sweep:
    config = {"method": "grid", "program": "train.py", "parameters": {"x": {"values": [1, 2]}, "s": {"value": "a b"}}}
    return api.sweep(f"local/p/{dumbbell.sweep(config | more, project='p', api=api)}")


def states(sweep: dumbbell.Sweep) -> list[tuple[int, str]]:
    """Of its runs, the oldest first."""
    sweep.load(force=True)
    return [(run.config["x"], run.state) for run in sweep.runs[::-1]]


def seen(folder: Path, run: dumbbell.Run) -> dict[str, Any]:
    """What the program of this run has seen."""
    found: dict[str, Any] = json.loads((folder / f"{run.id}.seen").read_text())
    return found


def test_the_program_is_started_once_a_run(api: dumbbell.Api, work: Path) -> None:
    sweep = made(api)
    dumbbell.agent(sweep.id, api=api)
    assert states(sweep) == [(1, "finished"), (2, "finished")]
    run = sweep.runs[0]
    found = seen(work, run)
    assert sorted(found["argv"]) == ["--s=a b", "--x=2"]
    assert (found["stdin"], found["group"]) == ("", True)
    path = work / "wandb" / f"sweep-{sweep.id}" / f"config-{run.id}.yaml"
    assert found["env"].items() >= {
        "WANDB_RUN_ID": run.id, "WANDB_SWEEP_ID": sweep.id, "WANDB_ENTITY": "local", "WANDB_PROJECT": "p",
        "WANDB_BASE_URL": "http://testserver", "WANDB_DIR": str(work), "WANDB_SWEEP_PARAM_PATH": str(path)}.items()
    assert "WANDB_SERVICE" not in found["env"]
    assert yaml.safe_load(path.read_text()) == {"wandb_version": 1, "x": {"value": 2}, "s": {"value": "a b"}}
    assert "WANDB_RUN_ID" not in os.environ


def test_files_are_in_the_folder_of_wandb(api: dumbbell.Api, tmp_path: Path, work: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "logs"))
    sweep = made(api, command=["${env}", "${interpreter}", "${program}", "${args_json_file}"])
    dumbbell.agent(sweep.id, api=api, count=1)
    run = sweep.runs[0]
    path = tmp_path / "logs" / "wandb" / f"sweep-{sweep.id}" / f"config-{run.id}.json"
    assert seen(work, run)["argv"] == [str(path)]
    assert json.loads(path.read_text()) == {"x": 1, "s": "a b"}
    assert seen(work, run)["env"]["WANDB_DIR"] == str(tmp_path / "logs")


def test_a_command_of_its_own(api: dumbbell.Api, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODE", "fast")
    script = f"import sys; sys.argv.pop(0); {PROGRAM}"
    sweep = made(api, program=None, command=["${interpreter}", "-c", script.replace("\n", "\n"), "drop", 7,
                                             "--mode=${envvar:MODE}/${envvar:NOT_THERE}", "${args_no_hyphens}"])
    dumbbell.agent(sweep.id, api=api, count=1)
    assert sorted(seen(work, sweep.runs[0])["argv"]) == ["--mode=fast/NOT_THERE", "7", "s=a b", "x=1"]


@pytest.mark.parametrize(("macro", "arguments"), [
    ("args", ["--lr=0.1", "--deep=True", "--fast=False", "--name=a b", "--none=None"]),
    ("args_no_hyphens", ["lr=0.1", "deep=True", "fast=False", "name=a b", "none=None"]),
    ("args_append_hydra", ["+lr=0.1", "+deep=True", "+fast=False", "+name=a b", "+none=None"]),
    ("args_override_hydra", ["++lr=0.1", "++deep=True", "++fast=False", "++name=a b", "++none=None"]),
    ("args_no_equals", ["--lr", "0.1", "--deep", "True", "--fast", "False", "--name", "a b", "--none", "None"]),
    ("args_no_boolean_flags", ["--lr=0.1", "--deep", "--name=a b", "--none=None"]),
    ("args_json", [json.dumps(VALUES, separators=(",", ":"))]),
    ("args_json_file", ["f.json"]),
    ("env", ["/usr/bin/env"]),
    ("interpreter", ["python"]),
    ("program", ["train.py"]),
    ("not a macro", ["${not a macro}"])])
def test_macros(macro: str, arguments: list[str]) -> None:
    assert command_of(["first", f"${{{macro}}}", "last"], "train.py", VALUES, Path("f.json")) == [
        "first", *arguments, "last"]


def test_without_python_on_the_path_ours_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert command_of(DEFAULT, "train.py", {"x": 1}, Path()) == ["/usr/bin/env", sys.executable, "train.py", "--x=1"]


@pytest.mark.parametrize(("more", "match"), [
    ({"program": None}, "the config of the sweep names no program"),
    ({"command": ["${agrs}"]}, r"has the macro \$\{agrs\}; there are \$\{args\}, \$\{args_append_hydra\}"),
    ({"command": "python train.py"}, r"the `command` of the sweep is 'python train\.py'; it is a list")])
def test_a_command_that_cannot_be_is_refused_before_there_is_an_agent(api: dumbbell.Api, more: dict[str, Any],
                                                                      match: str) -> None:
    sweep = made(api, **more)
    with pytest.raises(ValueError, match=match):
        dumbbell.agent(sweep.id, api=api)
    assert sweep.agents() == []


def test_a_program_that_fails_has_a_failed_run(world: World, api: dumbbell.Api, work: Path) -> None:
    (work / "train.py").write_text("import os, signal, sys\n"
                                   "sys.exit(3) if '--x=1' in sys.argv else os.kill(os.getpid(), signal.SIGKILL)")
    sweep = made(api)
    dumbbell.agent(sweep.id, api=api)
    assert states(sweep) == [(1, "failed"), (2, "failed")]
    assert [world.run("exitcode", run.id)["exitcode"] for run in sweep.runs] == [128 + 9, 3]


def test_a_program_that_is_not_there(api: dumbbell.Api, caplog: pytest.LogCaptureFixture) -> None:
    sweep = made(api, command=["./nothing.sh"], parameters={"x": {"values": [1, 2, 3, 4]}})
    dumbbell.agent(sweep.id, api=api)
    assert states(sweep) == [(1, "failed"), (2, "failed"), (3, "failed")]
    assert "cannot be started" in caplog.text
    assert "nothing.sh" in caplog.text


def test_the_state_that_a_program_gave_its_run_stays(world: World, api: dumbbell.Api, work: Path) -> None:
    """As `wandb` does it, which has sent all by the time that its process ends."""
    (work / "train.py").write_text(
        "import os, pathlib, sys, time\nrun = os.environ['WANDB_RUN_ID']\npathlib.Path(run + '.begun').write_text('')\n"
        "while not pathlib.Path(run + '.done').exists(): time.sleep(0.01)\nsys.exit(1)")
    sweep = made(api)
    ended = []

    def look(_: object, answer: Any) -> Any:
        for path in work.glob("*.begun"):
            world.stream(path.stem, {"complete": True, "exitcode": 0})
            path.rename(work / f"{path.stem}.done")
            ended.append(path.stem)
        return answer
    api.client.transport._inner.mangle = look  # type: ignore[union-attr]
    dumbbell.agent(sweep.id, api=api)
    assert states(sweep) == [(1, "finished"), (2, "finished")]
    assert len(ended) == 2


STUBBORN = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN if "--s=deaf" in sys.argv else lambda *_: sys.exit(7))
pathlib.Path(os.environ["WANDB_RUN_ID"] + ".begun").write_text("")
while "--x=1" in sys.argv: time.sleep(0.01)
"""


@pytest.mark.parametrize(("word", "delay", "exit_code"), [("polite", "60", 7), ("deaf", "0", 128 + 9)])
def test_a_program_whose_run_is_stopped(world: World, api: dumbbell.Api, work: Path, monkeypatch: pytest.MonkeyPatch,
                                        word: str, delay: str, exit_code: int) -> None:
    """SIGTERM, and SIGKILL where it does not end for that."""
    monkeypatch.setenv("WANDB_AGENT_KILL_DELAY", delay)
    (work / "train.py").write_text(STUBBORN)
    sweep = made(api, parameters={"x": {"values": [1, 2]}, "s": {"value": word}})

    def stop(_: object, answer: Any) -> Any:
        if list(work.glob("*.begun")):
            api.client.transport._inner.mangle = None  # type: ignore[union-attr]
            world.gql("mutation S($id: ID!) { stopRun(input: {id: $id}) { success } }", {
                "id": world.run("id", next(work.glob("*.begun")).stem)["id"]})
        return answer
    api.client.transport._inner.mangle = stop  # type: ignore[union-attr]
    dumbbell.agent(sweep.id, api=api)
    assert states(sweep) == [(1, "killed"), (2, "finished")]
    assert world.run("exitcode", sweep.runs[1].id) == {"exitcode": exit_code}
