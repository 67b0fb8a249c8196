"""The work in the background survives a sudden end: nothing lost, nothing doubled, and the next start finishes it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import text

from dumbbell_server.database.engine import reading
from support.world import World, open_world

MOST = 200  # rounds
ENOUGH = 8
RUNS = 20
ROWS = 3000
# Imports once; then forks a process that works, kills it after a while, and so on until nothing is left to do. Prints
# how many runs waited when each of the processes began that were killed at their work.
DRIVER = """
import json, os, random, signal, sys, time
from pathlib import Path
from dumbbell_server.wiring import make_worker
from dumbbell_server.clock import Clock
from dumbbell_server.settings import Settings
from dumbbell_server.backend import open_backend

chance = random.Random(3)
cut = []
for number in range(int(sys.argv[2])):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        worker = make_worker(open_backend(Settings(data_dir=Path(sys.argv[1])), Clock()))
        worker._find()
        os.write(writer, b"%d\\n" % worker.left())
        worker.run()
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        left = int(told.readline())
    time.sleep(chance.uniform(0, 0.1 + number / 50))  # the first file takes half a second
    os.kill(child, signal.SIGKILL)
    if os.WIFSIGNALED(os.waitpid(child, 0)[1]):
        cut.append(left)
    if left == 0:
        break
print(json.dumps(cut))
"""


def row(number: int) -> dict[str, Any]:
    return {"_step": number, "value": number / 3, "whole": number * 2}


def add_runs(world: World) -> None:
    for number in range(RUNS):
        name, post = f"run{number}", 50 if number % 2 else 1500
        world.upsert(name)
        for start in range(0, ROWS, post):
            world.history(name, [row(at) for at in range(start, start + post)], start)
        world.stream(name, {"complete": True, "exitcode": 0})


def check(world: World) -> None:
    """Every row once, in pages, samples and keys."""
    rows = [row(number) for number in range(ROWS)]
    query = """query Q($r: String!) { project(name: "p") { run(name: $r) { historyLineCount historyKeys
      history(minStep: 0)
      sampledHistory(specs: ["{\\"keys\\": [\\"_step\\", \\"value\\"], \\"samples\\": 10000}"]) } } }"""
    for number in range(RUNS):
        found = world.gql(query, {"r": f"run{number}"})["project"]["run"]
        assert found["historyLineCount"] == ROWS
        assert [json.loads(line) for line in found["history"]] == rows
        assert found["sampledHistory"] == [[{"_step": one["_step"], "value": one["value"]} for one in rows]]
        assert found["historyKeys"]["keys"]["value"]["typeCounts"] == [{"type": "number", "count": ROWS}]


def test_compaction_survives_kill_nine(tmp_path: Path) -> None:
    with open_world(tmp_path) as world:
        add_runs(world)
    driven = subprocess.run([sys.executable, "-c", DRIVER, str(tmp_path), str(MOST)], check=True,
                            capture_output=True, text=True)
    cut = [left for left in json.loads(driven.stdout) if left]
    assert len(cut) >= ENOUGH
    assert len(set(cut)) > 2, "the work went on from one to the next"
    with open_world(tmp_path) as world:
        check(world)
    command = [sys.executable, "-m", "dumbbell_server", "compact", "--data-dir", str(tmp_path)]
    for _ in range(2):
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        assert done.stdout.endswith("Nothing is left to do.\n")
    assert done.stdout == "Nothing is left to do.\n"
    with open_world(tmp_path) as world:
        check(world)
        with reading(world.backend.database) as session:
            waiting = session.execute(text("SELECT sum(lines - built), sum(built) FROM stream_heads")).one()
            files = session.execute(text("SELECT count(*), count(DISTINCT run_id) FROM partitions")).one()
        assert tuple(waiting) == (0, RUNS * ROWS)
        assert tuple(files) == (RUNS, RUNS)
        assert world.count("compactions") == RUNS
        assert world.count("chunks") < RUNS * 5
    kept = [path for path in (tmp_path / "blobs" / "history").rglob("*") if path.is_file()]
    assert len(kept) >= RUNS
