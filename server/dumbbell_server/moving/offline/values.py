"""Values of records: JSON, moments, and keys in keys."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dumbbell_server.clock import to_text
from dumbbell_server.json_text import MOST_LEVELS, loads

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOS = 10**9
_SHORT = 18  # digits that a whole number of 64 bits may have in any case: beyond them orjson makes floats
_PLAIN = ("boolean", "integer", "number", "text")

Item = Mapping[str, Any]


def value_of(item: Item) -> Any:
    """What an item says, numbers as exact as they stand there. ValueError where it is no JSON."""
    text = item.get("value_json") or item.get("json")
    if text is None:
        return next((item[name] for name in _PLAIN if name in item), None)
    try:
        return loads(text) if len(text) <= _SHORT else json.loads(text)
    except RecursionError:
        raise ValueError("a value is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"the value of {'.'.join(path_of(item))[:80]!r} is no JSON: {error}") from None


def path_of(item: Item) -> Sequence[str]:
    nested: Sequence[str] = item.get("nested_key", ())
    return nested or (item.get("key", ""),)


def put(target: dict[str, Any], item: Item) -> None:
    """The item's value is in the target, in objects where its key is one of several."""
    path = path_of(item)
    if len(path) == 1:
        target[path[0]] = value_of(item)
        return
    *way, last = path
    if len(way) >= MOST_LEVELS:
        raise ValueError(f"a key is nested more than {MOST_LEVELS} levels deep")
    for key in way:
        below = target.get(key)
        if not isinstance(below, dict):
            below = target[key] = {}
        target = below
    target[last] = value_of(item)


def remove(target: dict[str, Any], item: Item) -> None:
    *way, last = path_of(item)
    for key in way:
        below = target.get(key)
        if not isinstance(below, dict):
            return
        target = below
    target.pop(last, None)


def change(target: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """What a record of changes says, of a config or a summary."""
    for item in changes.get("update", ()):
        put(target, item)
    for item in changes.get("remove", ()):
        remove(target, item)


def merge(target: dict[str, Any], more: Mapping[str, Any]) -> None:
    """The later one's fields, and in objects likewise."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            merge(target[key], value)
        else:
            target[key] = value


def nanoseconds(timestamp: Mapping[str, int]) -> int:
    return timestamp.get("seconds", 0) * _NANOS + timestamp.get("nanos", 0)


def moment(nanos: int) -> datetime:
    """ValueError for what no clock shows."""
    try:
        return _EPOCH + timedelta(microseconds=nanos // 1000)
    except OverflowError:
        raise ValueError(f"{nanos} nanoseconds since 1970 are no time") from None


def moment_text(nanos: int) -> str:
    """As it is stored."""
    return to_text(moment(nanos))


def protocol_text(nanos: int) -> str:
    """As JSON of protocol buffers has it: as many digits as it takes, in threes."""
    rest = nanos % _NANOS
    text = moment(nanos).strftime("%Y-%m-%dT%H:%M:%S")
    digits = f"{rest:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{text}.{digits}Z" if digits else f"{text}Z"
