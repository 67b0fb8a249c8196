"""Histories as frames of pandas and polars: those of `dumbbell.Api` beside those of `wandb.Api`, of one server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

import dumbbell
from support.sdk import read_of, run_script
from support.server import STILL, Server, start_server
from support.wire import Client

pytestmark = pytest.mark.sdk

PACKAGES = ["pandas", "polars", "httpx2", "stamina", "orjson", "pyarrow"]
CLIENT = Path(dumbbell.__file__).parent.parent

LOGGED = """
    import json
    import pandas as pd
    import wandb

    frame = pd.DataFrame({"name": ["a", None, "c"], "score": [0.5, float("nan"), 2.0], "count": [1, 2, 3]})
    for name, extra in (("one", 0), ("two", 5)):
        with wandb.init(project="frames", id=name, settings=wandb.Settings(x_disable_stats=True)) as run:
            for step in range(40):
                row = {"loss": 1 / (step + 1), "count": step + extra, "text": f"t{step}", "good": step % 2 == 0}
                if step % 4 == 0:
                    row["sparse"] = step
                if step == 7:
                    row |= {"loss": float("nan"), "count": step + 0.5}
                if step == 9:
                    row |= {"loss": float("inf")}
                if step % 10 == 3:
                    row |= {"deep": {"a": step, "b": [step, None]}}
                run.log(row)
            if name == "one":
                run.log({"table": wandb.Table(dataframe=frame)})
                made = wandb.Artifact("tables", "dataset")
                made.add(wandb.Table(dataframe=frame), "scores")
                run.log_artifact(made).wait()
    with wandb.init(project="frames", id="nothing", settings=wandb.Settings(x_disable_stats=True)):
        pass
"""

CASES = """
    import json
    import math
    import dumbbell
    import pandas as pd
    import polars as pl
    import wandb

    def plain(value):
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)
        if isinstance(value, dict):
            return {key: plain(each) for key, each in value.items() if key not in ("_timestamp", "_runtime")}
        if isinstance(value, (list, tuple)):
            return [plain(each) for each in value]
        return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)

    def shown(frame):
        if isinstance(frame, pd.DataFrame):
            values = {name: list(frame[name]) for name in frame.columns if name not in ("_timestamp", "_runtime")}
            return {"is": "pandas", "columns": list(frame.columns), "types": [str(each) for each in frame.dtypes],
                    "index": list(frame.index), "values": plain(values)}
        if isinstance(frame, pl.DataFrame):
            return {"is": "polars", "columns": frame.columns, "types": [str(each) for each in frame.dtypes],
                    "values": plain(frame.to_dicts())}
        return plain(frame)

    def run(api, name="one"):
        return api.run(f"local/frames/{name}")

    def runs(api, *names):
        return api.runs("local/frames", {"name": {"$in": list(names)}}, order="+created_at", per_page=1)

    def table(api):
        found = api.artifact("local/frames/tables:latest").get("scores")
        return [found.columns, found.data, shown(found.get_dataframe()), found.get_column("count"),
                [list(row) for _, row in found.iterrows()]]

    cases = {
        "all": lambda api: run(api).history(),
        "few": lambda api: run(api).history(samples=5),
        "keys": lambda api: run(api).history(keys=["loss", "sparse"]),
        "whole numbers": lambda api: run(api).history(keys=["sparse"]),
        "axis": lambda api: run(api).history(keys=["loss"], x_axis="sparse"),
        "missing key": lambda api: run(api).history(keys=["loss", "nowhere"]),
        "two samples of a key": lambda api: run(api).history(keys=["count"], samples=2),
        "nothing logged": lambda api: run(api, "nothing").history(),
        "list": lambda api: run(api).history(pandas=False),
        "list of keys": lambda api: run(api).history(keys=["text", "good"], pandas=False),
        "system": lambda api: run(api, "busy").history(stream="system"),
        "system list": lambda api: run(api, "busy").history(stream="system", pandas=False),
        "no system": lambda api: run(api, "nothing").history(stream="system"),
        "keys of the system": lambda api: run(api, "busy").history(keys=["loss"], stream="system"),
        "scan": lambda api: list(run(api).scan_history(page_size=7)),
        # wandb 0.31's reader of Parquet files gives the columns in the order of the file, whatever was asked for
        "scan of keys": lambda api: pd.DataFrame(
            run(api).scan_history(keys=["_step", "sparse", "loss"]))[["_step", "sparse", "loss"]],
        "scan between": lambda api: pl.from_dicts(list(run(api).scan_history(keys=["_step"], min_step=5, max_step=9))),
        "histories": lambda api: runs(api, "one", "two").histories(),
        "histories of keys": lambda api: runs(api, "one", "two").histories(keys=["loss"], samples=4),
        "histories in pandas": lambda api: runs(api, "one", "two").histories(format="pandas"),
        "histories in pandas, of keys": lambda api: runs(api, "two", "one").histories(
            format="pandas", keys=["sparse", "count"]),
        "histories in polars": lambda api: runs(api, "one").histories(format="polars", samples=6),
        "histories in polars, of keys": lambda api: runs(api, "one", "two").histories(
            format="polars", keys=["text", "count"]),
        "histories in polars, unlike": lambda api: runs(api, "one", "two").histories(format="polars"),
        "histories of nothing": lambda api: runs(api, "nothing").histories(format="pandas"),
        "histories of nothing in polars": lambda api: runs(api, "nothing").histories(format="polars"),
        "histories of the system": lambda api: runs(api, "busy", "one").histories(format="pandas", stream="system"),
        "table": table,
    }
    columns = ["id", "name", "state", "created_at", "summary.loss", "summary.count", "summary.deep.a", "config.lr"]

    def flat(frame):
        return [str(type(frame).__module__).partition(".")[0], str(frame["created_at"].dtype),
                [name in frame.columns for name in columns], list(frame["id"]), list(frame["summary.count"]),
                len(frame)]

    own = {
        "runs in pandas": lambda api: flat(runs(api, "one", "two").to_pandas()),
        "runs in polars": lambda api: flat(runs(api, "one", "two").to_polars()),
        "runs of nothing in pandas": lambda api: list(runs(api).to_pandas(summary=False).columns),
        "runs of nothing in polars": lambda api: runs(api).to_polars().columns,
        "polars": lambda api: run(api).history(polars=True),
        "polars of keys": lambda api: run(api).history(keys=["loss", "sparse"], polars=True),
        "polars of nothing": lambda api: run(api, "nothing").history(polars=True),
        "polars of unlike cells": lambda api: run(api, "mixed").history(polars=True),
    }
    found = {}
    for name, case in cases.items():
        found[name] = {}
        for module in (dumbbell, wandb):
            try:
                found[name][module.__name__] = shown(case(module.Api()))
            except Exception as error:
                found[name][module.__name__] = {"raises": repr(error)}
    found |= {name: shown(case(dumbbell.Api())) for name, case in own.items()}
    print("READ " + json.dumps(found))
"""

MIXED = [{"_step": 0, "a": 1, "b": [1, 2], "c": [1, "x"], "d": True, "e": {"f": 1}},
         {"_step": 1, "a": "x", "b": 3, "c": None, "d": 2, "e": {"f": "x", "g": 2}},
         {"_step": 2, "a": {"b": 1}, "b": "s", "d": None, "e": {}}]

SAME = [
    "all", "few", "keys", "whole numbers", "axis", "missing key", "two samples of a key", "nothing logged", "list",
    "list of keys", "system", "system list", "no system", "keys of the system", "scan", "scan of keys", "scan between",
    "histories", "histories of keys", "histories in pandas", "histories in pandas, of keys", "histories in polars",
    "histories in polars, of keys", "histories of nothing", "histories of nothing in polars",
    "histories of the system", "table"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("server"), **STILL) as started:
        yield started


def stream(server: Server, run: str, file: str, rows: list[dict[str, Any]]) -> None:
    httpx2.post(f"{server.base_url}/files/local/frames/{run}/file_stream", auth=("api", server.api_key), json={
        "files": {file: {"offset": 0, "content": [json.dumps(row) for row in rows]}}}).raise_for_status()


@pytest.fixture(scope="module")
def found(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("frames")
    logged = run_script("0.31.0", server, folder, LOGGED, packages=PACKAGES)
    assert logged.returncode == 0, str(logged)
    api = dumbbell.Api({"base_url": server.base_url}, api_key=server.api_key)
    for name in ("busy", "mixed"):
        api.create_run(run_id=name, project="frames", entity="local")
    stream(server, "mixed", "wandb-history.jsonl", MIXED)
    events = [{"_timestamp": 1.7e9 + step, "_runtime": step, "system.cpu": step * 10.0, "system.memory": step}
              | ({"system.gpu.0.temp": step} if step % 2 else {}) for step in range(6)]
    stream(server, "busy", "wandb-events.jsonl", events)
    answers: dict[str, Any] = ask(server, folder)
    client = Client(server)
    client.compact()
    client.close()
    return answers | {"later": ask(server, folder)}


def ask(server: Server, folder: Path) -> Any:
    return read_of(run_script("0.31.0", server, folder, CASES, packages=PACKAGES, env={"PYTHONPATH": str(CLIENT)}))


@pytest.mark.parametrize("name", SAME)
def test_both_clients_give_the_same(found: dict[str, Any], name: str) -> None:
    assert "raises" not in found[name]["wandb"]
    assert found[name]["dumbbell"] == found[name]["wandb"]
    assert found["later"][name]["dumbbell"] == found["later"][name]["wandb"]


def test_the_background_changes_no_frame(found: dict[str, Any]) -> None:
    assert {name: value for name, value in found.items() if name in {*SAME, "polars", "polars of keys"}
            if found["later"][name] != value} == {}


def test_polars_has_the_rows_of_pandas(found: dict[str, Any]) -> None:
    frame, rows = found["polars"], found["list"]["dumbbell"]
    assert frame["is"] == "polars"
    assert frame["columns"] == found["all"]["dumbbell"]["columns"]
    assert [{name: value for name, value in row.items() if value is not None and name != "deep"}
            for row in frame["values"]] == [{name: value for name, value in row.items() if name != "deep"}
                                            for row in rows]
    assert frame["values"][3]["deep"] == {"a": 3, "b": [3, None]}
    types = dict(zip(frame["columns"], frame["types"], strict=True))
    assert (types["_step"], types["count"], types["good"], types["text"]) == ("Int64", "Float64", "Boolean", "String")
    assert found["polars of keys"]["columns"] == ["_step", "loss", "sparse"]
    assert found["polars of nothing"] == {"is": "polars", "columns": [], "types": [], "values": []}


def test_cells_of_several_kinds_are_all_kept(found: dict[str, Any]) -> None:
    rows = found["polars of unlike cells"]["values"]
    assert [row["a"] for row in rows] == ["1", "x", '{"b":1}']
    assert [row["b"] for row in rows] == ["[1,2]", "3", "s"]
    assert [row["c"] for row in rows] == [["1", "x"], None, None]
    assert [row["e"] for row in rows] == [{"f": "1", "g": None}, {"f": "x", "g": 2}, {"f": None, "g": None}]


def test_runs_with_other_columns_go_into_one_frame(found: dict[str, Any]) -> None:
    ours, theirs = found["histories in polars, unlike"].values()
    assert "raises" in theirs  # wandb puts only frames with the same columns on each other
    assert len(ours["values"]) == 81
    assert ours["columns"] == sorted(ours["columns"])
    assert [row["loss"] for row in ours["values"][:3]] == [1.0, 0.5, 1 / 3]


def test_runs_are_frames_of_their_fields(found: dict[str, Any]) -> None:
    there = [*[True] * 7, False]
    assert found["runs in pandas"] == ["pandas", found["runs in pandas"][1], there, ["one", "two"], [39, 44], 2]
    assert found["runs in polars"] == ["polars", "Datetime(time_unit='us', time_zone='UTC')", there, ["one", "two"],
                                       [39, 44], 2]
    assert found["runs in pandas"][1] in {"datetime64[ns, UTC]", "datetime64[us, UTC]"}  # pandas 2 and 3
    assert found["runs of nothing in pandas"][:3] == ["id", "name", "state"]
    assert found["runs of nothing in polars"] == []
