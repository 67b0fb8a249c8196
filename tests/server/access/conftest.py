"""One estate for all tests on a database: what a test changes is put back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from support.commons import Commons, make_commons
from support.estate import Estate, make_estate, restore, tables
from support.postgres import create_database
from support.world import World, open_world

Village = tuple[World, Estate, Commons]


@pytest.fixture(scope="package", params=["sqlite", "postgres"])
def village(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Village]:
    url = None
    if request.param == "postgres":
        url = create_database(request.getfixturevalue("postgres"), f"village_{uuid.uuid4().hex}")
    with open_world(tmp_path_factory.mktemp("village"), url) as world:
        estate = make_estate(world)
        yield world, estate, make_commons(world, estate)


@pytest.fixture
def world(village: Village) -> Iterator[World]:
    world, _, _ = village
    before, moment = tables(world), world.clock.seconds()
    blobs = {key: world.house.blobs.load(key) for key in list(world.house.blobs.keys())}
    yield world
    world.clock.move(moment - world.clock.seconds())
    if tables(world) != before:
        restore(world, before)
    there = set(world.house.blobs.keys())
    for key in blobs.keys() - there:
        world.house.blobs.store(key, blobs[key])
    for key in there - blobs.keys():
        world.house.blobs.delete(key)


@pytest.fixture
def estate(village: Village) -> Estate:
    return village[1]


@pytest.fixture
def commons(village: Village) -> Commons:
    return village[2]
