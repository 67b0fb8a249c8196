"""A page of a list that is short enough to be read whole: filtered and ordered as the long ones are."""

from __future__ import annotations

from collections.abc import Mapping

from dumbbell_server.filters.columns import Found, Table
from dumbbell_server.filters.order import Key, Position
from dumbbell_server.filters.tree import Field, Tree, fields_of
from dumbbell_server.filters.values import MISSING


def ask(rows: Mapping[int, Mapping[Field, object]], tree: Tree, keys: tuple[Key, ...],
        after: tuple[Position, int] | None, size: int) -> Found:
    """Count, and a page after a place, of rows by their numbers; a field that a row does not tell is missing there."""
    table = Table(list(rows))
    for asked in fields_of(tree) | {key.field for key in keys}:
        table.add_column(asked, {number: cells.get(asked, MISSING) for number, cells in rows.items()})
    return table.page(table.passing(tree, {}), keys, after, size)
