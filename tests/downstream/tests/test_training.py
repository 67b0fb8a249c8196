"""The loop: in this process, in another program, and in workers."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys

import pytest
import wandb
from curve.training import train


def test_it_logs_a_row_an_epoch(wandb_env):
    path = train({"epochs": 3})
    rows = wandb_env.history(path)
    assert [row["_step"] for row in rows] == [0, 1, 2]
    assert rows[0]["loss"] > rows[1]["loss"] > rows[2]["loss"]


def test_the_config_is_whole(wandb_env):
    train({"lr": 0.25})
    [run] = wandb_env.runs("curve")
    assert {"lr": 0.25, "epochs": 20}.items() <= dict(run.config).items()


def test_a_run_that_diverges_has_failed(wandb_env):
    with pytest.raises(ArithmeticError, match="lr=9"):
        train({"lr": 9.0, "epochs": 100})
    [run] = wandb_env.runs("curve")
    assert run.state in {"failed", "crashed"}


def test_each_test_begins_with_nothing(wandb_env):
    assert wandb_env.runs() == []
    train({"epochs": 1}, project="other")
    assert len(wandb_env.runs()) == 1


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_it_gets_near(wandb_env, rate):
    path = train({"lr": rate, "epochs": 30})
    assert wandb_env.history(path)[-1]["loss"] < 0.3


def test_as_a_program(wandb_env):
    done = subprocess.run([sys.executable, "-m", "curve.training", "--lr", "0.1", "--epochs", "2"], check=True)
    [run] = wandb_env.runs("curve")
    assert done.returncode == 0
    assert run.config["lr"] == 0.1


def test_in_workers(wandb_env):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=train, args=({"epochs": 1},)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [run.state for run in wandb_env.runs("curve")] == ["finished", "finished"]


def test_the_sdk_is_the_one_asked_for():
    assert wandb.__version__ == os.environ.get("DUMBBELL_SDK_RELEASE", wandb.__version__)
