"""The server on SQLite, and its admin port, asked with the token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from dumbbell_server.admin.api import admin_app
from support.world import World, world_on_backend

_TOKEN = "the-token-of-this-port.1"


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    request.param = "sqlite"
    with world_on_backend(request, tmp_path) as opened:
        yield opened


@pytest.fixture
def port(world: World) -> Iterator[TestClient]:
    headers = {"authorization": f"Bearer {_TOKEN}", "content-type": "application/json"}
    with TestClient(admin_app(world.backend, _TOKEN), base_url="http://localhost:8081", headers=headers) as opened:
        yield opened
