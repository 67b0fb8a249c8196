"""A page of a list that is short enough to be read whole: filtered and ordered as the long ones are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dumbbell_server.listing.columns import Found, Table
from dumbbell_server.listing.orders import Key, Position
from dumbbell_server.listing.tree import Field, Tree, fields_of


def ask(numbers: Iterable[int], columns: Mapping[Field, Mapping[int, Any]], tree: Tree, keys: tuple[Key, ...],
        after: tuple[Position, int] | None, size: int) -> Found:
    """Count, and a page after a place, of rows by their numbers. What no column tells is missing."""
    table = Table(list(numbers))
    for asked in fields_of(tree) | {key.field for key in keys}:
        table.add_column(asked, columns.get(asked, {}))
    return table.page(table.passing(tree, {}), keys, after, size)


def columns_of(rows: Mapping[int, Any], fields: Iterable[Field]) -> dict[Field, dict[int, Any]]:
    """Columns of rows that have the fields as attributes."""
    return {field: {number: getattr(row, field.column) for number, row in rows.items()} for field in fields}
