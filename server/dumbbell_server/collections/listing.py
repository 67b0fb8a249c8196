"""Pages of collections and of their versions: filters, orders, cursors."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from dumbbell_server.artifacts.tables import COMMITTED, ArtifactRow, CollectionRow, MembershipRow
from dumbbell_server.collections import queries
from dumbbell_server.collections.queries import Choice, Order
from dumbbell_server.errors import BadInput
from dumbbell_server.graph.connections import Edge, Page, keyset_cursor, keyset_position, number, page_of, page_size
from dumbbell_server.graph.wandb_json import checked_object, storable

_COLUMNS = {"id": "id", "name": "name", "created_at": "created_at", "createdAt": "created_at",
            "updated_at": "updated_at", "updatedAt": "updated_at"}
_VERSION_KEYS = frozenset({"version_index", "versionIndex", "created_at", "createdAt"})


def collections(session: Session, choice: Choice, filters: str | None, order: str | None, after: str | None,
                first: int | None) -> Page[CollectionRow]:
    """A page of collections, newest first unless an order is given."""
    size, wanted = page_size(first), choice.named(_name(filters))
    ordered = _order(order)
    rows = queries.page(session, wanted, ordered, keyset_position(after), size + 1)
    page = page_of(rows, size, lambda row: row.id or 0, queries.count(session, wanted))
    edges = [Edge(edge.node, keyset_cursor(getattr(edge.node, ordered.column), edge.node.id or 0))
             for edge in page.edges]
    if edges:
        page.page_info.start_cursor, page.page_info.end_cursor = edges[0].cursor, edges[-1].cursor
    return Page(edges, page.page_info, page.total_count)


def _order(order: str | None) -> Order:
    if not order:
        return Order()
    key = order.lstrip("+-")
    if key not in _COLUMNS:
        raise BadInput(f"order {order[:80]!r} is not known; collections are ordered by name, created_at or updated_at, "
                       "with + or - in front")
    return Order(_COLUMNS[key], not order.startswith("-"))


def _tree(filters: str | None) -> dict[str, Any]:
    return checked_object(filters, "filters") if filters and filters != "null" else {}


def _name(filters: str | None) -> str | None:
    tree = _tree(filters)
    name = tree.pop("name", None)
    if tree or not isinstance(name, str | None) or not storable(name or ""):
        raise BadInput("filters: collections can be filtered by name, equal to a text")
    return name


def versions(session: Session, collection: CollectionRow, filters: str | None, order: str | None,
             after: str | None, first: int | None) -> Page[tuple[MembershipRow, ArtifactRow]]:
    """A page of versions by number, the newest first unless an order is given."""
    size, tree = page_size(first), _tree(filters)
    if set(tree) - {"state"}:
        raise BadInput("filters: versions can be filtered by state")
    key = (order or "-version_index").lstrip("+-")
    if key not in _VERSION_KEYS:
        raise BadInput(f"order {str(order)[:80]!r} is not known; versions are ordered by version_index or created_at, "
                       "with + or - in front")
    if tree.get("state", COMMITTED) != COMMITTED:
        return page_of([], size, _place, 0)  # what is not committed is in no collection yet
    ascending = bool(order) and not str(order).startswith("-")
    rows = queries.versions(session, collection.id or 0, number(after), size + 1, ascending=ascending)
    return page_of(rows, size, _place, queries.count_versions(session, collection.id or 0))


def _place(row: tuple[MembershipRow, ArtifactRow]) -> int:
    return row[0].version_index
