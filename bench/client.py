"""python -m bench.client: dumbbell.Api beside wandb.Api 0.31.0, on one server, in one run."""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import dumbbell
from bench.target import Target, running
from support.sdk import _environment, sdk_python
from support.server import Server

VERSION = "0.31.0"
TRIALS = 3
_SETTLED = 120.0  # seconds in which the server makes what it makes in the background
MIB = 2**20
UPSERT = """mutation U($input: UpsertBucketInput!) { upsertBucket(input: $input) { bucket { id } } }"""

# What a process of either client does between importing and ending; MODULE is dumbbell or wandb.
PRELUDE = """
import json, os, resource, sys, time
began = time.perf_counter()
import MODULE
api = MODULE.Api()
"""
POSTLUDE = """
print(json.dumps({"wall": time.perf_counter() - began, "all": time.perf_counter() - begun,
                  "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""
LIST = """
count = 0
for run in api.runs("local/many", order="+created_at", per_page=PER_PAGE, lazy=False):
    count += len(run.config) and run.summary["loss"] is not None
assert count == COUNT, count
"""
SCAN_TWO = "assert sum(1 for _ in api.run('local/long/r').scan_history(keys=['_step', 'loss'])) == ROWS"
SCAN_ALL = "assert sum(1 for _ in api.run('local/long/r').scan_history()) == ROWS"
DOWNLOAD = "api.artifact('local/store/NAME:latest').download(os.path.join(os.getcwd(), 'down'))"
COLD = "assert api.run('local/long/r').id == 'r'"


@dataclass(frozen=True)
class Measure:
    """One line of the table."""

    name: str
    source: str
    goal: float
    cold: bool = False  # the import counts too


@dataclass(frozen=True)
class Trial:
    wall: float
    cpu: float
    memory: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.client", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--mib", type=int, default=1024, help="size of the one large file")
    parser.add_argument("--only", default="", help="measures whose name begins so")
    arguments = parser.parse_args()
    measures = [measure for measure in _measures(arguments.runs, arguments.rows, arguments.mib)
                if measure.name.startswith(arguments.only)]
    with tempfile.TemporaryDirectory(prefix="dumbbell-bench-") as name:
        folder = Path(name)
        (folder / "server").mkdir()
        with running(folder / "server") as target:
            _fill(target, folder, arguments, [measure.name for measure in measures])
            print(f"{'measure':<36} {'client':<9} {'wall s':>8} {'cpu s':>8} {'MiB':>6} {'x':>6}  goal", flush=True)
            for measure in measures:
                _compare(target.server, folder, measure)


def _measures(runs: int, rows: int, mib: int) -> list[Measure]:
    listing = LIST.replace("COUNT", str(runs))
    return [
        Measure(f"list {runs} runs, pages of 50", listing.replace("PER_PAGE", "50"), 0.5),
        Measure(f"list {runs} runs, pages of 1000", listing.replace("PER_PAGE", "1000"), 0.5),
        Measure(f"scan {rows} rows, 2 keys", SCAN_TWO.replace("ROWS", str(rows)), 1),
        Measure(f"scan {rows} rows, all keys", SCAN_ALL.replace("ROWS", str(rows)), 1),
        Measure("download 1000 x 10 KiB", DOWNLOAD.replace("NAME", "small"), 0.8),
        Measure(f"download 1 x {mib} MiB", DOWNLOAD.replace("NAME", "large"), 0.8),
        Measure("cold: import, Api().run(path)", COLD, 0.3, cold=True),
    ]


def _fill(target: Target, folder: Path, arguments: argparse.Namespace, wanted: list[str]) -> None:
    """What the measures read."""
    api = dumbbell.Api({"base_url": target.server.base_url}, api_key=target.server.api_key)

    def upsert(project: str, name: str, number: int) -> None:
        config = {f"key{index}": {"desc": None, "value": number / (index + 1)} for index in range(20)}
        summary = {"loss": 1 / (number + 1), **{f"metric{index}": number * index / 7 for index in range(20)}}
        api.client.execute(UPSERT, {"input": {"entityName": "local", "modelName": project, "name": name,
                                              "config": json.dumps(config), "summaryMetrics": json.dumps(summary)}})
    upsert("long", "r", 0)
    upsert("store", "r", 0)
    if any(name.startswith("list") for name in wanted):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: upsert("many", f"r{number}", number), range(arguments.runs)))
    if any(name.startswith("scan") for name in wanted):
        _rows(target, arguments.rows)
    for name, count, size in (("small", 1000, 10 * 1024), ("large", 1, arguments.mib * MIB)):
        if any(each.startswith("download") for each in wanted):
            source = folder / name
            source.mkdir()
            for number in range(count):
                with (source / f"{number}.bin").open("wb") as file:
                    for _ in range(max(1, size // MIB)):
                        file.write(os.urandom(min(size, MIB)))
            artifact = dumbbell.Artifact(name, "t")
            artifact.add_dir(str(source))
            api.run("local/store/r").log_artifact(artifact)
            shutil.rmtree(source)


def _rows(target: Target, count: int, batch: int = 10_000) -> None:
    for start in range(0, count, batch):
        lines = [json.dumps({"_step": step, "_runtime": step * 0.1, "_timestamp": 1.7e9 + step, "loss": 1 / (step + 1),
                             "acc": 1 - math.exp(-step / count), "lr": 0.1, "grad": math.sin(step)})
                 for step in range(start, min(count, start + batch))]
        target.http.post("/files/local/long/r/file_stream", json={
            "files": {"wandb-history.jsonl": {"offset": start, "content": lines}}}).raise_for_status()
    target.http.post("/files/local/long/r/file_stream", json={"complete": True, "exitcode": 0}).raise_for_status()
    run = dumbbell.Api({"base_url": target.server.base_url}, api_key=target.server.api_key).run("local/long/r")
    deadline = time.monotonic() + _SETTLED
    while not run.scan_history()._offered() and time.monotonic() < deadline:  # noqa: SLF001 - is it Parquet yet
        time.sleep(0.5)


def _compare(server: Server, folder: Path, measure: Measure) -> None:
    found: dict[str, list[Trial]] = {"dumbbell": [], "wandb": []}
    for _ in range(TRIALS):
        for module, trials in found.items():  # by turns, so that a busy moment hits both
            trials.append(_trial(server, folder, measure, module))
    theirs = statistics.median(trial.wall for trial in found["wandb"])
    for module, trials in found.items():
        wall = statistics.median(trial.wall for trial in trials)
        cpu = statistics.median(trial.cpu for trial in trials)
        memory = statistics.median(trial.memory for trial in trials)
        tail = f"{wall / theirs:>6.2f}  <= {measure.goal}" if module == "dumbbell" else ""
        print(f"{measure.name:<36} {module:<9} {wall:>8.2f} {cpu:>8.2f} {memory:>6.0f} {tail}", flush=True)


def _trial(server: Server, folder: Path, measure: Measure, module: str) -> Trial:
    own = Path(tempfile.mkdtemp(dir=folder))
    python = sys.executable if module == "dumbbell" else str(sdk_python(VERSION))
    begun = "" if measure.cold else "began = time.perf_counter()\n"
    source = "import time; begun = time.perf_counter()\n" + PRELUDE + begun + measure.source + POSTLUDE
    started = time.perf_counter()
    with (own / "out").open("wb") as output, (own / "err").open("wb") as errors:
        process = subprocess.Popen([python, "-c", source.replace("MODULE", module)], cwd=own, stdout=output,  # noqa: S603
                                   stderr=errors, env=_environment(own, server))
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    lasted = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError((own / "err").read_text(errors="replace")[-3000:])
    told = json.loads((own / "out").read_text().splitlines()[-1])
    shutil.rmtree(own)
    return Trial(lasted if measure.cold else told["wall"], usage.ru_utime + usage.ru_stime, told["memory"])


if __name__ == "__main__":
    main()
