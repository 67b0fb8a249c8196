"""What is somebody's stays theirs: every mutation and every lookup of the schema, tried by a stranger."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dumbbell_server.schema import build_schema
from support.access_matrix import ATTEMPTS, LOOKUPS, Attempt, Lookup, inside
from support.owned_resources import (
    OWNER,
    SECRET,
    STRANGER,
    OwnedResources,
    literals,
    mutation,
    refused,
    selection,
    send,
    tables,
)
from support.world import World

SCHEMA = build_schema()


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt.mutation)
def test_strangers_are_refused_and_change_nothing(attempt: Attempt, world: World, owned: OwnedResources) -> None:
    name, given = attempt.mutation, attempt.arguments(owned)
    before = tables(world)
    for key in (None, STRANGER):
        status, body = send(world, mutation(SCHEMA, name), {"input": given}, key)
        assert status < 500, body
        assert refused(body), body
        assert SECRET in json.dumps(given) or SECRET not in json.dumps(body)
        assert tables(world) == before
    status, owners = send(world, mutation(SCHEMA, name), {"input": given}, OWNER)  # or the attempt was none
    assert status == 200, owners
    assert "errors" not in owners, owners
    assert owners != body or tables(world) != before


@pytest.mark.parametrize("lookup", LOOKUPS, ids=lambda lookup: lookup.field)
def test_strangers_see_nothing(lookup: Lookup, world: World, owned: OwnedResources) -> None:
    assert SCHEMA.query_type is not None
    kind = SCHEMA.query_type.fields[lookup.field].type
    query = f"{{ answer: {lookup.field}{literals(lookup.arguments(owned))} {selection(kind, inside(owned))} }}"
    seen: dict[str | None, Any] = {key: send(world, query, {}, key) for key in (OWNER, STRANGER, None)}
    for status, body in seen.values():
        assert status < 500, body
    assert "errors" not in seen[OWNER][1], seen[OWNER]
    if lookup.field == "entity":  # of which a stranger hears the name that was asked for
        seen[STRANGER][1]["data"]["answer"].pop("name")
    for hidden in (SECRET, owned.project_id, owned.run_id, owned.organization, owned.project):
        assert hidden not in json.dumps(seen[STRANGER][1])
        assert hidden not in json.dumps(seen[None][1])
