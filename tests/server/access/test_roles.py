"""Who may do what in a team and in a registry: every mutation, by an actor who may and by all who may not."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from graphql import GraphQLInterfaceType

from dumbbell_server.schema import build_schema
from support.access_matrix import ATTEMPTS, LOOKUPS, Attempt, Lookup, inside
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


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt.mutation)
def test_roles_in_a_team(attempt: Attempt, world: World, shared: SharedResources) -> None:
    everybody_tries(world, TEAM, attempt, shared.team, attempt.in_team)


@pytest.mark.parametrize("attempt", [attempt for attempt in ATTEMPTS if attempt.in_registry],
                         ids=lambda attempt: attempt.mutation)
def test_roles_in_a_registry(attempt: Attempt, world: World, shared: SharedResources) -> None:
    assert attempt.in_registry is not None
    everybody_tries(world, REGISTRY, attempt, shared.registry, attempt.in_registry)


@pytest.mark.parametrize("lookup", [lookup for lookup in LOOKUPS if lookup.in_team], ids=lambda lookup: lookup.field)
def test_readers_of_a_team(lookup: Lookup, world: World, shared: SharedResources) -> None:
    assert finders(world, TEAM, lookup, shared.team) == ["owner", "admin", "member", "viewer"]


@pytest.mark.parametrize("lookup", [lookup for lookup in LOOKUPS if lookup.in_registry],
                         ids=lambda lookup: lookup.field)
def test_readers_of_a_registry(lookup: Lookup, world: World, shared: SharedResources) -> None:
    assert lookup.in_registry is not None
    assert finders(world, REGISTRY, lookup, shared.registry) == at_least(REGISTRY, lookup.in_registry)


def at_least(people: Mapping[str, str | None], lowest: str) -> list[str]:
    return [*people][:[*people].index(lowest) + 1]


def finders(world: World, people: Mapping[str, str | None], lookup: Lookup, own: OwnedResources) -> list[str]:
    """Who finds something, and is told nothing if not."""
    assert SCHEMA.query_type is not None
    name = lookup.field
    kind = SCHEMA.query_type.fields[name].type
    depth = 4 if name == "entity" else 3
    wanted = "{ id }" if isinstance(kind, GraphQLInterfaceType) else selection(kind, inside(own), depth)
    query = f"{{ answer: {name}{literals(lookup.arguments(own))} {wanted} }}"
    found = []
    for role, key in people.items():
        status, body = send(world, query, {}, key)
        assert status < 500, body
        told = [word for word in (SECRET, own.project_id, own.logged.version, own.logged.pending, own.logged.sequence,
                                  own.logged.portfolio) if word in json.dumps(body)]
        assert not told or (status, "errors" in body) == (200, False), (role, body)
        found += [role] if told else []
    return found


def everybody_tries(world: World, people: Mapping[str, str | None], attempt: Attempt, own: OwnedResources,
                    lowest: str | tuple[str, ...]) -> None:
    may = lowest if isinstance(lowest, tuple) else at_least(people, lowest)
    given = attempt.arguments(own)
    before = tables(world)
    for role, key in people.items():
        status, body = send(world, mutation(SCHEMA, attempt.mutation), {"input": given}, key)
        assert status < 500, (role, body)
        if role in may:
            assert (status, "errors" in body) == (200, False), (role, body)
            assert body["data"]["answer"] is not None, role
            restore(world, before)
        else:
            assert refused(body), (role, body)
            assert tables(world) == before, role
            assert SECRET in json.dumps(given) or role != "outsider" or SECRET not in json.dumps(body)
