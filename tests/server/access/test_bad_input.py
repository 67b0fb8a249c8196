"""Hostile values for every argument of every mutation: never a 5xx, and what is refused changes nothing."""

from __future__ import annotations

import base64
import functools
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    get_nullable_type,
)

from dumbbell_server.schema import build_schema
from support.attempts import ATTEMPTS, LOOKUPS, OPEN, Input, inside
from support.estate import OWNER, Estate, literals, mutation, restore, selection, send, tables
from support.world import World

SCHEMA = build_schema()
USES: dict[str, list[Input]] = ATTEMPTS | {name: [use] for name, use in OPEN.items()}
# GraphQL itself must refuse these for its own scalars
WRONG: dict[str, list[Any]] = {"String": [5], "ID": [{}], "Int": [2**31], "Float": ["x"], "Boolean": ["yes"]}
NUMBERS = [-1, 2**63, float("nan")]
MORE_NUMBERS = [0, 2**53, 1e308, float("-inf"), "1" * 400]
# "QXJ0..." is a node id that nobody has, Artifact:99999999999999999999
TEXTS = ["", "a\0b", "\ud800", "x" * 300_000, "[" * 5000, "QXJ0aWZhY3Q6OTk5OTk5OTk5OTk5OTk5OTk5OTk="]
MORE_TEXTS = [
    " ", "\0", "\u00e9" * 300, "../../etc/passwd", "'; DROP TABLE runs; --", "%s{}%/?#", "null", "{", "[]",
    '{"a": NaN}', '{"a": "\\u0000"}', '{"a": 1e999}', '{"a":' * 500 + "1" + "}" * 500, "Run:1", "=",
    *(base64.b64encode(text.encode()).decode() for text in (
        "Run:99999999999999999999", "Run:v1:x:y:z", "Project:-1", "Artifact:1e9", "Entity:", "\0:1")),
]
IDLE = {"clientMutationId", "clientMutationID"}  # given back as they came


@pytest.mark.parametrize("name", sorted(USES))
def test_hostile_values_are_the_callers_fault(name: str, world: World, estate: Estate) -> None:
    be_hostile(name, world, estate, TEXTS, NUMBERS)


@pytest.mark.soak
@pytest.mark.parametrize("name", sorted(USES))
def test_more_hostile_values_are_the_callers_fault(name: str, world: World, estate: Estate) -> None:
    be_hostile(name, world, estate, MORE_TEXTS, MORE_NUMBERS)


def be_hostile(name: str, world: World, estate: Estate, texts: list[Any], numbers: list[Any]) -> None:
    assert SCHEMA.mutation_type is not None
    kind = SCHEMA.mutation_type.fields[name].args["input"].type
    before = tables(world)
    refused = []
    for given, must_fail in Hostile(texts, numbers).inputs(kind, [use(estate) for use in USES[name]]):
        if is_refused(world, name, given):
            refused += [] if must_fail else [given]
            continue
        assert not must_fail, repr(given)[:300]
        if tables(world) != before:  # it may be a value like any other; then it can be read
            assert is_harmless(repr(given)) or is_fine(world, estate), repr(given)[:300]
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


def is_fine(world: World, estate: Estate) -> bool:
    """Everything of ann's can still be read."""
    assert SCHEMA.query_type is not None
    for root in ("project", "viewer"):
        given = literals(LOOKUPS[root][0](estate))
        query = f"{{ answer: {root}{given} {selection(SCHEMA.query_type.fields[root].type, inside(estate), 4)} }}"
        status, body = send(world, query, {}, OWNER)
        if status != 200 or "errors" in body:
            return False
    return True


class Hostile:
    """Inputs with one bad value each, and whether it must be refused."""

    def __init__(self, texts: list[Any], numbers: list[Any]) -> None:
        self._texts, self._numbers = texts, numbers

    def inputs(self, kind: GraphQLInputType, uses: list[dict[str, Any]]) -> Iterator[tuple[Any, bool]]:
        named = get_named_type(kind)
        assert isinstance(named, GraphQLInputObjectType)
        for wrong in (None, [], "x", uses[0] | {"noSuchField": 1}):
            yield wrong, True
        for name in named.fields:
            yield from self._field(named, name, next((use for use in uses if name in use), uses[0]))

    def _field(self, kind: GraphQLInputObjectType, name: str, use: dict[str, Any]) -> Iterator[tuple[Any, bool]]:
        field = kind.fields[name]
        if isinstance(field.type, GraphQLNonNull):
            yield {key: value for key, value in use.items() if key != name}, True
            yield use | {name: None}, True
        for value, must_fail in self._values(field.type, use.get(name)):
            if must_fail or name not in IDLE:
                yield use | {name: value}, must_fail

    def _values(self, kind: GraphQLInputType, good: Any) -> Iterator[tuple[Any, bool]]:
        kind, named = get_nullable_type(kind), get_named_type(kind)
        if isinstance(kind, GraphQLList):
            one = good[0] if good else None
            yield from (([value], must_fail) for value, must_fail in self._values(kind.of_type, one))
            yield from (([], False), ([one] * 3, False), ([[[]]], True))
        elif isinstance(named, GraphQLInputObjectType):
            yield {}, any(isinstance(field.type, GraphQLNonNull) for field in named.fields.values())
            for name in named.fields if good else ():
                yield from self._field(named, name, good)
        else:
            yield from ((value, True) for value in WRONG.get(named.name, []))
            wild = self._numbers if named.name in {"Int", "Float", "Int64"} else self._texts
            yield from ((value, False) for value in wild)
            yield {"a": []}, named.name in WRONG
