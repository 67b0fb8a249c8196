"""Two processes that log to one run at the same time."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from support.sdk import Finished, run_script
from support.server import Server, start_server

pytestmark = pytest.mark.sdk

# Each waits for the other before it logs; the primary ends last and tells the server that the run has ended.
RANK = """
    import os
    import pathlib
    import time
    import wandb

    def wait_for(name):
        deadline = time.monotonic() + 60
        while not (meeting / name).exists():
            assert time.monotonic() < deadline, name
            time.sleep(0.02)

    rank, meeting = int(os.environ["RANK"]), pathlib.Path(os.environ["MEETING"])
    run = wandb.init(project="shared", id="both", settings=wandb.Settings(
        mode="shared", x_primary=rank == 0, x_label=f"rank{rank}", x_update_finish_state=rank == 0))
    (meeting / f"begun{rank}").touch()
    wait_for(f"begun{1 - rank}")
    for value in range(20):
        run.log({f"rank{rank}": value})
        print(f"line {value} of rank {rank}")
    if rank == 0:
        wait_for("ended1")
    run.finish()
    (meeting / f"ended{rank}").touch()
"""
READ = """
    import json
    import wandb

    read = wandb.Api().run("local/shared/both")
    rows = list(read.scan_history())
    logs = {}
    for file in read.files():
        if file.name.endswith(".log"):
            with file.download(root="read", replace=True) as opened:
                logs[file.name] = opened.read()
    print("READ " + json.dumps({
        "state": read.state,
        "ranks": [[row[key] for row in rows if key in row] for key in ("rank0", "rank1")],
        "sampled": len(read.history(pandas=False)),
        "files": logs,
        "console": sorted([line.label, line.number, line.content.rstrip()] for line in read.console_logs()),
    }))
"""


def log_by_two(version: str, server: Server, tmp_path: Path) -> list[Finished]:
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    ended: dict[int, Finished] = {}

    def run(rank: int) -> None:
        ended[rank] = run_script(version, server, tmp_path, RANK, env={"RANK": str(rank), "MEETING": str(meeting)})

    threads = [threading.Thread(target=run, args=(rank,)) for rank in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [ended[0], ended[1]]


@pytest.mark.parametrize("version", ["0.31.0", "0.28.2"])
def test_rows_and_console_of_both_processes_are_kept(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        for finished in log_by_two(version, server, tmp_path):
            assert finished.returncode == 0, finished
        finished = run_script("0.31.0", server, tmp_path, READ)
    assert finished.returncode == 0, finished
    read = json.loads(finished.line("READ ").removeprefix("READ "))
    assert read["state"] == "finished"
    assert read["ranks"] == [list(range(20)), list(range(20))]
    assert read["sampled"] == 40
    lines = {rank: [f"line {value} of rank {rank}" for value in range(20)] for rank in (0, 1)}
    assert {name: text.splitlines() for name, text in read["files"].items()} == {
        "output_rank0.log": lines[0], "output_rank1.log": lines[1]}
    for rank in (0, 1):
        own = [line for label, _, line in read["console"] if label == f"rank{rank}"]
        assert own == lines[rank]
    assert sorted(number for _, number, _ in read["console"]) == list(range(40))
