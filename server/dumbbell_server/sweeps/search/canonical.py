"""Values as JSON holds them, and when two of them are the same."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping
from typing import Any

_SMALLEST, _LARGEST = -(2**63), 2**64 - 1  # what writers of JSON take


def plain(value: Any) -> Any:
    """What JSON makes of a value of YAML; ValueError says what JSON cannot hold."""
    if isinstance(value, Mapping):
        return {_key(name): plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a number that JSON can hold")
    if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        raise ValueError("a whole number of more than 64 bits is too large")
    if value is None or isinstance(value, bool | int | float):
        return value
    raise ValueError(f"{type(value).__name__} is not a type that JSON has")


def _key(name: Any) -> str:
    if isinstance(name, str):
        return _text(name)
    if name is None or isinstance(name, bool | int | float):
        return json.dumps(plain(name))
    raise ValueError(f"a key of type {type(name).__name__} is not one that JSON has")


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair is not a text") from None
    return text


def canonical(value: Any) -> str:
    """A text that is the same for the same values only: 1 is 1.0 but not true, and keys have no order."""
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, Mapping):
        items = sorted((str(name), canonical(each)) for name, each in value.items())
        return "{" + ",".join(f"{json.dumps(name)}:{each}" for name, each in items) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return hex(value)  # Python refuses to write very long ones in tens
    return json.dumps(value)
