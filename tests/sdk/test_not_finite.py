"""NaN and the infinities, from `run.log` to what each client reads, from pages and from Parquet files."""

from __future__ import annotations

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

LOGGED = """
    import math
    import wandb

    bad = [1.5, math.nan, math.inf, -math.inf, 0.5]
    settings = wandb.Settings(x_disable_stats=True)
    config = {"lr": math.nan, "l": [math.inf, "NaN"]}
    with wandb.init(project="bad", id="flat", settings=settings, config=config) as run:
        for value in bad:
            run.log({"loss": value, "text": "NaN"})
    with wandb.init(project="bad", id="deep", settings=settings) as run:
        for value in bad:
            run.log({"loss": value, "text": "Infinity", "in": {"dict": value, "list": [value, "NaN", {"x": value}]}})
        run.log({"table": wandb.Table(columns=["number", "text"], data=[[value, "NaN"] for value in bad])})
        run.summary["best"] = -math.inf
        made = wandb.Artifact("tables", "dataset")
        made.add(wandb.Table(columns=["number", "text"], data=[[value, "NaN"] for value in bad]), "table")
        run.log_artifact(made).wait()
"""

READ = """
    import json
    import wandb
    if {own}:
        import dumbbell, pyarrow.parquet, pandas, polars

    def of(rows, *keys):
        return [repr([row[key] for key in keys]) for row in rows if keys[0] in row]

    def read(api):
        flat, deep = api.run("local/bad/flat"), api.run("local/bad/deep")
        inside = ["in.dict", "in.list"]
        return {{
            "history": of(flat.history(pandas=False), "loss", "text"),
            "history of keys": of(flat.history(keys=["loss", "text"], pandas=False), "loss", "text"),
            "scan": of(flat.scan_history(), "loss", "text"),
            "scan of keys": of(flat.scan_history(keys=["loss", "text"]), "loss", "text"),
            "inside": of([row["in"] for row in deep.scan_history() if "in" in row], "dict", "list"),
            "inside by keys": of(deep.scan_history(keys=inside), *inside),
            "histories": of(api.runs("local/bad", {{"name": "flat"}}).histories(keys=["loss", "text"]), "loss", "text"),
            "config": repr([flat.config["lr"], flat.config["l"]]),
            "summary": repr([deep.summary["best"], deep.summary["text"]]),
            "keys": repr(flat.history_keys["keys"]["text"]["previousValue"]),
        }}

    def own(api):
        flat = api.run("local/bad/flat")
        frames = [flat.history(keys=["loss", "text"]), flat.history(),
                  api.runs("local/bad", {{"name": "flat"}}).histories(keys=["loss", "text"], format="pandas")]
        polar = [flat.history(keys=["loss", "text"], polars=True), flat.history(polars=True),
                 api.runs("local/bad", {{"name": "flat"}}).histories(keys=["loss", "text"], format="polars")]
        files = flat.download_history_exports("files", require_complete_history=False).paths
        table = api.artifact("local/bad/tables:latest").get("table")
        return {{
            "frames": [of(frame.to_dict("records"), "loss", "text") for frame in frames],
            "polars": [of(frame.to_dicts(), "loss", "text") for frame in polar],
            "types": [str(frame["loss"].dtype) for frame in [*frames, *polar]],
            "parquet": [of(pyarrow.parquet.read_table(path).to_pylist(), "loss", "text") for path in files],
            "table": repr(table.data),
        }}

    found = {{"wandb": read(wandb.Api())}}
    if {own}:
        found |= {{"dumbbell": read(dumbbell.Api()), "own": own(dumbbell.Api()),
                   "table": repr(wandb.Api().artifact("local/bad/tables:latest").get("table").data)}}
    print("READ " + json.dumps(found))
"""

EXACT = ["[1.5, 'NaN']", "[nan, 'NaN']", "[inf, 'NaN']", "[-inf, 'NaN']", "[0.5, 'NaN']"]
SPOKEN = ["[1.5, 'NaN']", "['NaN', 'NaN']", "['Infinity', 'NaN']", "['-Infinity', 'NaN']", "[0.5, 'NaN']"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("server"), **STILL) as started:
        yield started


@pytest.fixture(scope="module")
def found(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What was read out of pages, and then out of files, by version."""
    folder = tmp_path_factory.mktemp("bad")
    logged = run_script("0.31.0", server, folder, LOGGED, packages=PACKAGES)
    assert logged.returncode == 0, str(logged)

    def read() -> dict[str, Any]:
        newest = run_script("0.31.0", server, folder, READ.format(own=True), packages=PACKAGES,
                            env={"PYTHONPATH": str(CLIENT)})
        return {"0.31.0": read_of(newest),
                "0.22.3": read_of(run_script("0.22.3", server, folder, READ.format(own=False)))}
    pages = read()
    client = Client(server)
    client.compact()
    client.close()
    return {"pages": pages, "files": read()}


@pytest.mark.parametrize("source", ["pages", "files"])
def test_dumbbell_reads_the_numbers_that_were_logged(found: dict[str, Any], source: str) -> None:
    ours, own = found[source]["0.31.0"]["dumbbell"], found[source]["0.31.0"]["own"]
    for name in ("history", "history of keys", "scan", "scan of keys", "histories"):
        assert ours[name] == EXACT, name
    values = ["1.5", "nan", "inf", "-inf", "0.5"]
    assert ours["inside"] == ours["inside by keys"] == [
        f"[{value}, [{value}, 'NaN', {{'x': {value}}}]]" for value in values]
    assert (ours["summary"], ours["keys"]) == ("[-inf, 'Infinity']", "'NaN'")
    assert own["frames"] == own["polars"] == [EXACT] * 3
    assert own["types"] == ["float64"] * 3 + ["Float64"] * 3
    assert own["parquet"] == ([EXACT] if source == "files" else [])
    assert own["table"] == found[source]["0.31.0"]["table"]


@pytest.mark.parametrize("source", ["pages", "files"])
@pytest.mark.parametrize("version", ["0.31.0", "0.22.3"])
def test_wandb_reads_numbers_out_of_rows_and_texts_by_keys(found: dict[str, Any], version: str, source: str) -> None:
    theirs = found[source][version]["wandb"]
    assert theirs["history"] == theirs["scan"] == EXACT
    assert theirs["history of keys"] == theirs["histories"] == SPOKEN
    # 0.31 reads rows of keys out of files too, where they are numbers
    assert theirs["scan of keys"] == (EXACT if (version, source) == ("0.31.0", "files") else SPOKEN)
    assert theirs["inside by keys"][1] == "['NaN', ['NaN', 'NaN', {'x': 'NaN'}]]"
    assert theirs["inside"][3] == "[-inf, [-inf, 'NaN', {'x': -inf}]]"
    ours = found[source]["0.31.0"]["dumbbell"]
    assert (theirs["config"], theirs["summary"]) == (ours["config"], ours["summary"])
    assert ours["config"] == "[None, [inf, 'NaN']]"  # wandb itself writes null for NaN in a config

