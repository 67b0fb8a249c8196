"""JSON values as MongoDB compares them, and where a dotted path leads in a document.

Two departures, since configs and summaries are written by clients that sort and re-sort keys: the order of an
object's keys means nothing, and a key may itself hold dots.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import chain
from types import NoneType
from typing import Any, Final, TypeAlias

from dumbbell_server.listing.paths import readings


class Missing:
    """The value of a field that is not there."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class Several:
    """What a path finds that goes through a list of objects: one value for each."""

    values: tuple[Any, ...]


# MongoDB's order of types; a missing field compares as null.
NULL, NUMBER, TEXT, OBJECT, LIST, BOOL = range(6)
_RANKS: dict[type, int] = {NoneType: NULL, Missing: NULL, int: NUMBER, float: NUMBER, str: TEXT, dict: OBJECT,
                           list: LIST, bool: BOOL}


def rank(value: Any) -> int:
    return _RANKS[type(value)]


def compare(one: Any, other: Any) -> int:
    """Negative, 0 or positive: by type first, then by value. NaN equals itself and is less than any number."""
    kind, theirs = rank(one), rank(other)
    if kind != theirs:
        return kind - theirs
    if kind == OBJECT:
        return _compare_objects(one, other)
    if kind == LIST:
        return _compare_lists(one, other)
    if kind == NULL:
        return 0
    if kind == NUMBER and (one != one or other != other):  # noqa: PLR0124 - NaN is what differs from itself
        return int(other != other) - int(one != one)  # noqa: PLR0124
    return int(one > other) - int(one < other)


def _compare_lists(one: list[Any], other: list[Any]) -> int:
    for mine, theirs in zip(one, other, strict=False):
        found = compare(mine, theirs)
        if found:
            return found
    return len(one) - len(other)


def _compare_objects(one: dict[str, Any], other: dict[str, Any]) -> int:
    for mine, theirs in zip(sorted(one), sorted(other), strict=False):
        if mine != theirs:
            return 1 if mine > theirs else -1
        found = compare(one[mine], other[mine])
        if found:
            return found
    return len(one) - len(other)


def canonical(value: Any) -> Hashable:
    """What is equal for two values just where they compare as 0."""
    kind = rank(value)
    if kind == OBJECT:
        return kind, frozenset((key, canonical(item)) for key, item in value.items())
    if kind == LIST:
        return kind, tuple(map(canonical, value))
    if kind == NULL:
        return kind
    return kind, "NaN" if value != value else value  # noqa: PLR0124


def candidates(cell: Any) -> tuple[Any, ...]:
    """What an operator is tried on: a list's elements and the list itself, anything else alone."""
    kind = type(cell)
    if kind is list:
        return (*cell, cell)
    if kind is Several:
        return tuple(chain.from_iterable(map(candidates, cell.values)))
    return (cell,)


def branches(cell: Any) -> tuple[Any, ...]:
    """The values of a cell, lists whole."""
    return cell.values if type(cell) is Several else (cell,)


def lookup(value: Any, path: tuple[str, ...]) -> Any:
    """What a path finds in a value: a value, MISSING, or Several where it goes through a list."""
    return _found(value, path, None)


# Lists and objects with the rest of the path that was looked up in them. To a list in lists lead several ways, whose
# number grows with the depth as a power does: `0.0.0` is the number of an element, or a key of one.
_Seen: TypeAlias = set[tuple[int, int]] | None


def _found(value: Any, path: tuple[str, ...], seen: _Seen) -> Any:
    if not path:
        return value
    if type(value) is dict:
        return _in_object(value, path, seen)
    if type(value) is not list:
        return MISSING
    found = tuple(_in_list(value, path, set() if seen is None else seen))
    return found[0] if len(found) == 1 and type(found[0]) is not list else Several(found)


def _in_object(value: dict[str, Any], path: tuple[str, ...], seen: _Seen) -> Any:
    """By the longest key that leads somewhere."""
    if len(path) == 1:
        return value.get(path[0], MISSING)
    found: Any = MISSING
    for key, rest in readings(path):
        if key in value:
            found = _found(value[key], rest, seen)
            if found is not MISSING:
                return found
    return found


def _in_list(items: list[Any], path: tuple[str, ...], seen: set[tuple[int, int]]) -> Iterator[Any]:
    """Each object in the list in turn, and the element whose number the path names; other elements hold no fields."""
    for item in items:
        if type(item) is dict and _is_new(item, path, seen):
            yield from branches(_found(item, path, seen))
    head = path[0]
    if head.isascii() and head.isdigit() and len(head) < 10 and int(head) < len(items):  # noqa: PLR2004
        item, rest = items[int(head)], path[1:]
        if _is_new(item, rest, seen):
            yield from branches(_found(item, rest, seen))


def _is_new(item: Any, rest: tuple[str, ...], seen: set[tuple[int, int]]) -> bool:
    if type(item) not in {dict, list}:
        return True
    place = id(item), len(rest)
    if place in seen:
        return False
    seen.add(place)
    return True
