"""A first run, as a newcomer writes it, and what wandb.Api reads of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.sdk import run_script
from support.server import start_server

FIRST_RUN = """
    import json
    import pathlib
    import wandb

    run = wandb.init(project="first", config={"lr": 0.1, "nested": {"a": 1}})
    print("a first line")
    print("a second line")
    for step in range(10):
        run.log({"loss": 1 / (step + 1), "acc": step / 10})
    pathlib.Path("notes.txt").write_text("kept")
    wandb.save("notes.txt")
    path = f"{run.entity}/{run.project}/{run.id}"
    run.finish()

    read = wandb.Api().run(path)
    files = {file.name: file.size for file in read.files()}
    with read.file("notes.txt").download(root="read", replace=True) as opened:
        notes = opened.read()
    with read.file("output.log").download(root="read", replace=True) as opened:
        console = opened.read()
    print(json.dumps({
        "entity": read.entity,
        "project": read.project,
        "state": read.state,
        "config": dict(read.config),
        "loss": read.summary["loss"],
        "acc": read.summary["acc"],
        "sampled": len(read.history(pandas=False)),
        "rows": [[row["_step"], row["loss"], row["acc"]] for row in read.scan_history()],
        "files": files,
        "notes": notes,
        "console": console,
    }))
"""


@pytest.mark.sdk
@pytest.mark.parametrize("version", ["0.31.0", "0.28.2", "0.18.7"])
def test_first_run_is_read_back(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        finished = run_script(version, server, tmp_path, FIRST_RUN)
    assert finished.returncode == 0, finished
    read = json.loads(finished.last_line)
    assert (read["entity"], read["project"], read["state"]) == ("local", "first", "finished")
    assert read["config"] == {"lr": 0.1, "nested": {"a": 1}}
    assert (read["loss"], read["acc"]) == (0.1, 0.9)
    assert read["sampled"] == 10
    assert read["rows"] == [[step, 1 / (step + 1), step / 10] for step in range(10)]
    assert {"notes.txt", "output.log", "wandb-metadata.json", "config.yaml", "wandb-summary.json"} <= set(read["files"])
    assert read["files"]["notes.txt"] == len("kept")
    assert read["notes"] == "kept"
    assert "a first line\n" in read["console"]
    assert "a second line\n" in read["console"]
