"""Sweeps and reports as the real client makes and reads them."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from support.sdk import run_script
from support.server import start_server

SWEEP_SCRIPT = """
    import wandb

    name = wandb.sweep({
        "name": "search", "method": "grid", "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {"lr": {"values": [0.1, 0.01]}, "inner": {"parameters": {"deep": {"values": [1, 2, 3]}}}},
    }, project="swept")
    ids = []
    for loss in (3.0, 1.0, 2.0):
        with wandb.init(project="swept", settings=wandb.Settings(sweep_id=name)) as run:
            assert run.sweep_id == name, run.sweep_id
            run.log({"loss": loss})
            ids.append(run.id)

    api = wandb.Api()
    sweep = api.sweep(f"swept/{name}")
    assert sweep.config["parameters"]["lr"] == {"values": [0.1, 0.01]}, sweep.config
    assert (sweep.name, sweep.expected_run_count) == ("search", 6), (sweep.name, sweep.expected_run_count)
    assert sweep._attrs["state"] == "PENDING"
    assert sweep._attrs["bestLoss"] == 1.0, sweep._attrs
    assert sorted(run.id for run in sweep.runs) == sorted(ids)
    assert len(sweep.runs) == 3
    assert sweep.best_run().id == ids[1]
    assert api.run(f"swept/{ids[1]}").sweep_name == name
    try:
        api.sweep("swept/none")
    except Exception as error:
        print("missing", type(error).__name__)
    print("sweep", name)
"""

CLI_SCRIPT = """
    import subprocess, sys
    import wandb

    def cli(*args):
        done = subprocess.run([sys.executable, "-m", "wandb", *args], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    with open("sweep.yaml", "w") as file:
        file.write("{program: train.py, method: random, parameters: {lr: {min: 0.0, max: 1.0}}}")
    wandb.init(project="line", id="before").finish()
    code, said = cli("sweep", "--project", "line", "--prior_run", "before", "sweep.yaml")
    assert code == 0, said
    path = said.split("wandb agent ")[1].split()[0]
    assert cli("sweep", "--pause", path)[0] != 0  # of a pending one
    assert cli("sweep", "--resume", path) [0] == 0
    assert cli("sweep", "--pause", path)[0] == 0
    code, said = cli("sweep", "--stop", path)
    assert code == 0, said
    sweep = wandb.Api().sweep(path)
    assert [run.id for run in sweep.runs] == ["before"]
    print("state", sweep._attrs["state"])
"""

REPORTS_SCRIPT = """
    import wandb
    api = wandb.Api()
    reports = api.reports("local/told", per_page=2)
    assert [report.display_name for report in reports] == [f"Report {n}" for n in (4, 3, 2, 1, 0)]
    (one,) = api.reports("local/told", name="r-3")
    assert one.spec == {"panelGroups": [], "number": 3}, one.spec
    assert one.sections == []
    if wandb.__version__ != "0.18.7":  # there the attribute always raises
        assert one.user["username"] == "local"
    print("url", one.url)
"""


@pytest.mark.sdk
@pytest.mark.parametrize("version", ["0.31.0", "0.28.2", "0.18.7"])
def test_a_sweep_is_made_joined_and_read_back(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        made = run_script(version, server, tmp_path, SWEEP_SCRIPT)
        assert made.returncode == 0, made
        assert made.line("missing") in {"missing ValueError", "missing CommError"}, made
        assert len(made.line("sweep").split()[1]) == 8
        told = run_script(version, server, tmp_path, CLI_SCRIPT)
        assert told.returncode == 0, told
        assert told.line("state") == "state FINISHED"


@pytest.mark.sdk
@pytest.mark.parametrize("version", ["0.31.0", "0.28.2", "0.18.7"])
def test_reports_are_listed(version: str, tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        for number in range(5):
            _write_report(server.base_url, server.api_key, number)
        read = run_script(version, server, tmp_path, REPORTS_SCRIPT)
        assert read.returncode == 0, read
        link = read.line("url").split()[1]
        request = urllib.request.Request(link, headers={"authorization": f"Bearer {server.api_key}"})
        with urllib.request.urlopen(request) as page:
            assert "Report 3" in page.read().decode()


def _write_report(base_url: str, key: str, number: int) -> None:
    query = """mutation M($name: String!, $title: String!, $spec: String!) { upsertView(input: {
      projectName: "told", name: $name, displayName: $title, type: "runs", spec: $spec}) { inserted } }"""
    spec = json.dumps({"panelGroups": [], "number": number})
    body = json.dumps({"query": query, "variables": {
        "name": f"r-{number}", "title": f"Report {number}", "spec": spec}}).encode()
    request = urllib.request.Request(f"{base_url}/graphql", data=body, headers={
        "authorization": f"Bearer {key}", "content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["data"]["upsertView"]["inserted"]
