"""What is measured. Each measure yields its lines as they are known."""

from __future__ import annotations

import base64
import hashlib
import itertools
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from bench.target import TRIALS, Figure, Target, running

MIB = 2**20
UPSERT = """mutation Upsert($name: String, $config: JSONString, $summary: JSONString) {
  upsertBucket(input: {entityName: "local", modelName: "bench", name: $name, config: $config, summaryMetrics: $summary})
  { bucket { id name displayName config project { id name entity { id name } } historyLineCount } inserted } }"""
LIST = """query Runs($first: Int, $order: String, $filters: JSONString) { project(name: "bench", entityName: "local") {
  runCount(filters: $filters) runs(first: $first, order: $order, filters: $filters) {
    edges { node { id name displayName state group jobType createdAt heartbeatAt tags historyLineCount
                   user { name username } } cursor }
    pageInfo { endCursor hasNextPage } } } }"""
FULL = LIST.replace("historyLineCount", "historyLineCount config summaryMetrics systemMetrics")
PAGE = """query Page($run: String!, $min: Int64, $max: Int64) { project(name: "bench", entityName: "local") {
  run(name: $run) { history(minStep: $min, maxStep: $max, samples: 1000) } } }"""
SAMPLED = """query Sampled($run: String!, $specs: [JSONString!]!) { project(name: "bench", entityName: "local") {
  run(name: $run) { sampledHistory(specs: $specs) } } }"""
FILES = """mutation Files($run: String!, $files: [String!]!) { createRunFiles(input: {
  entityName: "local", projectName: "bench", runName: $run, files: $files}) { files { name uploadUrl } } }"""
DOWNLOAD = """query Download($run: String!) { project(name: "bench", entityName: "local") { run(name: $run) {
  files(names: ["blob.bin"]) { edges { node { directUrl } } } } } }"""

_numbers = itertools.count()


def cold_start(folder: Path) -> Iterator[Figure]:
    """From the command to the first answer: imports, schema, database."""
    for kind in ("an empty folder", "an existing one"):
        spent, lasted = [], []
        for trial in range(TRIALS):
            home = folder / (f"cold-{trial}" if kind == "an empty folder" else "cold-0")
            home.mkdir(exist_ok=True)
            began = time.perf_counter()
            with running(home) as target:
                lasted.append(time.perf_counter() - began)
                spent.append(target.cpu())
                resident = target.process.memory_info().rss / MIB
        yield Figure(f"cold start on {kind} ({resident:.0f} MiB at rest)", "s", spent, lasted)


def upserts(target: Target) -> Iterator[Figure]:
    count = 200

    def trial() -> None:
        for _ in range(count):
            number = next(_numbers)
            target.gql(UPSERT, name=f"run-{number}", config=_config(number), summary=_summary(number))
    trial()
    yield target.figure("upsertBucket, 2 KB", "ms", 1000 / count, trial)


def run_pages(target: Target) -> Iterator[Figure]:
    """Of the thousand runs and more that `upserts` has made."""
    loss = orjson.dumps({"$and": [{"config.lr.value": {"$lt": 0.5}}, {"state": {"$in": ["running", "finished"]}}]})
    for name, query, variables in (
        ("page of 50 runs, lazy", LIST, {"first": 50}),
        ("page of 1000 runs, lazy", LIST, {"first": 1000}),
        ("page of 1000 runs, full", FULL, {"first": 1000}),
        ("50 runs, filtered, by summary", LIST, {"first": 50, "filters": loss.decode(),
                                                 "order": "+summary_metrics.loss"}),
    ):
        def trial(query: str = query, variables: dict[str, Any] = variables) -> None:
            for _ in range(5):
                target.gql(query, **variables)
        trial()
        yield target.figure(name, "ms", 1000 / 5, trial)


def ingest(target: Target) -> Iterator[Figure]:
    for rows, posts in ((15, 200), (200, 50), (2000, 10)):
        bodies = [chunk(post * rows, rows) for post in range(posts)]

        def trial(bodies: list[bytes] = bodies) -> None:
            _log(target, f"ingest-{next(_numbers)}", bodies)
        yield target.figure(f"ingest, {rows} rows a POST, 10 metrics", "us/row", 1e6 / (rows * posts), trial)


def history(target: Target, rows: int) -> Iterator[Figure]:
    run, size = f"history-{next(_numbers)}", 2000
    _log(target, run, [chunk(first, size) for first in range(0, rows, size)])
    label = f"{rows // 1000}k rows"
    for name, start in (("first", 0), ("last", rows - 1000)):
        def page(start: int = start) -> None:
            for _ in range(10):
                target.gql(PAGE, run=run, min=start, max=start + 1000)
        yield target.figure(f"history page of 1000, {name} of {label}", "ms", 1000 / 10, page)
    specs = [orjson.dumps({"keys": ["m0", "m1"], "samples": 500}).decode()]
    yield target.figure(f"sampledHistory, 2 keys x 500 of {label}", "ms", 1000,
                        lambda: target.gql(SAMPLED, run=run, specs=specs))


def files(target: Target, size: int) -> Iterator[Figure]:
    data = bytes(range(256)) * (size // 256)
    digest = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    run = f"files-{next(_numbers)}"
    target.gql(UPSERT, name=run)

    def up() -> None:
        url = target.gql(FILES, run=run, files=["blob.bin"])["createRunFiles"]["files"][0]["uploadUrl"]
        target.http.put(url, content=data, headers={"Content-MD5": digest}, auth=None).raise_for_status()

    def down() -> None:
        edges = target.gql(DOWNLOAD, run=run)["project"]["run"]["files"]["edges"]
        with target.http.stream("GET", edges[0]["node"]["directUrl"], auth=None) as answer:
            if sum(map(len, answer.iter_bytes(MIB))) != size:
                raise RuntimeError("the file came back short")
    yield target.figure(f"file of {size // MIB} MiB up", "s", 1, up)
    yield target.figure(f"file of {size // MIB} MiB down", "s", 1, down)


def _log(target: Target, run: str, bodies: list[bytes]) -> None:
    target.gql(UPSERT, name=run)
    for body in bodies:
        answer = target.http.post(f"/files/local/bench/{run}/file_stream", content=body)
        answer.raise_for_status()


def chunk(first: int, rows: int) -> bytes:
    lines = [orjson.dumps({"_step": step, "_runtime": step / 10, "_timestamp": 1.7e9 + step / 10} | {
        f"m{key}": math.sin(step * (key + 1) / 1000) for key in range(10)}).decode()
        for step in range(first, first + rows)]
    return orjson.dumps({"files": {"wandb-history.jsonl": {"offset": first, "content": lines}}})


def _config(number: int) -> str:
    values = {"lr": number % 100 / 100, "model": f"model-{number % 7}"} | {f"option_{key}": f"{number}-{key}" * 3
                                                                          for key in range(40)}
    return orjson.dumps({key: {"value": value} for key, value in values.items()}).decode()


def _summary(number: int) -> str:
    return orjson.dumps({"loss": math.cos(number), "acc": number % 97 / 97}).decode()
