"""Malformed values for every argument of every field that can be read: never a 5xx, and nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_required_argument,
)

from dumbbell_server.schema import build_schema
from support.access_matrix import inside, lookups
from support.malformed import MORE_NUMBERS, MORE_TEXTS, NUMBERS, TEXTS, Malformed
from support.owned_resources import OWNER, OwnedResources, literals, selection, send, tables
from support.world import World

SCHEMA = build_schema()
Place = tuple[str, str]  # a type and its field
FILTERS = [
    '{"id": 4000000000}', '{"id": 1e99}', '{"created_at": {"$gt": 1e999}}', '{"name": {"$in": [{"a": [null]}]}}',
    '{"name": "a\\u0000"}', '{"name": {"$regex": "("}}', '{"$or": [[]]}', '{"$nope": 1}', '{"": 1}', '{"id": ["x"]}',
    '{"version": 99999999999999999999}', '{"tag": {"$contains": 5}}', '{"metadata.a.b\\u0000": 1}',
]
ORDERS = ["-", "+a\0b", "--name", "id", "summary_metrics.\0", "-created_at,", "+\ud800", "config." + "x." * 5000]
NOTED = {"parquet_offers", "history_keys"}  # what was offered to a reader, or counted for them, is remembered


def objects(kind: Any) -> Iterator[tuple[str, GraphQLObjectType]]:
    """What a field of this type can lead to, and the words that say which of it is meant."""
    named = get_named_type(kind)
    if isinstance(named, GraphQLObjectType):
        yield "", named
    elif isinstance(named, GraphQLInterfaceType | GraphQLUnionType):
        for one in SCHEMA.get_possible_types(named):
            yield f"... on {one.name}", one


def arguments(place: Place, field: GraphQLField, own: OwnedResources | None) -> dict[str, Any] | None:
    """What leads through this field to ann's things; None where nothing does."""
    if place[0] == "Query":
        uses = lookups(place[1])
        return uses[0](own) if own and uses else {}
    known = {name: value for name, value in (inside(own) if own else FAKE).items() if name in field.args}
    missing = [name for name, one in field.args.items() if is_required_argument(one) and name not in known]
    return None if missing else known


FAKE = dict.fromkeys(("name", "sweepName", "specs", "liveKeys", "missingOk", "storageLayout", "manifestVersion"))


def routes() -> dict[str, list[Place | str]]:
    """The shortest way from Query to each type: fields, and fragments."""
    found: dict[str, list[Place | str]] = {"Query": []}
    waiting = ["Query"]
    while waiting:
        at = waiting.pop(0)
        kind = SCHEMA.type_map[at]
        assert isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items():
            if arguments((at, name), field, None) is None:
                continue
            for words, one in objects(field.type):
                if one.name not in found:
                    found[one.name] = [*found[at], (at, name), *([words] if words else [])]
                    waiting.append(one.name)
    return found


WAYS = routes()
EACH = [pytest.param((name, field), id=f"{name}.{field}")
        for name, kind in sorted(SCHEMA.type_map.items())
        if isinstance(kind, GraphQLObjectType) and kind is not SCHEMA.mutation_type and not name.startswith("__")
        for field, of in kind.fields.items() if of.args]


def field_of(place: Place) -> GraphQLField:
    kind = SCHEMA.type_map[place[0]]
    assert isinstance(kind, GraphQLObjectType)
    return kind.fields[place[1]]


def document(place: Place, argument: str, own: OwnedResources) -> str:
    """A question that reaches the field and gives it `$value` there, and what is right everywhere else."""
    steps = []
    for step in WAYS[place[0]]:
        if isinstance(step, str):
            steps.append(step)
        else:
            steps.append(step[1] + literals(arguments(step, field_of(step), own) or {}))
    field = field_of(place)
    good = {name: value for name, value in (arguments(place, field, own) or {}).items() if name != argument}
    given = literals(good)[1:-1]
    asked = f"{place[1]}({given}{', ' if given else ''}{argument}: $value) {selection(field.type, inside(own), 3)}"
    return (f"query Q($value: {field.args[argument].type}) {{ {' '.join(f'{step} {{' for step in steps)} {asked} "
            f"{'}' * len(steps)} }}")


@pytest.mark.parametrize("place", EACH)
def test_hostile_questions_are_the_callers_fault(place: Place, world: World, owned: OwnedResources) -> None:
    be_hostile(place, world, owned, Malformed(TEXTS, NUMBERS))


@pytest.mark.soak
@pytest.mark.parametrize("place", EACH)
def test_more_hostile_questions_are_the_callers_fault(place: Place, world: World, owned: OwnedResources) -> None:
    be_hostile(place, world, owned, Malformed(MORE_TEXTS, MORE_NUMBERS))


def be_hostile(place: Place, world: World, owned: OwnedResources, hostile: Malformed) -> None:
    before = tables(world)
    field = field_of(place)
    right = arguments(place, field, owned) or {}
    for argument, of in field.args.items():
        query = document(place, argument, owned)
        if argument in right or not is_required_argument(of):
            status, body = send(world, query, {"value": right.get(argument)}, OWNER)
            assert (status, "errors" in body) == (200, False), (query, body)
        more = {"filters": FILTERS, "order": ORDERS}.get(argument[-7:].lower(), [])
        for value, must_fail in (*hostile.values(of.type, right.get(argument)), *((value, False) for value in more)):
            status, body = send(world, query, {"value": value}, OWNER)
            said = f"{argument}={value!r}"[:200], f"{body!r}"[:300]
            assert status < 500, said
            assert "internal error" not in said[1], said
            assert "Traceback" not in said[1], said
            assert "errors" in body or not must_fail, said
    after = tables(world)
    assert {name for name, rows in before.items() if after[name] != rows} <= NOTED


def test_every_type_is_reached() -> None:
    assert {place.values[0][0] for place in EACH} <= WAYS.keys()  # type: ignore[index]
