"""JSON as the server means it: NaN and the infinities are values, and numbers of numpy are numbers."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import json
import math
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from dumbbell.errors import WrongTypeError

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


def dumps(value: Any, name: str = "the value") -> str:
    """Write JSON as the server's extension: NaN and the infinities stay what they are.

    Args:
        value: what is written.
        name: how an error calls it.

    Raises:
        WrongTypeError: (a TypeError) it holds something that JSON cannot say; the error names the key.
    """
    try:
        return json.dumps(value, default=plain, separators=(",", ":"), ensure_ascii=False)
    except _UnknownError as error:
        where = _path_to(value, error.value) or ""
        raise WrongTypeError(f"{name}{where} is of type {type(error.value).__name__}, which JSON cannot say: give a "
                             "number, a text, a list or a dict of it") from None


def body(value: Any) -> bytes:
    """Write the body of a request, in strict JSON where that is possible."""
    try:
        return orjson.dumps(value)
    except TypeError:  # an integer beyond 64 bits, or a lone surrogate; or what JSON cannot say
        return dumps(value, "the request").encode("utf-8", "surrogatepass")


class _UnknownError(Exception):
    """A value that JSON cannot say."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def _path_to(value: Any, wanted: Any) -> str | None:
    """Where in nested dicts and lists an object stands, as `['key'][0]`."""
    if value is wanted:
        return ""
    if isinstance(value, Mapping):
        items: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    else:
        return None
    for key, item in items:
        rest = _path_to(item, wanted)
        if rest is not None:
            return f"[{key!r}]{rest}"
    return None


def plain(value: Any) -> Any:
    """What JSON can say of a value that it does not know: numpy, tensors, dates, bytes, sets, paths, enums."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, dt.date | dt.datetime | dt.time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, set | frozenset | Sequence):
        return list(value)
    if isinstance(value, enum.Enum):
        return value.value
    return str(value) if isinstance(value, os.PathLike | uuid.UUID | decimal.Decimal) else _plain_array(value)


def _plain_array(value: Any) -> Any:
    array = _array(value)
    if array is None:
        raise _UnknownError(value)
    return _of_array(array)


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
