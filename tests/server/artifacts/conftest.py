from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.artifact_driver import ArtifactDriver
from support.world import World, world_on_backend


@pytest.fixture(params=["sqlite", "postgres", "s3"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with world_on_backend(request, tmp_path) as opened:
        yield opened


@pytest.fixture
def driver(world: World) -> ArtifactDriver:
    return ArtifactDriver(world)


@pytest.fixture
def through_us(world: World) -> None:
    """For what a bucket does otherwise, which test_artifact_bucket.py tells."""
    if world.backend.blobs.direct is not None:
        pytest.skip("clients send the bytes to the bucket themselves")
