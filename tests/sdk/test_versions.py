"""Releases of five years against one server: each logs a run and reads it, and 0.31.0 reads what the others logged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dumbbell_server.releases import TESTED
from support.sdk import run_script
from support.server import Server, start_server

pytestmark = pytest.mark.sdk

LOG = """
    import pathlib
    import wandb

    run = wandb.init(project="old", entity="local", id="{run}", name="shown", tags=["b"], notes="a note",
                     config={{"lr": 0.1, "nested": {{"a": 1}}}})
    print("a line to keep")
    for step in range(10):
        run.log({{"loss": 1 / (step + 1), "acc": step / 10}})
    run.summary["best"] = 0.5
    pathlib.Path("notes.txt").write_text("kept")
    wandb.save("notes.txt")
    run.finish()
"""
READ = """
    import json
    import wandb

    api = wandb.Api()
    read = api.run("local/old/{run}")
    with read.file("notes.txt").download(root="read", replace=True) as opened:
        notes = opened.read()
    print("READ " + json.dumps({{
        "path": list(read.path),
        "state": read.state,
        "labels": [read.name, read.tags, read.notes],
        "config": dict(read.config),
        "summary": [read.summary["loss"], read.summary["best"]],
        "sampled": [row["loss"] for row in read.history(pandas=False)],
        "rows": [[row["_step"], row["loss"], row["acc"]] for row in read.scan_history()],
        "some": [row["acc"] for row in read.scan_history(keys=["acc"])],
        "notes": notes,
        "files": sorted({{"wandb-metadata.json", "config.yaml"}} & {{file.name for file in read.files()}}),
        "listed": "{run}" in [run.id for run in api.runs("local/old")],
        "projects": [project.name for project in api.projects("local")],
    }}))
"""
CONSOLE = """
    print("READ " + json.dumps([line.content.strip() for line in read.console_logs()]))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("versions")) as server:
        yield server


@pytest.mark.parametrize("version", TESTED)
def test_run_is_logged_and_read_by_the_same_release(version: str, server: Server, tmp_path: Path) -> None:
    run = "v" + version.replace(".", "-")
    # "wrap": left to themselves 0.10.33 and 0.12.21 redirect the file descriptors, and off a terminal catch nothing
    finished = run_script(version, server, tmp_path, LOG.format(run=run) + READ.format(run=run),
                          env={"WANDB_CONSOLE": "wrap"})
    assert finished.returncode == 0, finished
    expected = {
        "path": ["local", "old", run],
        "state": "finished",
        "labels": ["shown", ["b"], "a note"],
        "config": {"lr": 0.1, "nested": {"a": 1}},
        "summary": [0.1, 0.5],
        "sampled": [1 / (step + 1) for step in range(10)],
        "rows": [[step, 1 / (step + 1), step / 10] for step in range(10)],
        "some": [step / 10 for step in range(10)],
        "notes": "kept",
        "files": ["config.yaml", "wandb-metadata.json"],
        "listed": True,
        "projects": ["old"],
    }
    assert json.loads(finished.line("READ ").removeprefix("READ ")) == expected
    newest = run_script("0.31.0", server, tmp_path, READ.format(run=run) + CONSOLE)
    assert newest.returncode == 0, newest
    read, console = [json.loads(line.removeprefix("READ ")) for line in newest.stdout.splitlines()
                     if line.startswith("READ ")]
    assert read == expected
    assert "a line to keep" in console
