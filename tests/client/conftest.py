"""A server in this process, and clients of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import stamina

import dumbbell
from support.faulty_transport import RecordingTransport
from support.world import KEY, World, open_world


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No settings of whoever runs the tests; a retry does not wait."""
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_ENTITY", "WANDB_PROJECT", "WANDB_RUN_ID", "WANDB_DEBUG",
                 "WANDB_HTTP_TIMEOUT", "WANDB_TEST", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(home / "config"))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(home / "cache"))
    monkeypatch.setenv("WANDB_DIR", str(home))
    stamina.set_testing(True, attempts=4)
    yield
    stamina.set_testing(False)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "server") as opened:
        yield opened


@pytest.fixture
def wire(world: World) -> RecordingTransport:
    transport: httpx2.BaseTransport = world.client._transport
    return RecordingTransport(transport)


@pytest.fixture
def new_api(wire: RecordingTransport) -> Callable[..., dumbbell.Api]:
    def make(**overrides: Any) -> dumbbell.Api:
        return dumbbell.Api({"base_url": "http://testserver", **overrides}, api_key=KEY, transport=wire)
    return make


@pytest.fixture
def api(new_api: Callable[..., dumbbell.Api]) -> dumbbell.Api:
    return new_api()
