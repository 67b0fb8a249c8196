"""Cursors that hold the place of a row in an order: the same place whatever the page's size or the filter."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import orjson

from dumbbell_server import ids
from dumbbell_server.errors import BadInput
from dumbbell_server.json_text import storable
from dumbbell_server.listing.orders import BOOLS, NOTHINGS, NUMBERS, OBJECTS, TEXTS, Key, Position
from dumbbell_server.listing.tree import Field

_LONGEST = 65_536  # characters that are read: more than the longest order's cursor has
_KINDS: dict[int, tuple[type, ...]] = {NUMBERS: (int, float), TEXTS: (str,), BOOLS: (int,), OBJECTS: (str,),
                                       NOTHINGS: (int,)}


def write(position: Position, number: int) -> str:
    try:
        text = orjson.dumps((position, number))
    except orjson.JSONEncodeError:  # an integer beyond 64 bits
        text = b"null"
    if b"null" in text:  # which may be infinity
        text = json.dumps((position, number), separators=(",", ":")).encode()
    return binascii.b2a_base64(text, newline=False).decode()


def read(after: str | None, keys: tuple[Key, ...]) -> tuple[Position, int] | None:
    """The place after which a page starts; None for the first page. BadInput for what is no cursor of this order."""
    if not after:
        return None
    try:
        position, number = json.loads(base64.b64decode(after[:_LONGEST], validate=True))
        found = tuple(_part(*part) for part in position)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        found, number = (), None
    if len(found) != len(keys) or type(number) is not int or abs(number) > ids.MAX_ID:
        raise BadInput(f"{after[:80]!r} is not a cursor of this list; pass the cursor of an earlier page, or null")
    return found, number


def _part(group: Any, value: Any) -> tuple[int, Any]:
    if type(value) not in _KINDS.get(group, ()) or value != value:  # noqa: PLR0124 - NaN has no place
        raise ValueError(group)
    if type(value) is str and not storable(value):  # it may become a parameter of a statement
        raise ValueError(group)
    return group, value


def at(place: str | int) -> str:
    """The cursor of a row in a list of one order: by a number, or by a text that is no other row's."""
    return write((), place) if isinstance(place, int) else write(((TEXTS, place),), 0)


def number(after: str | None) -> int | None:
    """The number in such a cursor; None for the first page."""
    found = read(after, ())
    return None if found is None else found[1]


def text(after: str | None) -> str | None:
    """The text in such a cursor; None for the first page."""
    found = read(after, (Key(Field(""), descending=False),))
    return None if found is None else str(found[0][0][1])
