"""A run, a folder of files, and both logged."""

from __future__ import annotations

from pathlib import Path

import pytest

import dumbbell
from support.made_files import make_files
from support.world import World


@pytest.fixture
def run(world: World, api: dumbbell.Api) -> dumbbell.Run:
    world.upsert("r")
    return api.run("local/p/r")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_files(tmp_path / "made")


@pytest.fixture
def logged(run: dumbbell.Run, folder: Path) -> dumbbell.Artifact:
    artifact = dumbbell.Artifact("data", "dataset", "some data", {"rows": 3, "nested": {"a": [1]}})
    artifact.add_dir(str(folder))
    return run.log_artifact(artifact, aliases=["best"])
