"""A run in several folders of the SDK comes together by `wandb sync`, however often each is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.sdk import run_script
from support.server import start_server

pytestmark = pytest.mark.sdk

SYNC = """
    import glob
    import json
    import os
    import subprocess
    import sys
    import time
    import wandb

    def sync(*folders):
        subprocess.run([sys.executable, "-m", "wandb", "beta", "sync", "--no-skip-online", "--no-skip-synced",
                        "--id", "whole", "--project", "parts", "--entity", "local", *folders], check=True)

    def read():
        found = wandb.Api().run("local/parts/whole")
        options = {"use_cache": False} if "0.31" in wandb.__version__ else {}
        return [[[row["_step"], row["value"]] for row in found.scan_history(**options)], found.state]

    for part in range(3):
        with wandb.init(project="parts", id="source", resume="allow") as run:
            for step in range(5):
                run.log({"value": part * 5 + step})
        time.sleep(1.1)  # folders are named by the second
    folders = sorted(glob.glob(os.path.join(os.environ["WANDB_DIR"], "wandb", "run-*-source")), key=os.path.getctime)
    found = []
    sync(*folders)
    found.append(read())
    for at in (2, 2, 1):
        sync(folders[at])
        found.append(read())
    sync(folders[2])
    found.append(read())
    sync(*folders)
    found.append(read())
    print("READ " + json.dumps(found))
"""
OFFLINE = """
    import glob
    import json
    import os
    import subprocess
    import sys
    import time
    import wandb

    folders = []
    for part in range(2):
        with wandb.init(project="parts", id="offline", mode="offline") as run:
            for step in range(part * 5, part * 5 + 5):
                run.log({"value": step}, step=step)
            folders.append(os.path.dirname(run.dir))
        time.sleep(1.1)  # folders are named by the second
    found = []
    for folder in folders + folders:
        subprocess.run([sys.executable, "-m", "wandb", "sync", "--include-synced", folder], check=True)
        read = wandb.Api().run("local/parts/offline")
        options = {"use_cache": False} if "0.31" in wandb.__version__ else {}
        found.append([[row["_step"], row["value"]] for row in read.scan_history(**options)])
    print("READ " + json.dumps(found))
"""
TOGETHER = """
    import json
    import os
    import subprocess
    import sys
    import wandb

    if len(sys.argv) > 1:
        run = wandb.init(project="parts", id="together", resume="must")
        print("ready", flush=True)
        sys.stdin.readline()
        for step in range(20):
            run.log({"process": int(sys.argv[1]), "value": step})
        run.finish()
        raise SystemExit
    with wandb.init(project="parts", id="together") as run:
        run.log({"process": 0, "value": 0})
    alone = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}  # a core of their own
    others = [subprocess.Popen([sys.executable, __file__, str(number)], env=alone, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
              for number in (1, 2)]
    for other in others:
        while b"ready" not in other.stdout.readline():
            pass
    for other in others:
        other.stdin.write(b"go\\n")
        other.stdin.flush()
    for other in others:
        other.communicate()
    rows = list(wandb.Api().run("local/parts/together").scan_history())
    print("READ " + json.dumps(sorted([row["process"], row["value"]] for row in rows)))
"""


def upto(end: int) -> list[list[int]]:
    return [[step, step] for step in range(end)]


@pytest.mark.parametrize("version", ["0.31.0", "0.28.2"])
def test_folders_of_one_run_are_one_run_however_often_each_is_sent(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        finished = run_script(version, server, tmp_path, SYNC)
    assert finished.returncode == 0, finished
    found = json.loads(finished.line("READ ").removeprefix("READ "))
    # the second part alone takes the place of all from its first step on, until the third comes again
    assert found == [[upto(end), "finished"] for end in (15, 15, 15, 10, 15, 15)]


@pytest.mark.parametrize("version", ["0.31.0", "0.28.2", "0.18.7"])
def test_offline_folders_of_one_run_are_one_run(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        finished = run_script(version, server, tmp_path, OFFLINE)
    assert finished.returncode == 0, finished
    assert json.loads(finished.line("READ ").removeprefix("READ ")) == [upto(end) for end in (5, 10, 5, 10)]


@pytest.mark.parametrize("version", ["0.31.0", "0.28.2"])
def test_two_processes_that_resume_a_run_without_shared_mode_lose_no_row(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        finished = run_script(version, server, tmp_path, TOGETHER)
    assert finished.returncode == 0, finished
    wanted = [[0, 0], *([process, step] for process in (1, 2) for step in range(20))]
    assert json.loads(finished.line("READ ").removeprefix("READ ")) == wanted
