"""Fixtures of tests of artifacts: a world on each database and on a bucket, and a driver that makes versions in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

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
    """For what a bucket does otherwise, which test_direct_uploads.py says."""
    if world.backend.blobs.direct is not None:
        pytest.skip("clients send the bytes to the bucket themselves")


@contextmanager
def counted_statements(world: World) -> Iterator[Callable[[], int]]:
    """How many statements on tables of artifacts the database was sent meanwhile.

    Those that go to SQLite's driver as they are do not count; nor does the look at a key, now and then.
    """
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "artifact" in statement:
            seen.append(statement)

    event.listen(world.backend.database.engine, "before_cursor_execute", note)
    try:
        yield lambda: len(seen)
    finally:
        event.remove(world.backend.database.engine, "before_cursor_execute", note)
