"""Run by the Python that has a wandb: logs a run and an artifact, reads them back, and prints what it saw as JSON.

It imports nothing of ours: that Python has not got it. What it needs is in every release since 0.12.
"""

from __future__ import annotations

import json
import os

import wandb  # type: ignore[import-not-found]

PROJECT = "check"


def log() -> str:
    run = wandb.init(project=PROJECT, config={"lr": 0.1, "net": {"layers": [1, 2]}}, tags=["a"], notes="n")
    for step in range(10):
        run.log({"loss": 1 / (step + 1), "step2": step * 2})
    run.summary["best"] = 0.1
    with open("notes.txt", "w", encoding="utf-8") as file:  # noqa: PTH123 - a script of old
        file.write("kept")
    run.save("notes.txt", policy="now")
    artifact = wandb.Artifact("data", type="dataset", metadata={"rows": 3})
    artifact.add_file("notes.txt")
    run.log_artifact(artifact, aliases=["best"])
    path = f"{run.entity}/{run.project}/{run.id}"
    run.finish()
    return str(path)


def read(path: str) -> dict[str, object]:
    api = wandb.Api()
    run = api.run(path)
    entity = path.partition("/")[0]
    artifact = api.artifact(f"{entity}/{PROJECT}/data:best", type="dataset")
    folder = artifact.download()
    with open(os.path.join(folder, "notes.txt"), encoding="utf-8") as file:  # noqa: PTH118, PTH123 - likewise
        text = file.read()
    return {
        "state": run.state, "config": run.config, "tags": run.tags, "notes": run.notes,
        "best": run.summary["best"], "rows": [row["step2"] for row in run.scan_history()],
        "files": sorted(file.name for file in run.files() if file.name == "notes.txt"),
        "runs": len(api.runs(f"{entity}/{PROJECT}")), "version": artifact.version, "aliases": sorted(artifact.aliases),
        "metadata": artifact.metadata, "text": text, "logged by": artifact.logged_by().id == run.id,
        "used": [found.name for found in run.logged_artifacts() if found.type == "dataset"]}


if __name__ == "__main__":
    print("SAW " + json.dumps(read(log())))  # noqa: T201 - what it is for
