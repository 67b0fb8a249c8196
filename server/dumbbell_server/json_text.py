"""JSON as clients write it: with bare NaN and Infinity, which orjson refuses and the standard library takes."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson

from dumbbell_server.errors import BadInput

_TEXTS = {math.inf: "Infinity", -math.inf: "-Infinity"}
MOST_LEVELS = 200  # orjson writes 254, Python's own reader and writer some 990
_BRACKETS = re.compile(r"[\[\]{}]")
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')
_MOST_VALUES = 5_000_000  # 10 MiB, the most that a client logs at once, of the shortest numbers
_MOST_LISTS = 1_000_000  # each takes 64 bytes
_SHORTEST_LIST = len("[],")
_PIECE = 1 << 20  # bytes that are counted without a stop
_BACKSLASHES = re.compile(rb"\\+")


def loads(text: str) -> Any:
    """A parsed value. Raises ValueError."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            return json.loads(text)
        except RecursionError:
            raise ValueError("nested too deeply") from None


def check_values(text: str | bytes, what: str) -> None:
    """BadInput where there are so many values in the text that they take far more memory than it."""
    if len(text) <= _MOST_LISTS * _SHORTEST_LIST:  # it cannot hold so many
        return
    raw = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
    if not _few(raw) and not _few_outside_strings(raw):
        raise BadInput(f"{what} holds more than {_MOST_VALUES} values, or {_MOST_LISTS} lists and objects; "
                       "send fewer at once")


def _few(raw: bytes) -> bool:
    """Piece by piece: between two of them other threads have their turn."""
    values = lists = 0
    for at in range(0, len(raw), _PIECE):
        values += raw.count(b",", at, at + _PIECE)
        lists += raw.count(b"[", at, at + _PIECE) + raw.count(b"{", at, at + _PIECE)
        if values > _MOST_VALUES or lists > _MOST_LISTS:
            return False
    return True


def _few_outside_strings(raw: bytes) -> bool:
    """The same without what stands in strings; False where there are too many strings anyway."""
    values = lists = quotes = at = 0
    while at < len(raw):
        start, at = at, _end_of_escapes(raw, at + _PIECE)
        parts = raw[start:at].replace(rb"\\", b"").replace(rb'\"', b"").split(b'"')
        outside = b"".join(parts[quotes % 2::2])
        quotes += len(parts) - 1
        values += outside.count(b",")
        lists += outside.count(b"[") + outside.count(b"{")
        if values > _MOST_VALUES or lists > _MOST_LISTS or quotes > 2 * _MOST_VALUES:
            return False
    return True


def _end_of_escapes(raw: bytes, at: int) -> int:
    """The next place behind a byte that is no backslash: no escape goes on there."""
    backslashes = _BACKSLASHES.match(raw, at)
    return (backslashes.end() if backslashes else at) + 1


def stored_object(text: str) -> dict[str, Any]:
    """The object that is stored as this text; an empty one where it is damaged, so that the rest can be read."""
    try:
        value = loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def stored_list(text: str) -> list[Any]:
    """The same of a list."""
    try:
        value = loads(text)
    except ValueError:
        return []
    return value if isinstance(value, list) else []


def nested_too_deeply(text: str) -> bool:
    """Whether lists and objects stand in each other more than MOST_LEVELS deep: not everybody reads that."""
    if text.count("[") + text.count("{") <= MOST_LEVELS:
        return False
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest > MOST_LEVELS


def is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects stand in this value more than so many levels deep."""
    if type(value) is dict:
        return levels == 0 or any(is_deeper(each, levels - 1) for each in value.values())
    return type(value) is list and (levels == 0 or any(is_deeper(each, levels - 1) for each in value))


def check_levels(text: str, what: str) -> None:
    if nested_too_deeply(text):
        raise BadInput(f"{what} is nested more than {MOST_LEVELS} levels deep")


def checked_object(text: str, what: str) -> dict[str, Any]:
    """The object in a JSONString; BadInput names what it was to be."""
    check_values(text, what)
    check_levels(text, what)
    try:
        value = loads(text)
    except ValueError as error:
        raise BadInput(f"{what} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadInput(f"{what} must be a JSON object, not {type(value).__name__}")
    return value


def dumps(value: Any) -> str:
    """Text with bare NaN and Infinity where the value has them; ASCII, so that half a surrogate pair can be stored."""
    return json.dumps(value, separators=(",", ":"))


def strict(value: Any) -> Any:
    """The value as a response body may hold it: the texts that W&B has for NaN and Infinity in their place."""
    try:
        if b"null" not in orjson.dumps(value):  # which is what it writes for them
            return value
    except TypeError:  # an integer beyond 64 bits, or a lone surrogate
        pass
    return _strict(value)


def _strict(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else _TEXTS.get(value, "NaN")
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_strict(item) for item in value]
    return value


_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
UNSTORABLE = "holds a NUL or half a surrogate pair, which cannot be stored; send the text without it"


def storable(text: str) -> bool:
    """Whether both databases can hold the text: Postgres takes no NUL, and nobody half a surrogate pair.

    It is asked where text comes in: of the arguments of GraphQL (graph/texts.py), of the paths of requests
    (http/middleware.py), and of what is unpacked from another form, such as YAML or a cursor.
    """
    return "\0" not in text and (text.isascii() or _UNSTORABLE.search(text) is None)


def made_storable(text: str) -> str:
    """The text with another control character in place of what cannot be stored: no name has either of them."""
    return _UNSTORABLE.sub("\x01", text)
