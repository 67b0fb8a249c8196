"""Pages: opaque cursors over a position, and the arguments that ask for one."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson
import strawberry

from dumbbell_server.errors import BadInput
from dumbbell_server.json_text import storable

T = TypeVar("T")

DEFAULT_PAGE = 50
LARGEST_PAGE = 10_000
_LARGEST_NUMBER = 2**62


def page_size(first: int | None, default: int = DEFAULT_PAGE) -> int:
    """How many rows a page holds: `first`, between 0 and LARGEST_PAGE."""
    if first is None:
        return default
    if first < 0:
        raise BadInput(f"first is {first}; it must not be negative")
    return min(first, LARGEST_PAGE)


def cursor(position: str | int) -> str:
    return base64.b64encode(f"c:{position}".encode()).decode()


def position(after: str | None) -> str | None:
    """What a cursor of ours holds; None for no cursor at all."""
    if not after:
        return None
    try:
        text = base64.b64decode(after, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        text = ""
    if not text.startswith("c:"):
        raise BadInput(f"{after[:80]!r} is not a cursor; pass the cursor of an earlier page, or null")
    return text.removeprefix("c:")


def number(after: str | None) -> int | None:
    """The number in a cursor."""
    text = position(after)
    if text is None:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):  # noqa: PLR2004 - 64 bits
        raise BadInput(f"{str(after)[:80]!r} is not a cursor of this list")
    return int(text)


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None
    has_previous_page: bool = False
    start_cursor: str | None = None


@dataclass
class Edge(Generic[T]):
    node: T
    cursor: str


@dataclass
class Page(Generic[T]):
    """Rows of one page in the shape of a connection; `total_count` where the list can be counted."""

    edges: list[Edge[T]]
    page_info: PageInfo
    total_count: int | None = None


def page_of(rows: Sequence[T], size: int, key: Callable[[T], str | int], total: int | None = None) -> Page[T]:
    """A page of `size` rows out of `size + 1` that were asked for: the one too many says that there are more."""
    edges = [Edge(row, cursor(key(row))) for row in rows[:size]]
    end = edges[-1].cursor if edges else None
    start = edges[0].cursor if edges else None
    return Page(edges, PageInfo(has_next_page=len(rows) > size, end_cursor=end, start_cursor=start), total)


def keyset_cursor(value: Any, number: int) -> str:
    """A place in rows ordered by a value, ties by number."""
    return base64.b64encode(orjson.dumps([value, number])).decode()


def keyset_position(after: str | None) -> tuple[Any, int] | None:
    if not after:
        return None
    try:
        value, number = orjson.loads(base64.b64decode(after, validate=True))
    except (binascii.Error, ValueError, TypeError):
        raise BadInput(f"{after[:80]!r} is not a cursor of this list") from None
    if not isinstance(value, str | int) or not storable(str(value)) or type(number) is not int or \
            abs(number) > _LARGEST_NUMBER:
        raise BadInput(f"{after[:80]!r} is not a cursor of this list")
    return value, number
