"""Malformed values for every argument of every mutation: never a 5xx, and what is refused changes nothing."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from dumbbell_server.schema import build_schema
from support.access_matrix import ATTEMPTS, OPEN, attempts, inside, lookups
from support.malformed import MORE_NUMBERS, MORE_TEXTS, NUMBERS, TEXTS, Malformed
from support.owned_resources import OWNER, OwnedResources, literals, mutation, restore, selection, send, tables
from support.world import World

SCHEMA = build_schema()
MUTATIONS = sorted({attempt.mutation for attempt in ATTEMPTS} | OPEN.keys())


@pytest.mark.parametrize("name", MUTATIONS)
def test_hostile_values_are_the_callers_fault(name: str, world: World, owned: OwnedResources) -> None:
    be_hostile(name, world, owned, TEXTS, NUMBERS)


@pytest.mark.soak
@pytest.mark.parametrize("name", MUTATIONS)
def test_more_hostile_values_are_the_callers_fault(name: str, world: World, owned: OwnedResources) -> None:
    be_hostile(name, world, owned, MORE_TEXTS, MORE_NUMBERS)


def be_hostile(name: str, world: World, owned: OwnedResources, texts: list[Any], numbers: list[Any]) -> None:
    assert SCHEMA.mutation_type is not None
    kind = SCHEMA.mutation_type.fields[name].args["input"].type
    uses = [OPEN[name]] if name in OPEN else attempts(name)
    before = tables(world)
    refused = []
    for given, must_fail in Malformed(texts, numbers).inputs(kind, [use(owned) for use in uses]):
        if is_refused(world, name, given):
            refused += [] if must_fail else [given]
            continue
        assert not must_fail, repr(given)[:300]
        if tables(world) != before:  # it may be a value like any other; then it can be read
            assert is_harmless(repr(given)) or is_fine(world, owned), repr(given)[:300]
            restore(world, before)
    for given in refused:  # once more, with nothing put back between
        assert is_refused(world, name, given), repr(given)[:300]
    assert tables(world) == before, "a refused mutation has changed something"


document = functools.lru_cache(functools.partial(mutation, SCHEMA))


def is_refused(world: World, name: str, given: Any) -> bool:
    status, body = send(world, document(name), {"input": given}, OWNER)
    said = f"{given!r}"[:300], f"{body!r}"[:300]
    assert status < 500, said
    assert "internal error" not in said[1], said
    return "errors" in body


def is_harmless(given: str) -> bool:
    return not any(mark in given for mark in ("\\x00", "\\ud800", "u0000", "NaN", "1e999", "[[["))


def is_fine(world: World, owned: OwnedResources) -> bool:
    """Everything of ann's can still be read."""
    assert SCHEMA.query_type is not None
    for root in ("project", "viewer"):
        given = literals(lookups(root)[0](owned))
        query = f"{{ answer: {root}{given} {selection(SCHEMA.query_type.fields[root].type, inside(owned), 4)} }}"
        status, body = send(world, query, {}, OWNER)
        if status != 200 or "errors" in body:
            return False
    return True
