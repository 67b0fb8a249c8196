from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.world import World, world_on_backend


@pytest.fixture(params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with world_on_backend(request, tmp_path) as opened:
        opened.upsert("r")
        yield opened
