"""A run to log to."""

from __future__ import annotations

import pytest

from support.world import World


@pytest.fixture
def run(world: World) -> str:
    world.upsert("r")
    return "r"
