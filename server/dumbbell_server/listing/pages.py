"""Pages of lists: what is asked, what comes back, and the page of a list that is short enough to be read whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dumbbell_server.budget import PAGE, current
from dumbbell_server.errors import BadInput
from dumbbell_server.listing import cursors
from dumbbell_server.listing.columns import Found, Table
from dumbbell_server.listing.fields import Fields
from dumbbell_server.listing.filters import parse_filter
from dumbbell_server.listing.orders import Key, Position, parse_order
from dumbbell_server.listing.tree import Field, Tree, fields_of

T = TypeVar("T")

DEFAULT_PAGE = 50
LARGEST_PAGE = 10_000


@dataclass
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


@dataclass(frozen=True)
class ListQuery:
    """What is asked of a list, checked. Equal texts of filters are equal filters."""

    filters: str
    tree: Tree
    keys: tuple[Key, ...]
    after: tuple[Position, int] | None = None
    size: int = 0

    @property
    def fields(self) -> set[Field]:
        return fields_of(self.tree) | {key.field for key in self.keys}


def list_query(fields: Fields, filters: str | None, order: str | None, after: str | None, first: int | None,
               default_order: str) -> ListQuery:
    """BadInput names the filter, order or cursor that is not understood."""
    keys = parse_order((order or "").strip() or default_order, fields.order_key, fields.known)
    return ListQuery(filters or "", parse_filter(filters, fields.filter_key), keys, cursors.read(after, keys),
                     page_size(first))


def page_size(first: int | None, default: int = DEFAULT_PAGE) -> int:
    """How many rows a page holds: `first`, between 0 and LARGEST_PAGE."""
    if first is None:
        return default
    if first < 0:
        raise BadInput(f"first is {first}; it must not be negative")
    return min(first, LARGEST_PAGE)


def page_of(rows: Sequence[T], size: int, key: Callable[[T], str | int], total: int | None = None) -> Page[T]:
    """A page of `size` rows out of `size + 1` that were asked for: the one too many says that there are more."""
    edges = [Edge(row, cursors.at(key(row))) for row in rows[:size]]
    return _page(edges, total, more=len(rows) > size)


def page_found(found: Found, rows: Mapping[int, T]) -> Page[T]:
    """The rows that were found, by their numbers; what has gone since is left out."""
    edges = [Edge(rows[number], cursors.write(position, number)) for number, position in found.rows if number in rows]
    return _page(edges, found.count, more=found.more)


def _page(edges: list[Edge[T]], total: int | None, *, more: bool) -> Page[T]:
    current().execute(PAGE)
    end = edges[-1].cursor if edges else None
    start = edges[0].cursor if edges else None
    return Page(edges, PageInfo(has_next_page=more, end_cursor=end, start_cursor=start), total)


def ask(numbers: Iterable[int], columns: Mapping[Field, Mapping[int, Any]], query: ListQuery) -> Found:
    """Count, and a page after a position, of rows by their numbers. A field that no column has is missing in all."""
    table = Table(list(numbers))
    for field in query.fields:
        table.add_column(field, columns.get(field, {}))
    return table.page(table.passing(query.tree, {}), query.keys, query.after, query.size)


def columns_of(rows: Mapping[int, Any], fields: Iterable[Field]) -> dict[Field, dict[int, Any]]:
    """Columns of rows that have the fields as attributes; fields of no column are left out."""
    return {field: {number: getattr(row, field.column) for number, row in rows.items()}
            for field in fields if field.column}
