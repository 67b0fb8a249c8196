"""Scalars of the protocol (docs/protocol/graphql.md#scalars)."""

from __future__ import annotations

import json
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig

JSONString = NewType("JSONString", str)  # text that is JSON, in which NaN and Infinity may stand bare
JSON = NewType("JSON", object)  # any JSON value; stored JSON goes out as an orjson.Fragment, never parsed
Int64 = NewType("Int64", int)
DateTime = NewType("DateTime", str)  # stored and sent in one form, see clock.to_text
Duration = NewType("Duration", int)

_INT64 = 2**63


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError(f"JSONString cannot represent {str(value)[:80]!r}: it is a string that holds JSON")
    return value


def _int64(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise GraphQLError(f"Int64 cannot represent {str(value)[:80]!r}: it is a whole number")
    if not -_INT64 <= value < _INT64:
        raise GraphQLError(f"Int64 cannot represent {value}: it is beyond 64 bits")
    return int(value)


def _date(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError(f"DateTime cannot represent {str(value)[:80]!r}: it is an ISO 8601 string")
    return value


def _same(value: Any) -> Any:
    return value


CONFIG = StrawberryConfig(
    scalar_map={
        JSONString: strawberry.scalar(name="JSONString", serialize=_same, parse_value=_text),
        JSON: strawberry.scalar(name="JSON", serialize=_same, parse_value=_same),
        Int64: strawberry.scalar(name="Int64", serialize=int, parse_value=_int64),
        DateTime: strawberry.scalar(name="DateTime", serialize=_same, parse_value=_date),
        Duration: strawberry.scalar(name="Duration", serialize=int, parse_value=_int64),
    }
)


def compact(value: Any) -> JSONString:
    """A value as a JSONString, with bare NaN where it has them."""
    return JSONString(json.dumps(value, separators=(",", ":")))
