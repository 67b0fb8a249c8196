"""What reads the runs, on runs of its own and on a recorded project."""

from __future__ import annotations

import io

import pytest
import wandb
from curve.reading import best, export, load
from curve.training import train


@pytest.mark.usefixtures("wandb_env")
def test_the_best_has_the_least_loss():
    for rate in (0.1, 0.5):
        train({"lr": rate})
    assert best("curve").config["lr"] == 0.5


@pytest.mark.usefixtures("wandb_env")
def test_none_has_finished():
    train({"epochs": 0}, project="empty")
    with pytest.raises(LookupError, match="no run of empty"):
        best("empty")


@pytest.mark.usefixtures("wandb_env")
def test_a_csv_of_all_rows():
    train({"epochs": 2})
    out = io.StringIO()
    export("curve", out)
    assert [line.rpartition(",")[0].partition(",")[2] for line in out.getvalue().splitlines()] == ["step", "0", "1"]


def test_the_model_is_an_artifact(wandb_env, dumbbell_api, tmp_path):
    train({"epochs": 200})
    model = load(f"{wandb_env.entity}/curve", tmp_path)
    assert model == {"slope": pytest.approx(3, abs=0.3), "offset": pytest.approx(1, abs=0.2)}
    versions = dumbbell_api.artifacts("model", f"{wandb_env.entity}/curve/line")
    assert [sorted(version.aliases) for version in versions] == [["candidate", "latest"]]


@pytest.mark.dumbbell(seed="demo")
@pytest.mark.usefixtures("wandb_env")
def test_runs_that_were_recorded():
    assert len(wandb.Api().runs("gym/digits")) == 12
