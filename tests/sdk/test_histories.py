"""Long histories, read back by the SDK: live and ended, from pages and from Parquet files, its cache kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.sdk import run_script
from support.server import Server, start_server
from support.wire import Client

pytestmark = pytest.mark.sdk

ROWS = 300_000
SOAK_ROWS = 1_000_000

NESTED = """
    def row(number):
        step = number + number // 9  # every tenth step is missing
        made = {"_step": step, "loss": number / 7, "deep": {"a": number, "b": {"c": [number]}}, "text": f"t{number}"}
        if number % 5 == 0:
            made["sparse"] = number
        if number % 1000 == 3:
            made["bad"] = float("nan")
        return made
"""
FLAT = """
    def row(number):
        return {"_step": number, "loss": float("nan") if number % 1000 == 3 else number / 7, "whole": number % 11,
                "text": f"t{number % 13}", "good": number % 2 == 0, "train/acc": number if number % 3 else number + 0.5}
"""
SCAN = """
    import itertools
    import wandb

    def comparable(row):
        return {{key: "NaN" if value != value else value for key, value in (row or {{}}).items()}}

    def check(found, expected, what):
        for at, (ours, theirs) in enumerate(itertools.zip_longest(found, expected)):
            assert ours == theirs or comparable(ours) == comparable(theirs), (what, at, ours, theirs)

    read = wandb.Api(timeout=120).run("local/long/{name}")
    check(read.scan_history(page_size=2000), map(row, range({rows})), "all")
"""
KEYED = """
    made = [row(number) for number in range({rows})]
    check(read.scan_history(keys=["_step", "deep.a", "sparse"], page_size=2000),
          ({{"_step": one["_step"], "deep.a": one["deep"]["a"], "sparse": one["sparse"]}}
           for one in made if "sparse" in one), "keys")
    middle = made[len(made) // 2]["_step"]
    check(read.scan_history(keys=["text"], page_size=2000, min_step=middle, max_step=middle + 30000),
          ({{"_step": one["_step"], "text": one["text"]}}
           for one in made if middle <= one["_step"] < middle + 30000), "between")
    by_step = {{one["_step"]: one for one in made}}
    for key, look in (("loss", lambda one: one["loss"]), ("deep.a", lambda one: one["deep"]["a"]),
                      ("deep.b", lambda one: one["deep"]["b"]), ("sparse", lambda one: one["sparse"])):
        sampled = read.history(samples=700, keys=[key], pandas=False)
        assert len(sampled) == 700, (key, len(sampled))
        for one in sampled:
            assert one == {{"_step": one["_step"], key: look(by_step[one["_step"]])}}, one
        assert sampled[-1]["_step"] - sampled[0]["_step"] > made[-1]["_step"] * 0.99, key
    plain = read.history(samples=300, pandas=False)
    assert len(plain) == 300
    assert all(comparable(one) == comparable(by_step[one["_step"]]) for one in plain)
    assert read.lastHistoryStep == made[-1]["_step"]
    print("READ well")
"""
PARQUET = """
    check(read.scan_history(keys=["loss", "text"], page_size=2000),
          ({{"_step": one["_step"], "loss": one["loss"], "text": one["text"]}}
           for one in map(row, range({rows}))), "keys")
    check(read.scan_history(keys=["whole"], page_size=5000, use_cache=False, min_step=100, max_step=20000),
          ({{"_step": one["_step"], "whole": one["whole"]}} for one in map(row, range(100, 20000))), "between")
    result = read.download_history_exports("downloaded")
    assert len(result.paths) == 1, result
    assert not result.errors, result
    print("READ well")
"""


def row_function(source: str) -> Callable[[int], dict[str, Any]]:
    space: dict[str, Any] = {}
    exec("\n".join(line[4:] for line in source.splitlines()), space)
    function: Callable[[int], dict[str, Any]] = space["row"]
    return function


def send(client: Client, name: str, make: Callable[[int], dict[str, Any]], rows: int) -> None:
    for start in range(0, rows, 2000):
        lines = [json.dumps(make(number)) for number in range(start, min(start + 2000, rows))]
        client.post(f"/files/local/long/{name}/file_stream",
                    {"files": {"wandb-history.jsonl": {"offset": start, "content": lines}}})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with start_server(tmp_path, DUMBBELL_LOG_LEVEL="debug") as started:
        yield started


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    made = Client(server)
    yield made
    made.close()


def begin(client: Client, name: str) -> None:
    client.ask(f'mutation {{ upsertBucket(input: {{modelName: "long", name: "{name}"}}) {{ inserted }} }}')


def end(client: Client, name: str) -> None:
    client.close()  # it is opened again: the server may have ended it while a script ran
    client.post(f"/files/local/long/{name}/file_stream", {"complete": True, "exitcode": 0})
    client.compact()


@pytest.mark.timeout(900)
def test_a_long_nested_history_is_read_back_whole_live_and_ended(server: Server, client: Client,
                                                                 tmp_path: Path) -> None:
    begin(client, "nested")
    send(client, "nested", row_function(NESTED), ROWS)
    script = NESTED + (SCAN + KEYED).format(name="nested", rows=ROWS)
    live = run_script("0.31.0", server, tmp_path, script, timeout=400)
    assert live.returncode == 0, live
    assert live.line("READ") == "READ well"
    end(client, "nested")
    ended = run_script("0.31.0", server, tmp_path, script, timeout=400)
    assert ended.returncode == 0, ended
    assert "/storage/history/" not in server.log.read_text()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("rows", [30_000, pytest.param(SOAK_ROWS, marks=pytest.mark.soak)])
def test_a_flat_history_is_read_from_pages_while_live_and_from_files_once_ended(
        server: Server, client: Client, tmp_path: Path, rows: int) -> None:
    begin(client, "flat")
    send(client, "flat", row_function(FLAT), rows)
    scan = FLAT + SCAN.format(name="flat", rows=rows)
    live = run_script("0.31.0", server, tmp_path, scan, timeout=600)
    assert live.returncode == 0, live
    assert "/storage/history/" not in server.log.read_text()
    end(client, "flat")
    ended = run_script("0.31.0", server, tmp_path, scan + PARQUET.format(rows=rows), timeout=900)
    assert ended.returncode == 0, ended
    assert ended.line("READ") == "READ well"
    assert "/storage/history/" in server.log.read_text()


FORMER = """
    import json
    import time
    import urllib.request
    import os
    import base64
    import wandb

    def compact():
        token = base64.b64encode(f"api:{os.environ['WANDB_API_KEY']}".encode()).decode()
        while True:
            request = urllib.request.Request(os.environ["WANDB_BASE_URL"] + "/compact", method="POST",
                                             headers={"Authorization": f"Basic {token}"})
            if json.load(urllib.request.urlopen(request))["left"] == 0:
                return
            time.sleep(0.1)

    seen = []

    def look(what):
        compact()
        run = wandb.Api().run("local/long/self")
        rows = [[row["_step"], row["value"]] for row in run.scan_history()]
        keyed = [[row["_step"], row["value"]] for row in run.scan_history(keys=["value"])]
        assert rows == keyed, (what, rows, keyed)
        seen.append([what, rows])

    def log(values, **more):
        with wandb.init(project="long", id="self", **more) as run:
            for value in values:
                run.log({"value": value})

    log([0, 1, 2])
    look("first")
    log([3, 4], resume="must")
    look("resumed")
    log([20], resume_from="self?_step=1")
    look("rewound")
    log([21], resume="must")
    look("resumed again")
    log([100, 101])
    look("over")
    wandb.Api().run("local/long/self").delete()
    log([7])
    look("new")
    print("READ " + json.dumps(seen))
"""


def test_no_run_gives_rows_of_its_former_selves(server: Server, tmp_path: Path) -> None:
    finished = run_script("0.31.0", server, tmp_path, FORMER, timeout=300)
    assert finished.returncode == 0, finished
    assert json.loads(finished.line("READ ").removeprefix("READ ")) == [
        ["first", [[0, 0], [1, 1], [2, 2]]],
        ["resumed", [[0, 0], [1, 1], [2, 2], [3, 3], [4, 4]]],
        ["rewound", [[0, 0], [1, 1], [2, 20]]],
        ["resumed again", [[0, 0], [1, 1], [2, 20], [3, 21]]],
        ["over", [[0, 100], [1, 101]]],
        ["new", [[0, 7]]],
    ]
    log = server.log.read_text()
    assert "/storage/history/1.parquet" in log
    assert "/storage/history/2.parquet" in log
