"""The blocks of docs/client.md run in their order, as they are written there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import dumbbell
from dumbbell_server.seeding.form.reading import read_fixture
from dumbbell_server.seeding.load import load
from support.world import World

GUIDE = Path(__file__).parents[2] / "docs" / "client.md"
SWEEP = """mutation S($config: String!) {
  upsertSweep(input: {config: $config, entityName: "local", projectName: "first"}) { sweep { name } } }"""


@pytest.fixture
def _first(world: World, api: dumbbell.Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    load(world.backend, read_fixture("demo"))  # as `make serve` does
    for number in range(3):
        world.upsert(f"r{number}", displayName=f"run {number}", modelName="first",
                     config=json.dumps({"lr": {"value": number / 10}}),
                     summaryMetrics=json.dumps({"loss": 3 - number}))
        world.history(f"r{number}", [{"_step": step, "loss": 1 / (step + 1)} for step in range(5)], project="first")
        world.stream(f"r{number}", {"complete": True, "exitcode": 0}, project="first")
    sweep = world.gql(SWEEP, {"config": json.dumps({"method": "grid", "metric": {"name": "loss"},
                                                    "parameters": {"x": {"values": [1]}}})})
    world.upsert("swept", modelName="first", sweep=sweep["upsertSweep"]["sweep"]["name"])
    for module in ("", "._agent", "._sweep"):
        monkeypatch.setattr(f"dumbbell{module}.Api", lambda: api)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_first")
@pytest.mark.filterwarnings("ignore:pandas is not installed")
def test_the_guide_runs_as_written(api: dumbbell.Api) -> None:
    told: list[str] = []
    names: dict[str, Any] = {"print": lambda *values: told.append(" ".join(map(str, values)))}
    for block in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL):
        exec(block, names)
    assert told[0] == f"local {[project.name for project in api.projects()]}"
    assert told[1:3] == ["3 run 2 0.2 1 []", "4 2"]
    assert told[3:6] == ["hello", "v0 <Run local/first/r2 (finished)> ['numbers:v0']", "[0.5, 1.0]"]
    assert "FINISHED {'x': 3} [4]" in told
    assert told[told.index("demo"):-1] == ["demo", "digits:v0 ['latest', 'staging']", "digits"]
    assert "could not find run local/first/nothing" in told[-1]
    assert names["losses"] == [1 / (step + 1) for step in range(5)]
    assert len(names["both"]) == 15
    api.flush()
    again = api.run("local/first/r2")
    assert (again.tags, again.config["checked"], again.summary["verdict"]) == (["best"], True, "good")
