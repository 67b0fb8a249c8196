"""dumbbell.Api beside wandb.Api 0.31.0, on one server, in one run: make bench ARGS="--only client"."""

from __future__ import annotations

import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import dumbbell
from bench.target import Target, running
from dumbbell_server.releases import python_of
from support.sdk import _environment
from support.server import Server

VERSION = "0.31.0"
TRIALS = 3
_SETTLED = 600.0  # seconds in which the server makes what it makes in the background
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
SCAN = "assert sum(1 for _ in api.run('local/long/RUN').scan_history(KEYS)) == ROWS"
TWO = "keys=['_step', 'loss']"
DOWNLOAD = "api.artifact('local/store/NAME:latest').download(os.path.join(os.getcwd(), 'down'))"
COLD = "assert api.run('local/long/ended').id == 'ended'"


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


@dataclass(frozen=True)
class Sizes:
    """How much there is to read."""

    runs: int
    rows: int
    mib: int  # of the one large file


def table(folder: Path, sizes: Sizes, only: str = "") -> Iterator[str]:
    """The lines of the table, as they are measured; `only` is how the names of those that are wanted begin."""
    wanted = [measure for measure in _measures(sizes) if measure.name.startswith(only)]
    with running(folder, DUMBBELL_HEARTBEAT_TIMEOUT="86400") as target:  # a run that is open stays so
        yield HEADER
        _fill(target, folder, sizes, " ".join(measure.name.partition(" ")[0] for measure in wanted))
        for measure in wanted:
            yield _compare(target.server, folder, measure)


HEADER = "\n".join([
    f"{'':<36} {'dumbbell.Api':^24} {f'wandb.Api {VERSION}':^24} {'dumbbell / wandb':^20}",
    " ".join([f"{'measure, medians of 3':<36}", *[f"{'wall s':>8} {'cpu s':>8} {'MiB':>6}"] * 2,
              f"{'wall':>6} {'cpu':>6} {'goal':>6}"])])


def _measures(sizes: Sizes) -> list[Measure]:
    listing = LIST.replace("COUNT", str(sizes.runs))

    def scan(run: str, keys: str) -> str:
        return SCAN.replace("RUN", run).replace("KEYS", keys).replace("ROWS", str(sizes.rows))
    return [
        Measure(f"list {sizes.runs} runs, pages of 50", listing.replace("PER_PAGE", "50"), 0.5),
        Measure(f"list {sizes.runs} runs, pages of 1000", listing.replace("PER_PAGE", "1000"), 0.5),
        Measure(f"scan {sizes.rows} rows, 2 keys, running", scan("open", TWO), 1),
        Measure(f"scan {sizes.rows} rows, all, running", scan("open", ""), 1),
        Measure(f"scan {sizes.rows} rows, 2 keys, Parquet", scan("ended", TWO), 1),
        Measure(f"scan {sizes.rows} rows, all, Parquet", scan("ended", ""), 1),
        Measure("download 1000 x 10 KiB", DOWNLOAD.replace("NAME", "small"), 0.8),
        Measure(f"download 1 x {sizes.mib} MiB", DOWNLOAD.replace("NAME", "large"), 0.8),
        Measure("cold: import, Api().run(path)", COLD, 0.3, cold=True),
    ]


def _fill(target: Target, folder: Path, sizes: Sizes, wanted: str) -> None:
    """What the measures read."""
    api = dumbbell.Api({"base_url": target.server.base_url}, api_key=target.server.api_key)

    def upsert(project: str, name: str, number: int) -> None:
        config = {f"key{index}": {"desc": None, "value": number / (index + 1)} for index in range(20)}
        summary = {"loss": 1 / (number + 1), **{f"metric{index}": number * index / 7 for index in range(20)}}
        api.client.execute(UPSERT, {"input": {"entityName": "local", "modelName": project, "name": name,
                                              "config": json.dumps(config), "summaryMetrics": json.dumps(summary)}})
    for project, name in (("long", "open"), ("long", "ended"), ("store", "r")):
        upsert(project, name, 0)
    if "list" in wanted:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: upsert("many", f"r{number}", number), range(sizes.runs)))
    if "scan" in wanted:
        _rows(target, "open", sizes.rows)
        _rows(target, "ended", sizes.rows)
        _settle(target, api.run("local/long/ended"))
    if "download" in wanted:
        for name, count, size in (("small", 1000, 10 * 1024), ("large", 1, sizes.mib * MIB)):
            _artifact(api.run("local/store/r"), folder / name, count, size)


def _artifact(run: dumbbell.Run, source: Path, count: int, size: int) -> None:
    source.mkdir()
    for number in range(count):
        with (source / f"{number}.bin").open("wb") as file:
            for _ in range(max(1, size // MIB)):
                file.write(os.urandom(min(size, MIB)))
    artifact = dumbbell.Artifact(source.name, "t")
    artifact.add_dir(str(source))
    run.log_artifact(artifact)
    shutil.rmtree(source)


def _rows(target: Target, run: str, count: int, batch: int = 10_000) -> None:
    for start in range(0, count, batch):
        lines = [json.dumps({"_step": step, "_runtime": step * 0.1, "_timestamp": 1.7e9 + step, "loss": 1 / (step + 1),
                             "acc": 1 - math.exp(-step / count), "lr": 0.1, "grad": math.sin(step)})
                 for step in range(start, min(count, start + batch))]
        target.http.post(f"/files/local/long/{run}/file_stream", json={
            "files": {"wandb-history.jsonl": {"offset": start, "content": lines}}}).raise_for_status()


def _settle(target: Target, run: dumbbell.Run) -> None:
    """End the run, and wait until the server has made Parquet of it."""
    target.http.post(f"/files/local/long/{run.id}/file_stream", json={
        "complete": True, "exitcode": 0}).raise_for_status()
    deadline = time.monotonic() + _SETTLED
    while not run.scan_history()._offered():  # noqa: SLF001 - is it Parquet yet
        if time.monotonic() > deadline:
            raise RuntimeError(f"the server made no Parquet of {run} within {_SETTLED:.0f} s")
        time.sleep(0.5)


def _compare(server: Server, folder: Path, measure: Measure) -> str:
    found: dict[str, list[Trial]] = {"dumbbell": [], "wandb": []}
    for _ in range(TRIALS):
        for module, trials in found.items():  # by turns, so that a busy moment hits both
            trials.append(_trial(server, folder, measure, module))
    ours, theirs = (Trial(*(statistics.median(getattr(trial, name) for trial in trials)
                            for name in ("wall", "cpu", "memory"))) for trials in found.values())
    clients = " ".join(f"{each.wall:>8.2f} {each.cpu:>8.2f} {each.memory:>6.0f}" for each in (ours, theirs))
    goal = "" if ours.wall <= measure.goal * theirs.wall else "  MISSED"
    return (f"{measure.name:<36} {clients} {ours.wall / theirs.wall:>6.2f} {ours.cpu / theirs.cpu:>6.2f} "
            f"{f'<={measure.goal:g}':>6}{goal}")


def _trial(server: Server, folder: Path, measure: Measure, module: str) -> Trial:
    own = Path(tempfile.mkdtemp(dir=folder))
    python = sys.executable if module == "dumbbell" else str(python_of(VERSION))
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
