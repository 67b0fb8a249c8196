"""A sweep over the learning rate."""

from __future__ import annotations

from collections.abc import Sequence

import wandb

from curve.training import train


def search(rates: Sequence[float], project: str = "curve") -> str:
    """Train once with each rate. Returns the id of the sweep."""
    sweep = wandb.sweep({"method": "grid", "metric": {"name": "loss", "goal": "minimize"},
                         "parameters": {"lr": {"values": list(rates)}}}, project=project)
    wandb.agent(sweep, lambda: train(project=project), project=project, count=len(rates))
    return str(sweep)
