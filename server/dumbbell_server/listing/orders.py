"""Orders: several signed keys, missing and NaN last both ways, numbers before texts, ties by age."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dumbbell_server.errors import BadInput
from dumbbell_server.listing.tree import Field
from dumbbell_server.listing.values import Several

# Groups of values, in this order whichever way a key goes.
NUMBERS, TEXTS, BOOLS, OBJECTS, NOTHINGS = range(5)
_LONGEST = 256  # characters of a text that count: a cursor holds them
_LONGEST_ORDER = 4000  # characters
_MOST_KEYS = 20


@dataclass(frozen=True)
class Key:
    field: Field
    descending: bool


Position = tuple[tuple[int, Any], ...]  # a group and a value for each key


class _Backwards:
    """A text that sorts the other way round."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __lt__(self, other: _Backwards) -> bool:
        return other.text < self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Backwards) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


def parse_order(text: str, resolve: Callable[[str], Field | None], known: str) -> tuple[Key, ...]:
    """Keys such as `+created_at` or `-summary_metrics.loss,+name`. BadInput names what is no key."""
    if len(text) > _LONGEST_ORDER:
        raise BadInput(f"order has {len(text)} characters; at most {_LONGEST_ORDER} are allowed")
    keys = tuple(_key(part, resolve, known) for part in _parts(text, resolve))
    if len(keys) > _MOST_KEYS:
        raise BadInput(f"order holds {len(keys)} keys; at most {_MOST_KEYS} are allowed")
    return keys


def _parts(text: str, resolve: Callable[[str], Field | None]) -> Iterator[str]:
    """Cut at commas, but not inside a metric's name: what follows must be a key as well."""
    current = ""
    for piece in text.split(","):
        if current and (piece.lstrip().startswith(("+", "-")) or resolve(piece.strip()) is not None):
            yield current
            current = piece
        else:
            current = f"{current},{piece}" if current else piece
    yield current


def _key(text: str, resolve: Callable[[str], Field | None], known: str) -> Key:
    name = text.strip()
    descending = name.startswith("-")
    name = name[1:] if name.startswith(("+", "-")) else name
    field = resolve(name)
    if field is None:
        raise BadInput(f"order: {name[:80]!r} is not a key; it is one of {known}, with + or - in front")
    return Key(field, descending)


def place(cell: Any) -> tuple[int, Any]:
    """A cell's group, and what it sorts by in there."""
    kind = type(cell)
    if kind is float or kind is int:
        return (NUMBERS, cell) if cell == cell else (NOTHINGS, 0)  # noqa: PLR0124 - NaN
    if kind is str:
        return TEXTS, cell[:_LONGEST]
    if kind is bool:
        return BOOLS, int(cell)
    if kind is dict or kind is list or kind is Several:
        return OBJECTS, _text_of(cell)
    return NOTHINGS, 0


def _text_of(cell: Any) -> str:
    try:
        return json.dumps(cell.values if type(cell) is Several else cell, sort_keys=True, default=str)[:_LONGEST]
    except RecursionError:
        return ""


def comparable(positions: Position, keys: tuple[Key, ...], number: int) -> tuple[Any, ...]:
    """What sorts as the whole order does. Ties go by the row's number, newest first where the first key descends."""
    parts: list[Any] = []
    for (group, value), key in zip(positions, keys, strict=True):
        parts += (group, (_Backwards(value) if type(value) is str else -value) if key.descending else value)
    return (*parts, -number if keys[0].descending else number)
