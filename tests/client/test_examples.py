"""The examples of the public API's documentation, as they are written there."""

from __future__ import annotations

import json

import pytest

import dumbbell
import dumbbell as wandb
from support.world import World


@pytest.fixture
def my_project(world: World) -> World:
    world.gql('mutation { createTeam(input: {teamName: "my_entity"}) { entity { id } } }')
    for number, name in enumerate(["foo", "bar", "baz", "foo"]):
        world.upsert(f"r{number}", entityName="my_entity", modelName="my_project",
                     config=json.dumps({"experiment_name": {"value": name}}),
                     summaryMetrics=json.dumps({"loss": 10 - number}))
    return world


def test_the_most_common_way_to_initialize() -> None:
    assert isinstance(wandb.Api(), dumbbell.Api)


@pytest.mark.usefixtures("my_project")
def test_runs_whose_config_has_a_value(api: dumbbell.Api) -> None:
    runs = api.runs("my_entity/my_project", {"config.experiment_name": "foo"})
    assert sorted(run.id for run in runs) == ["r0", "r3"]


@pytest.mark.usefixtures("my_project")
def test_runs_whose_config_has_one_of_two_values(api: dumbbell.Api) -> None:
    runs = api.runs(path="my_entity/my_project", filters={
        "$or": [{"config.experiment_name": "foo"}, {"config.experiment_name": "bar"}]})
    assert sorted(run.id for run in runs) == ["r0", "r1", "r3"]


@pytest.mark.usefixtures("my_project")
def test_runs_by_ascending_loss(api: dumbbell.Api) -> None:
    assert [run.id for run in api.runs("my_entity/my_project", {"order": "+summary_metrics.loss"})] == [
        "r3", "r2", "r1", "r0"]
    assert [run.id for run in api.runs("my_entity/my_project", order="+summary_metrics.loss")] == [
        "r3", "r2", "r1", "r0"]


def test_export_all_the_loss_values(world: World, api: dumbbell.Api) -> None:
    world.gql('mutation { createTeam(input: {teamName: "l2k2"}) { entity { id } } }')
    world.upsert("i0wt6xua", entityName="l2k2", modelName="examples-numpy-boston")
    world.history("i0wt6xua", [{"_step": step, "Loss": step / 2} for step in range(5)] + [{"_step": 5, "x": 1}],
                  project="examples-numpy-boston", entity="l2k2")
    run = api.run("l2k2/examples-numpy-boston/i0wt6xua")
    history = run.scan_history(keys=["Loss"])
    losses = [row["Loss"] for row in history]
    assert losses == [0, 0.5, 1, 1.5, 2]
