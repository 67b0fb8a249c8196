"""One estate for all tests on a database: what a test changes is put back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from support.estate import Estate, make_estate, restore, tables
from support.postgres import create_database
from support.world import World, open_world


@pytest.fixture(scope="package", params=["sqlite", "postgres"])
def village(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Estate]]:
    url = None
    if request.param == "postgres":
        url = create_database(request.getfixturevalue("postgres"), f"village_{uuid.uuid4().hex}")
    with open_world(tmp_path_factory.mktemp("village"), url) as world:
        yield world, make_estate(world)


@pytest.fixture
def world(village: tuple[World, Estate]) -> Iterator[World]:
    before = tables(village[0])
    yield village[0]
    if tables(village[0]) != before:
        restore(village[0], before)


@pytest.fixture
def estate(village: tuple[World, Estate]) -> Estate:
    return village[1]
