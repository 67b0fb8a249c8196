"""One owned for all tests on a database: what a test changes is put back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from support.owned_resources import OwnedResources, make_owned_resources, restore, tables
from support.postgres import create_database
from support.shared_resources import SharedResources, make_shared_resources
from support.world import World, open_world

Village = tuple[World, OwnedResources, SharedResources]


@pytest.fixture(scope="package", params=["sqlite", "postgres"])
def village(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Village]:
    url = None
    if request.param == "postgres":
        url = create_database(request.getfixturevalue("postgres"), f"village_{uuid.uuid4().hex}")
    # the tests of strangers ask for all that can be reached, which costs more than any client's query
    with open_world(tmp_path_factory.mktemp("village"), url, max_query_price=10**12) as world:
        owned = make_owned_resources(world)
        yield world, owned, make_shared_resources(world, owned)


@pytest.fixture
def world(village: Village) -> Iterator[World]:
    world, _, _ = village
    before, moment = tables(world), world.clock.seconds()
    blobs = {key: world.backend.blobs.load(key) for key in list(world.backend.blobs.keys())}
    yield world
    world.clock.move(moment - world.clock.seconds())
    if tables(world) != before:
        restore(world, before)
    there = set(world.backend.blobs.keys())
    for key in blobs.keys() - there:
        world.backend.blobs.store(key, blobs[key])
    for key in there - blobs.keys():
        world.backend.blobs.delete(key)


@pytest.fixture
def owned(village: Village) -> OwnedResources:
    return village[1]


@pytest.fixture
def shared(village: Village) -> SharedResources:
    return village[2]
