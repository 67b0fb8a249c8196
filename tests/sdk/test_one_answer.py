"""What the real clients read of a run, from lines, from columns and from Parquet files: one answer."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dumbbell
from support.sdk import read_of, run_script
from support.server import STILL, Server, start_server
from support.wire import Client

pytestmark = pytest.mark.sdk

PACKAGES = ["pandas", "polars", "httpx2", "stamina", "orjson", "pyarrow"]
CLIENT = Path(dumbbell.__file__).parent.parent
ROWS = 3000

READ = """
    import hashlib
    import importlib
    import json

    def exact(value):
        return repr(value)

    def by_name(value):
        # the core of 0.31 gives the keys of a row in an order of its own each time
        if isinstance(value, dict):
            return "{{" + ", ".join(f"{{key!r}}: {{by_name(value[key])}}" for key in sorted(value)) + "}}"
        return "[" + ", ".join(map(by_name, value)) + "]" if isinstance(value, list) else repr(value)

    def cases(api, name):
        run = api.run(f"local/p/{{name}}")
        some = {some}[name]
        yield "scan", lambda: run.scan_history(page_size=250)
        yield "scan between", lambda: run.scan_history(page_size=100, min_step=900, max_step=2100)
        yield "scan of keys", lambda: run.scan_history(keys=["_step", *some], page_size=250)
        for key in some:
            yield f"scan of {{key}}", lambda key=key: run.scan_history(keys=["_step", key], page_size=290)
            yield f"history of {{key}}", lambda key=key: run.history(keys=[key], samples=700, pandas=False)
        yield "history", lambda: run.history(pandas=False)
        yield "history of all", lambda: run.history(samples=100000, pandas=False)
        yield "history of keys", lambda: run.history(keys=some, pandas=False)
        yield "system", lambda: run.history(stream="system", pandas=False)
        yield "last step", lambda: [run.lastHistoryStep]
        yield "config and summary", lambda: [dict(run.config), dict(run.summary), run.tags, run.name]
        yield "keys", lambda: [run.history_keys] if hasattr(run, "history_keys") else []
        yield "runs", lambda: [[one.id, dict(one.config)] for one in api.runs("local/p", order="+name")]
        logged = {{"keys_info.keys.loss": {{"$exists": True}}}}
        yield "filtered", lambda: [one.id for one in api.runs("local/p", logged)]

    def frames(api, name):
        run = api.run(f"local/p/{{name}}")
        frames = [run.history(), run.history(keys={some}[name]), pandas.DataFrame(list(run.scan_history())),
                  api.runs("local/p", {{"name": name}}).histories(format="pandas")]
        polar = [run.history(polars=True), run.history(keys={some}[name], polars=True),
                 api.runs("local/p", {{"name": name}}).histories(format="polars")]
        return [[list(frame.columns), list(map(str, frame.dtypes)), repr(frame.to_dict("records"))]
                for frame in frames] + [[frame.columns, list(map(str, frame.dtypes)), repr(frame.to_dicts())]
                                        for frame in polar]

    found = {{}}
    for module, write in (("wandb", by_name), ("dumbbell", exact)):
        if module not in {modules}:
            continue
        api = importlib.import_module(module).Api()
        for name in {some}:
            for case, call in cases(api, name):
                rows = list(call())
                text = "\\n".join(map(write, rows))
                sum_of = hashlib.md5(text.encode("utf-8", "surrogatepass")).hexdigest()
                found[f"{{module}} {{name}} {{case}}"] = [len(rows), sum_of, text[:300]]
            if module == "dumbbell":
                import pandas
                text = repr(frames(api, name))
                found[f"dumbbell {{name}} frames"] = [len(text), hashlib.md5(text.encode()).hexdigest(), text[:300]]
    print("READ " + json.dumps(found))
"""
SOME = {"flat": ["loss", "mixed"], "deep": ["deep.a", "sparse"], "shared": ["loss", "late"]}
PHASES = ["lines", "columns", "ended", "files"]


def flat(step: int) -> dict[str, Any]:
    row = {"loss": step / 7, "whole": step * step, "mixed": step if step % 3 else step + 0.5, "text": f"t{step}",
           "good": step % 2 == 0, "bad": [math.nan, math.inf, 1.5][step % 3], "_step": step}
    names = sorted(row, key=lambda name: hash((name, step % 5)))  # no two rows need have one order
    return {name: row[name] for name in names}


def deep(step: int) -> dict[str, Any]:
    row: dict[str, Any] = {"_step": step, "loss": 1 / (step + 1), "deep": {"b": [step, math.nan], "a": step / 2}}
    return row | ({"sparse": step, "odd": ["x", 1, None, True][step % 4]} if step % 37 == 5 else {})


def shared(step: int) -> dict[str, Any]:
    return {"_step": step // 2, "loss": float(step)} | ({"late": step} if step > ROWS / 2 else {})


def log(client: Client, run: str, rows: list[dict[str, Any]], writer: str = "") -> None:
    headers = {"x_wandb_async_client_id": writer} if writer else {}
    for start in range(0, len(rows), 250):
        lines = [json.dumps(row) for row in rows[start:start + 250]]
        client.post(f"/files/local/p/{run}/file_stream",
                    {"files": {"wandb-history.jsonl": {"offset": start, "content": lines}}}, **headers)


def fill(client: Client) -> None:
    for name in SOME:
        client.ask(f'mutation {{ upsertBucket(input: {{modelName: "p", name: "{name}", config: '
                   f'"{{\\"lr\\":{{\\"value\\":0.5}}}}"}}) {{ inserted }} }}')
    log(client, "flat", [flat(step) for step in range(ROWS)])
    log(client, "deep", [deep(step) for step in range(ROWS)])
    for writer in ("a", "b"):
        log(client, "shared", [shared(step) for step in range(ROWS)], writer)
    events = [json.dumps({"_runtime": at, "system.cpu": at * 1.5}) for at in range(20)]
    client.post("/files/local/p/flat/file_stream",
                {"files": {"wandb-events.jsonl": {"offset": 0, "content": events}}})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("server"), **STILL, DUMBBELL_LOG_LEVEL="debug") as started:
        yield started


@pytest.fixture(scope="module")
def found(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What was read by each version and client, by phase."""
    folder = tmp_path_factory.mktemp("one")
    client = Client(server)
    fill(client)

    def end() -> None:
        for name in SOME:
            client.post(f"/files/local/p/{name}/file_stream", {"complete": True, "exitcode": 0})

    answers: dict[str, dict[str, Any]] = {}
    for phase, before in zip(PHASES, (lambda: None, client.compact, end, client.compact), strict=True):
        client.close()  # it is opened again: the server may have ended it while a script ran
        before()
        if phase == "files":
            assert "/storage/history/" not in server.log.read_text()
        newest = run_script("0.31.0", server, folder, READ.format(some=SOME, modules=["wandb", "dumbbell"]),
                            packages=PACKAGES, env={"PYTHONPATH": str(CLIENT)})
        older = run_script("0.22.3", server, folder, READ.format(some=SOME, modules=["wandb"]))
        answers[phase] = read_of(newest) | {f"0.22.3 {name}": value for name, value in read_of(older).items()}
    client.close()
    return answers


@pytest.mark.timeout(600)
@pytest.mark.parametrize("phase", PHASES[1:])
def test_every_read_gives_the_same_in_every_phase(found: dict[str, dict[str, Any]], phase: str) -> None:
    assert len(found["lines"]) > 100
    assert {name: (value, found[phase][name]) for name, value in found["lines"].items()
            if value != found[phase][name]} == {}


def test_rows_came_from_files_in_the_end(found: dict[str, dict[str, Any]], server: Server) -> None:
    assert found["files"]
    assert "/storage/history/" in server.log.read_text()
