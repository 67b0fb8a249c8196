"""JSON as the server means it: NaN and the infinities are values, and numbers of numpy are numbers."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

_LONGEST_LIST = 32  # longer arrays are summed up
_BINS = 32


def loads(text: str | bytes) -> Any:
    """Parse JSON; the tokens NaN, Infinity and -Infinity are floats."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def loads_each(texts: Sequence[str]) -> list[Any]:
    """Parse many texts in one go."""
    try:
        rows: list[Any] = orjson.loads("[" + ",".join(texts) + "]")
    except orjson.JSONDecodeError:
        return [loads(text) for text in texts]
    return rows


def mapping(text: str | bytes | None) -> dict[str, Any]:
    """Parse the text of an object; None, "" and `null` are an empty one."""
    found = loads(text) if text else None
    return found if isinstance(found, dict) else {}


def dumps(value: Any) -> str:
    """Write JSON as the server's extension: NaN and the infinities stay what they are."""
    return json.dumps(value, default=plain, separators=(",", ":"), ensure_ascii=False)


def body(value: Any) -> bytes:
    """Write the body of a request, in strict JSON where that is possible."""
    try:
        return orjson.dumps(value)
    except TypeError:  # an integer beyond 64 bits, or a lone surrogate
        return json.dumps(value, default=plain).encode("utf-8")


def plain(value: Any) -> Any:
    """What JSON can say of a value that it does not know: numpy, tensors, dates, bytes, sets."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, dt.date | dt.datetime | dt.time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, set | frozenset | Sequence):
        return list(value)
    array = _array(value)
    return str(value) if array is None else _of_array(array)


def _array(value: Any) -> Any:
    """The value as numpy has it, or None; tensors come by way of `numpy()`."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    if not hasattr(value, "tolist") and hasattr(value, "numpy"):
        value = value.numpy()
    return value if hasattr(value, "tolist") else None


def _of_array(array: Any) -> Any:
    listed = array.tolist()
    if not isinstance(listed, list):
        return listed
    flat = list(_flattened(listed))
    if len(flat) == 1:
        return flat[0]
    if len(flat) <= _LONGEST_LIST:
        return listed
    return _histogram(flat)


def _flattened(value: Any) -> Any:
    if isinstance(value, list):
        for item in value:
            yield from _flattened(item)
    else:
        yield value


def _histogram(flat: list[Any]) -> dict[str, Any]:
    """What wandb shows for an array that is too long for a summary."""
    numbers = [float(value) for value in flat if isinstance(value, int | float) and math.isfinite(value)]
    if not numbers:
        return {"_type": "histogram", "values": [], "bins": []}
    low, high = min(numbers), max(numbers)
    width = (high - low) / _BINS or 1.0
    counts = [0] * _BINS
    for number in numbers:
        counts[min(int((number - low) / width), _BINS - 1)] += 1
    return {"_type": "histogram", "values": counts, "bins": [low + width * i for i in range(_BINS + 1)]}
