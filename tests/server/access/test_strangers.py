"""What is somebody's stays theirs: every mutation and every lookup of the schema, tried by a stranger."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dumbbell_server.schema import build_schema
from support.access_matrix import ATTEMPTS, LOOKUPS, inside
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
EACH = [pytest.param(name, at, id=f"{name}-{at}") for name, inputs in ATTEMPTS.items() for at in range(len(inputs))]
EACH_LOOKUP = [pytest.param(name, at, id=f"{name}-{at}") for name, inputs in LOOKUPS.items()
               for at in range(len(inputs))]


@pytest.mark.parametrize(("name", "at"), EACH)
def test_strangers_are_refused_and_change_nothing(name: str, at: int, world: World, owned: OwnedResources) -> None:
    given = ATTEMPTS[name][at](owned)
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


@pytest.mark.parametrize(("name", "at"), EACH_LOOKUP)
def test_strangers_see_nothing(name: str, at: int, world: World, owned: OwnedResources) -> None:
    assert SCHEMA.query_type is not None
    kind = SCHEMA.query_type.fields[name].type
    query = f"{{ answer: {name}{literals(LOOKUPS[name][at](owned))} {selection(kind, inside(owned))} }}"
    seen: dict[str | None, Any] = {key: send(world, query, {}, key) for key in (OWNER, STRANGER, None)}
    for status, body in seen.values():
        assert status < 500, body
    assert "errors" not in seen[OWNER][1], seen[OWNER]
    for hidden in (SECRET, owned.project_id, owned.run_id, owned.organization, owned.project):
        assert hidden not in json.dumps(seen[STRANGER][1])
        assert hidden not in json.dumps(seen[None][1])
