"""The whole server on each database."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.postgres import create_database
from support.world import World, open_world


@pytest.fixture(params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    url = None
    if request.param == "postgres":
        url = create_database(request.getfixturevalue("postgres"), f"world_{uuid.uuid4().hex}")
    with open_world(tmp_path, url) as opened:
        yield opened
