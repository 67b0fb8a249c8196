"""The training loop."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import wandb

POINTS = [(x / 10, 3 * x / 10 + 1) for x in range(10)]
DEFAULTS = {"lr": 0.5, "epochs": 20}


def train(config: Mapping[str, Any] | None = None, project: str = "curve") -> str:
    """Fit the points by gradient descent; the model is an artifact. Returns the path of the run."""
    run = wandb.init(project=project, config={**DEFAULTS, **(config or {})})
    slope, offset = 0.0, 0.0
    for _ in range(run.config["epochs"]):
        errors = [slope * x + offset - y for x, y in POINTS]
        slope -= run.config["lr"] * sum(error * x for error, (x, _) in zip(errors, POINTS, strict=True)) / len(POINTS)
        offset -= run.config["lr"] * sum(errors) / len(POINTS)
        loss = sum(error**2 for error in errors) / len(POINTS)
        run.log({"loss": loss})
        if loss > 1e6:
            run.finish(exit_code=1)
            raise ArithmeticError(f"the loss is {loss}: lr={run.config['lr']} is too high")
    save(run, {"slope": slope, "offset": offset})
    path = f"{run.entity}/{run.project}/{run.id}"
    run.finish()
    return path


def save(run: Any, model: Mapping[str, float]) -> None:
    """Log the model as the next version of `line`."""
    artifact = wandb.Artifact("line", type="model", metadata=dict(model))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.json"
        file.write_text(json.dumps(model))
        artifact.add_file(str(file))
    run.log_artifact(artifact, aliases=["latest", "candidate"])


def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m curve.training --lr 0.1`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=DEFAULTS["lr"])
    parser.add_argument("--epochs", type=int, default=DEFAULTS["epochs"])
    print(train(vars(parser.parse_args(arguments))))


if __name__ == "__main__":
    main()
