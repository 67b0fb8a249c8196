"""What comes of the runs."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, TextIO

import wandb


def best(project: str) -> Any:
    """The finished run with the least loss; LookupError where there is none."""
    runs = [run for run in wandb.Api().runs(project) if run.state == "finished" and "loss" in run.summary]
    if not runs:
        raise LookupError(f"no run of {project} has finished")
    return min(runs, key=lambda run: run.summary["loss"])


def export(project: str, out: TextIO) -> None:
    """A CSV of all rows."""
    writer = csv.writer(out)
    writer.writerow(["run", "step", "loss"])
    for run in wandb.Api().runs(project, order="+created_at"):
        writer.writerows([run.id, row["_step"], row["loss"]] for row in run.scan_history(keys=["_step", "loss"]))


def load(path: str, folder: Path) -> dict[str, float]:
    """The model that this run has made, or the newest one of ENTITY/PROJECT."""
    artifact = wandb.Api().artifact(f"{path}/line:latest", type="model")
    found: dict[str, float] = json.loads((Path(artifact.download(str(folder))) / "model.json").read_text())
    return found
