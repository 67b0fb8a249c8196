"""The sweep."""

from __future__ import annotations

from curve.searching import search


def test_every_rate_is_tried(wandb_env, dumbbell_api):
    sweep = search([0.1, 0.2, 0.5])
    assert sorted(run.config["lr"] for run in wandb_env.runs("curve")) == [0.1, 0.2, 0.5]
    assert dumbbell_api.sweep(f"{wandb_env.entity}/curve/{sweep}").best_run().config["lr"] == 0.5
