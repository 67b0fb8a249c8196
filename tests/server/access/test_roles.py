"""Who may do what in a team and in a registry: every mutation, by an actor who may and by all who may not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from graphql import GraphQLInterfaceType

from dumbbell_server.schema import build_schema
from support.access_matrix import ATTEMPTS, IN_REGISTRY, IN_TEAM, SHARED, inside
from support.owned_resources import (
    SECRET,
    OwnedResources,
    literals,
    mutation,
    refused,
    restore,
    selection,
    send,
    tables,
)
from support.shared_resources import REGISTRY, TEAM, SharedResources
from support.world import World

SCHEMA = build_schema()
EACH = [pytest.param(name, at, id=f"{name}-{at}") for name, lowest in IN_TEAM.items() for at in range(len(lowest))]
EACH_LOOKUP = [pytest.param(name, at, id=f"{name}-{at}") for name, inputs in SHARED.items()
               for at in range(len(inputs))]
EACH_LINK = [pytest.param(name, at, id=f"{name}-{at}") for name, lowest in IN_REGISTRY.items() for at in lowest]


def test_every_mutation_has_a_role_that_may() -> None:
    assert {name: len(inputs) for name, inputs in ATTEMPTS.items()} == {
        name: len(lowest) for name, lowest in IN_TEAM.items()}


@pytest.mark.parametrize(("name", "at"), EACH)
def test_roles_in_a_team(name: str, at: int, world: World, shared: SharedResources) -> None:
    everybody_tries(world, TEAM, name, ATTEMPTS[name][at](shared.team), IN_TEAM[name][at])


@pytest.mark.parametrize(("name", "at"), EACH_LINK)
def test_roles_in_a_registry(name: str, at: int, world: World, shared: SharedResources) -> None:
    everybody_tries(world, REGISTRY, name, ATTEMPTS[name][at](shared.registry), IN_REGISTRY[name][at])


@pytest.mark.parametrize(("name", "at"), EACH_LOOKUP)
def test_readers_of_a_team(name: str, at: int, world: World, shared: SharedResources) -> None:
    own = shared.team
    assert finders(world, TEAM, name, SHARED[name][at](own), own) == ["owner", "admin", "member", "viewer"]


@pytest.mark.parametrize(("name", "at"), [("artifact", 0), ("artifactCollection", 1), ("entity", 0), ("project", 0)])
def test_readers_of_a_registry(name: str, at: int, world: World, shared: SharedResources) -> None:
    own = shared.registry
    last = "guest" if name == "artifact" else "restricted"  # all of it is asked for, its files too
    readers = [*REGISTRY][:[*REGISTRY].index(last) + 1]
    assert finders(world, REGISTRY, name, SHARED[name][at](own), own) == readers


def finders(world: World, people: Mapping[str, str | None], name: str, given: dict[str, Any],
            own: OwnedResources) -> list[str]:
    """Who finds something, and is told nothing if not."""
    assert SCHEMA.query_type is not None
    kind = SCHEMA.query_type.fields[name].type
    depth = 4 if name == "entity" else 3
    wanted = "{ id }" if isinstance(kind, GraphQLInterfaceType) else selection(kind, inside(own), depth)
    query = f"{{ answer: {name}{literals(given)} {wanted} }}"
    found = []
    for role, key in people.items():
        status, body = send(world, query, {}, key)
        assert status < 500, body
        told = [word for word in (SECRET, own.project_id, own.logged.version, own.logged.pending, own.logged.sequence,
                                  own.logged.portfolio) if word in json.dumps(body)]
        assert not told or (status, "errors" in body) == (200, False), (role, body)
        found += [role] if told else []
    return found


def everybody_tries(world: World, people: Mapping[str, str | None], name: str, given: dict[str, Any],
                    lowest: str | tuple[str, ...]) -> None:
    may = lowest if isinstance(lowest, tuple) else [*people][:[*people].index(lowest) + 1]
    before = tables(world)
    for role, key in people.items():
        status, body = send(world, mutation(SCHEMA, name), {"input": given}, key)
        assert status < 500, (role, body)
        if role in may:
            assert (status, "errors" in body) == (200, False), (role, body)
            assert body["data"]["answer"] is not None, role
            restore(world, before)
        else:
            assert refused(body), (role, body)
            assert tables(world) == before, role
            assert SECRET in json.dumps(given) or role != "outsider" or SECRET not in json.dumps(body)
