"""Pages of collections and of their versions: filters, orders, cursors.

What clients ask most (a name, a state) the database answers by its indexes; any other filter is asked of one row after
the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from dumbbell_server.artifacts import queries
from dumbbell_server.artifacts.queries import Choice, Order
from dumbbell_server.artifacts.tables import COMMITTED, ArtifactRow, CollectionRow, MembershipRow
from dumbbell_server.errors import BadInput
from dumbbell_server.graph.connections import Edge, Page, keyset_cursor, keyset_position, number, page_of, page_size
from dumbbell_server.json_text import checked_object, loads, storable
from dumbbell_server.listing.filters import matches_document, plain, read

T = TypeVar("T")
Version = tuple[MembershipRow, ArtifactRow]
Documents = Callable[[Session, Sequence[T]], Sequence[dict[str, Any]]]

_COLUMNS = {"id": "id", "name": "name", "created_at": "created_at", "createdAt": "created_at",
            "updated_at": "updated_at", "updatedAt": "updated_at"}
_VERSION_KEYS = frozenset({"version_index", "versionIndex", "created_at", "createdAt"})
_AT_ONCE = 500


def collections(session: Session, choice: Choice, filters: str | None, order: str | None, after: str | None,
                first: int | None) -> Page[CollectionRow]:
    """A page of collections, newest first unless an order is given."""
    size, ordered, tree = page_size(first), _order(order), _object(filters)
    begin = keyset_position(after)
    if set(tree) <= {"name"} and isinstance(tree.get("name"), str | None) and storable(tree.get("name") or ""):
        wanted = choice.named(tree.get("name"))
        rows = queries.collections(session, wanted, ordered, begin, size + 1)
        total = queries.count_collections(session, wanted)
    else:
        every = _all_collections(session, choice, ordered)
        passing = list(_passing(session, tree, every, collection_documents))
        rows, total = _behind(passing, begin, ordered)[:size + 1], len(passing)
    return _page(rows, size, ordered, total)


def _page(rows: Sequence[CollectionRow], size: int, order: Order, total: int) -> Page[CollectionRow]:
    page = page_of(rows, size, lambda row: row.id, total)
    edges = [Edge(edge.node, keyset_cursor(getattr(edge.node, order.column), edge.node.id))
             for edge in page.edges]
    if edges:
        page.page_info.start_cursor, page.page_info.end_cursor = edges[0].cursor, edges[-1].cursor
    return Page(edges, page.page_info, page.total_count)


def _all_collections(session: Session, choice: Choice, order: Order) -> Iterator[CollectionRow]:
    begin = None
    while rows := queries.collections(session, choice, order, begin, _AT_ONCE):
        yield from rows
        begin = getattr(rows[-1], order.column), rows[-1].id


def _behind(rows: list[CollectionRow], begin: tuple[Any, int] | None, order: Order) -> list[CollectionRow]:
    if begin is None:
        return rows
    places = [(getattr(row, order.column), row.id) for row in rows]
    return [row for row, place in zip(rows, places, strict=True)
            if (place > begin if order.ascending else place < begin)]


def _order(order: str | None) -> Order:
    if not order:
        return Order()
    key = order.lstrip("+-")
    if key not in _COLUMNS:
        raise BadInput(f"order {order[:80]!r} is not known; collections are ordered by name, created_at or updated_at, "
                       "with + or - in front")
    return Order(_COLUMNS[key], not order.startswith("-"))


def _object(filters: str | None) -> dict[str, Any]:
    return checked_object(filters, "filters") if filters and filters.strip() not in {"", "null"} else {}


def _passing(session: Session, tree: dict[str, Any], rows: Iterator[T], documents: Documents[T]) -> Iterator[T]:
    wanted = read(tree, plain)
    while some := list(islice(rows, _AT_ONCE)):
        for row, document in zip(some, documents(session, some), strict=True):
            if matches_document(wanted, document):
                yield row


def _both(fields: dict[str, Any]) -> dict[str, Any]:
    """Each field under the two spellings of its name."""
    camel = {"".join(part.title() if at else part for at, part in enumerate(name.split("_"))): value
             for name, value in fields.items()}
    return fields | camel


def collection_documents(session: Session, rows: Sequence[CollectionRow]) -> list[dict[str, Any]]:
    """Collections as filters see them."""
    tags = {number: [tag.name for tag in held]
            for number, held in queries.tags_of_collections(session, [row.id for row in rows]).items()}
    return [_both({"id": row.id, "artifact_collection_id": row.id, "name": row.name, "description": row.description,
                   "created_at": row.created_at, "updated_at": row.updated_at, "tag": tags.get(row.id, []),
                   "tags": tags.get(row.id, [])}) for row in rows]


def version_documents(session: Session, rows: Sequence[Version]) -> list[dict[str, Any]]:
    """Versions as filters see them."""
    numbers = [artifact.id for _, artifact in rows]
    tags: dict[int, list[str]] = {}
    for artifact_id, tag in queries.tags_of_versions(session, numbers):
        tags.setdefault(artifact_id, []).append(tag.name)
    aliases: dict[int, list[str]] = {}
    for _, alias in queries.aliases_of_versions(session, numbers):
        aliases.setdefault(alias.membership_id, []).append(alias.name)
    return [_both({
        "id": artifact.id, "artifact_id": artifact.id, "state": artifact.state, "version_index": member.version_index,
        "version": member.version_index, "digest": artifact.digest, "description": artifact.description,
        "metadata": loads(artifact.metadata_json) if artifact.metadata_json else None, "size": artifact.size,
        "artifact_size": artifact.size, "created_at": artifact.created_at, "updated_at": artifact.updated_at,
        "artifact_created_at": artifact.created_at, "acm_created_at": member.created_at,
        "tag": tags.get(artifact.id, []), "tags": tags.get(artifact.id, []),
        "alias": aliases.get(member.id, []), "aliases": aliases.get(member.id, []),
    }) for member, artifact in rows]


def versions(session: Session, collection: CollectionRow, filters: str | None, order: str | None,
             after: str | None, first: int | None) -> Page[Version]:
    """A page of versions by number, the newest first unless an order is given."""
    size, tree, begin = page_size(first), _object(filters), number(after)
    key = (order or "-version_index").lstrip("+-")
    if key not in _VERSION_KEYS:
        raise BadInput(f"order {str(order)[:80]!r} is not known; versions are ordered by version_index or created_at, "
                       "with + or - in front")
    ascending, home = bool(order) and not str(order).startswith("-"), collection.id
    if tree in ({}, {"state": COMMITTED}):  # no other is in a collection
        rows = queries.versions_of_collection(session, home, begin, size + 1, ascending=ascending)
        return page_of(rows, size, _place, collection.version_count)
    every = _all_versions(session, home, ascending=ascending)
    passing = list(_passing(session, tree, every, version_documents))
    behind = [row for row in passing
              if begin is None or (_place(row) > begin if ascending else _place(row) < begin)]
    return page_of(behind[:size + 1], size, _place, len(passing))


def _all_versions(session: Session, collection_id: int, *, ascending: bool) -> Iterator[Version]:
    begin = None
    while rows := queries.versions_of_collection(session, collection_id, begin, _AT_ONCE, ascending=ascending):
        yield from rows
        begin = _place(rows[-1])


def _place(row: Version) -> int:
    return row[0].version_index
