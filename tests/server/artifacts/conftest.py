from __future__ import annotations

import pytest

from support.artifact_studio import Studio
from support.world import World


@pytest.fixture
def studio(world: World) -> Studio:
    return Studio(world)
