"""The project that all cases read, and how it is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2

import dumbbell

CONFIG: dict[str, Any] = {"opt": {"desc": None, "value": "sgd"}, "net": {"value": {"layers": [64, 32], "drop": 0.5}},
                          "none": {"value": None}, "_wandb": {"value": {"cli_version": "0.31.0", "t": {"1": [1]}}}}
ROWS = [{"_step": step, "_runtime": step * 2.0, "_timestamp": 1.7e9 + step, "loss": 1 / (step + 1), "text": f"s{step}",
         **({"acc": step / 30} if step % 3 == 0 else {}), **({"deep": {"a": step}} if step % 5 == 0 else {})}
        for step in range(30)]

UPSERT = """mutation U($input: UpsertBucketInput!) { upsertBucket(input: $input) { bucket { id } } }"""
SWEEP = """mutation S($config: String!) {
  upsertSweep(input: {config: $config, entityName: "local", projectName: "seeded"}) { sweep { name } } }"""
REPORT = """mutation V($name: String!, $title: String!, $spec: String!) {
  upsertView(input: {entityName: "local", projectName: "seeded", type: "runs", name: $name, displayName: $title,
                     description: "about", spec: $spec}) { view { id } } }"""
SPEC = {"panelGroups": [{"name": "g", "openRunSet": 0, "runSets": [{
    "sort": {"key": {"section": "summary", "name": "loss"}, "ascending": True},
    "filters": {"op": "OR", "filters": [{"op": "AND", "filters": []}]},
    "selections": {"root": 0, "tree": ["r1", "r2"]}}]}]}


def seed(base_url: str, key: str, folder: Path) -> dict[str, str]:
    """Make the project; names that the server chose."""
    api = dumbbell.Api({"base_url": base_url}, api_key=key)
    api.create_organization("Guild")
    for number in range(8):
        run(api, number)
    for number in (0, 1):
        history(base_url, key, f"r{number}")
    files(api, folder)
    artifacts(api, folder)
    sweep = api.client.execute(SWEEP, {"config": json.dumps({
        "method": "grid", "name": "hunt", "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {"x": {"values": [1, 2, 3]}}})})["upsertSweep"]["sweep"]["name"]
    for number, loss in enumerate([3, 1, 2]):
        upsert(api, f"s{number}", sweep=sweep, summaryMetrics=json.dumps({"loss": loss}))
    for number in range(3):
        api.client.execute(REPORT, {"name": f"report {number}", "title": f"Report {number}: now!",
                                    "spec": json.dumps(SPEC)})
    return {"sweep": str(sweep), **agents(api)}


def agents(api: dumbbell.Api) -> dict[str, str]:
    """Sweeps that agents have worked on, and one whose search runs elsewhere."""
    config = {"method": "grid", "name": "swept", "metric": {"name": "loss"}, "parameters": {"x": {"values": [1, 2, 3]}}}
    swept = dumbbell.sweep(config, project="swept", api=api)
    for count in (2, 1):
        dumbbell.agent(swept, lambda run: run.summary.update({"loss": run.config["x"]}), count=count, api=api)
    elsewhere = dumbbell.sweep({**config, "name": "elsewhere", "method": "custom", "scheduler": {"engine": "optuna"}},
                               project="swept", api=api)
    dumbbell.sweep({**config, "name": "another"}, project="swept", api=api)
    return {"swept": swept, "agent": api.sweep(f"swept/{swept}").agents()[0].name, "elsewhere": elsewhere}


def upsert(api: dumbbell.Api, name: str, **fields: Any) -> None:
    api.client.execute(UPSERT, {"input": {"name": name, "modelName": "seeded", "entityName": "local", **fields}})


def run(api: dumbbell.Api, number: int) -> None:
    config = {**CONFIG, "lr": {"desc": None, "value": 10.0 ** -number}, "number": {"desc": None, "value": number}}
    summary: dict[str, Any] = {"loss": 10 - number, "best": {"acc": number / 10, "step": number}, "tag": f"t{number}"}
    if number == 7:
        del summary["loss"]
    upsert(api, f"r{number}", config=json.dumps(config), summaryMetrics=json.dumps(summary),
           displayName=f"run {number}", notes=f"note {number}", tags=["all", "even" if number % 2 == 0 else "odd"],
           groupName="first" if number < 4 else "second", jobType="train")


def history(base_url: str, key: str, name: str) -> None:
    events = [{"_wandb": True, "_timestamp": 1.7e9 + step, "_runtime": step, "system.cpu": step * 10.0}
              for step in range(6)]
    posted = httpx2.post(f"{base_url}/files/local/seeded/{name}/file_stream", auth=("api", key), json={
        "files": {"wandb-history.jsonl": {"offset": 0, "content": [json.dumps(row) for row in ROWS]},
                  "wandb-events.jsonl": {"offset": 0, "content": [json.dumps(row) for row in events]},
                  "output.log": {"offset": 0, "content": [
                      f"2026-01-01T00:00:0{number}.000000 line {number}" for number in range(5)]}},
        "complete": True, "exitcode": 0})
    posted.raise_for_status()


def files(api: dumbbell.Api, folder: Path) -> None:
    made = folder / "files"
    (made / "media" / "images").mkdir(parents=True)
    (made / "note.txt").write_text("hello")
    (made / "media" / "images" / "a b#1.bin").write_bytes(bytes(range(256)) * 10)
    (made / "wandb-metadata.json").write_text('{"os": "Linux", "python": "3.11"}')
    (made / "empty.txt").write_text("")
    owner = api.run("local/seeded/r0")
    for path in sorted(made.rglob("*")):
        if path.is_file():
            owner.upload_file(str(path), str(made))


def artifacts(api: dumbbell.Api, folder: Path) -> None:
    made = folder / "data"
    (made / "deep").mkdir(parents=True)
    (made / "a.txt").write_text("hello")
    (made / "deep" / "b.bin").write_bytes(bytes(range(256)) * 40)
    owner, reader = api.run("local/seeded/r0"), api.run("local/seeded/r1")
    for number in range(3):
        (made / f"n{number}.txt").write_text(str(number))
        artifact = dumbbell.Artifact("data", "dataset", f"version {number}", {"rows": number, "nested": {"a": [1]}})
        artifact.add_dir(str(made))
        owner.log_artifact(artifact, aliases=[f"was{number}"])
        reader.use_artifact(artifact)
    weights = dumbbell.Artifact("weights", "model", metadata={"acc": 0.5})
    weights.add_file(str(made / "deep" / "b.bin"), "w.bin")
    owner.log_artifact(weights, aliases=["best"], tags=["good", "small"])
    outside = folder / "outside.txt"
    outside.write_text("outside")
    pointing = dumbbell.Artifact("pointing", "dataset")
    pointing.add_reference(f"file://{outside}")
    pointing.add_reference("s3://bucket/key", checksum=False)
    owner.log_artifact(pointing)
    tables = dumbbell.Artifact("tables", "dataset")
    with tables.new_file("preds.table.json") as file:
        file.write(json.dumps({"columns": ["x", "y"], "data": [[1, "a"], [2, "b"]]}))
    owner.log_artifact(tables)
    joined = dumbbell.Artifact("joined", "dataset")
    joined.add_reference(artifact.get_entry("a.txt"), "linked/a.txt")
    joined.add_reference(artifact.get_entry("a.txt").ref_url(), "again.txt")
    joined.add_reference(tables.get_entry("preds.table.json"), "preds.table.json")
    owner.log_artifact(joined)
