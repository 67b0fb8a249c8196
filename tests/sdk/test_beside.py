"""`dumbbell` in one process with the real `wandb`: errors, drafts, tables, and files of other artifacts."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.sdk import read_of, run_script
from support.server import start_server

pytestmark = pytest.mark.sdk

VERSION = "0.31.0"
CLIENT = Path(__file__).parents[2] / "client"
PACKAGES = ("httpx2", "stamina", "orjson")
START = """
    import datetime as dt
    import json
    import pathlib
    import pickle
    import wandb
    import dumbbell

    pathlib.Path("files").mkdir()
    pathlib.Path("files/a.txt").write_text("hello")
    with wandb.init(project="p", id="r", config={"lr": 1}) as run:
        run.log({"loss": 1})
    mine, theirs = dumbbell.Api(), wandb.Api()
    run = mine.run("local/p/r")
"""
ERRORS = """
    caught = []
    for call in (lambda: mine.run("local/p/none"), lambda: mine.artifact("local/p/none:v0"),
                 lambda: run.summary.update({"x": object()}), lambda: dumbbell.Api(api_key="x").viewer):
        try:
            call()
        except (wandb.errors.CommError, wandb.errors.UsageError) as error:
            again = pickle.loads(pickle.dumps(error))
            caught.append([type(error).__name__, isinstance(again, wandb.errors.Error), str(again) == str(error)])
    print("READ " + json.dumps(caught))
"""
DRAFTS = """
    draft = wandb.Artifact("set", "data", description="about", metadata={"rows": 2})
    draft.add_file("files/a.txt")
    draft.add_reference(f"file://{pathlib.Path('files/a.txt').resolve()}", "key")
    draft.add(wandb.Table(columns=["x", "y"], data=[[1, "a"], [2, "b"]]), "t")
    with draft.new_file("new.txt") as file:
        file.write("new")
    logged = run.log_artifact(draft, aliases=["best"])
    own = dumbbell.Artifact("own", "data")
    when = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone.utc)
    own.add(dumbbell.Table(["n", "s", "when", "none"], [[1, "a", when, None], [2.5, "b", None, None]]), "mine")
    own.add(wandb.Table(columns=["x"], data=[[1]]), "theirs")
    own.add(wandb.Html("<b>x</b>", inject=False), "page")
    run.log_artifact(own)
    found = theirs.artifact("local/p/set:best")
    with wandb.init(project="p", id="user") as user:
        user.use_artifact("set:best")
    with wandb.init(project="p", id="joiner") as joiner:
        joined = wandb.Artifact("joined", "data")
        joined.add(joiner.use_artifact("set:best").get("t"), "t")
        joined.add_reference(found.get_entry("a.txt"), "there.txt")
        joiner.log_artifact(joined).wait()
    mine_joined = mine.artifact("local/p/joined:v0")
    mine_joined.download("down")
    mine_joined.verify("down")
    table = theirs.artifact("local/p/own:v0").get("mine")
    print("READ " + json.dumps({
        "names": sorted(found.manifest.entries), "said": [found.description, found.metadata],
        "table": [found.get("t").columns, found.get("t").data], "ours": [table.columns, table.data[0][:2],
            table.data[0][2] == when, table.data[1]],
        "of wandb": theirs.artifact("local/p/own:v0").get("theirs").data,
        "page": pathlib.Path(theirs.artifact("local/p/own:v0").download("own"), "page.html-file.json").exists(),
        "joined": [mine_joined.get("t").data, pathlib.Path("down/there.txt").read_text(),
                   sorted(str(entry.ref)[:17] for entry in mine_joined.manifest.entries.values())],
        "same": mine.artifact("local/p/set:best").digest == logged.digest == found.digest}))
"""


def test_errors_and_pickles(tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        read = read_of(run_script(VERSION, server, tmp_path, START + ERRORS, packages=PACKAGES,
                                  env={"PYTHONPATH": str(CLIENT)}))
    assert read == [["NotFoundError", True, True], ["NotFoundError", True, True], ["WrongTypeError", True, True],
                    ["UsageError", True, True]]


def test_drafts_tables_and_references(tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        read = read_of(run_script(VERSION, server, tmp_path, START + DRAFTS, packages=PACKAGES,
                                  env={"PYTHONPATH": str(CLIENT)}, timeout=240))
    assert read == {
        "names": ["a.txt", "key", "new.txt", "t.table.json"], "said": ["about", {"rows": 2}],
        "table": [["x", "y"], [[1, "a"], [2, "b"]]],
        "ours": [["n", "s", "when", "none"], [1, "a"], True, [2.5, "b", None, None]], "of wandb": [[1]],
        "page": True, "joined": [[[1, "a"], [2, "b"]], "hello", ["wandb-artifact://"] * 2], "same": True}
