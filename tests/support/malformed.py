"""Values that no argument expects."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    get_nullable_type,
)

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


class Malformed:
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
        for value, must_fail in self.values(field.type, use.get(name)):
            if must_fail or name not in IDLE:
                yield use | {name: value}, must_fail

    def values(self, kind: GraphQLInputType, good: Any) -> Iterator[tuple[Any, bool]]:
        kind, named = get_nullable_type(kind), get_named_type(kind)
        if isinstance(kind, GraphQLList):
            one = good[0] if good else None
            yield from (([value], must_fail) for value, must_fail in self.values(kind.of_type, one))
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
