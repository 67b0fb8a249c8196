"""A run whose project gets another name while it logs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.sdk import run_script
from support.server import start_server

pytestmark = pytest.mark.sdk

SCRIPT = """
    import base64
    import json
    import os
    import pathlib
    import time
    import urllib.request
    import wandb

    def ask(query):
        key = base64.b64encode(f"api:{os.environ['WANDB_API_KEY']}".encode()).decode()
        headers = {"content-type": "application/json", "authorization": f"Basic {key}"}
        url, body = f"{os.environ['WANDB_BASE_URL']}/graphql", json.dumps({"query": query}).encode()
        request = urllib.request.Request(url, body, headers)
        return json.load(urllib.request.urlopen(request))["data"]

    with wandb.init(project="before", entity="local", id="long") as run:
        for step in range(20):
            run.log({"value": step})
        while ask('{ project(name: "before") { run(name: "long") { historyLineCount } } }'
                  )["project"]["run"]["historyLineCount"] < 10:
            time.sleep(0.2)
        ask('mutation { renameProject(input: {entityName: "local", oldProjectName: "before", '
            'newProjectName: "after"}) { inserted } }')
        for step in range(20, 40):
            run.log({"value": step})
        path = pathlib.Path(run.dir) / "notes.txt"
        path.write_text("after")
        run.save(str(path), base_path=run.dir, policy="now")
        run.config.update({"late": 1})
        artifact = wandb.Artifact("set", "dataset")
        artifact.add_file(str(path))
        run.log_artifact(artifact).wait()
    found = wandb.Api().run("local/after/long")
    scan = {"use_cache": False} if "0.31" in wandb.__version__ else {}
    print("READ " + json.dumps([
        found.state, [row["value"] for row in found.scan_history(**scan)] == list(range(40)), found.config["late"],
        found.file("notes.txt").size, [artifact.name for artifact in found.logged_artifacts()],
        [project.name for project in wandb.Api().projects("local")]]))
"""


@pytest.mark.parametrize("version", ["0.31.0", "0.22.3"])
def test_nothing_of_a_run_is_lost_as_its_project_is_renamed(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        finished = run_script(version, server, tmp_path, SCRIPT)
    assert finished.returncode == 0, finished
    assert json.loads(finished.line("READ ").removeprefix("READ ")) == [
        "finished", True, 1, 5, ["set:v0"], ["after"]]
