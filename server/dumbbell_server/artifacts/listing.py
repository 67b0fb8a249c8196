"""Pages of collections and of their versions: filters, orders, cursors.

What clients ask most (a name, a state) the database answers by its indexes; for any other filter or order the list is
read whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from sqlalchemy.orm import Session

from dumbbell_server import ids
from dumbbell_server.artifacts import queries
from dumbbell_server.artifacts.cells import collection_columns, member_of, version_columns
from dumbbell_server.artifacts.fields import COLLECTION_FIELDS, VERSION_FIELDS
from dumbbell_server.artifacts.queries import Choice
from dumbbell_server.artifacts.tables import COMMITTED, ArtifactRow, CollectionRow, MembershipRow
from dumbbell_server.json_text import storable
from dumbbell_server.listing import pages
from dumbbell_server.listing.columns import Found
from dumbbell_server.listing.orders import Position, place
from dumbbell_server.listing.pages import ListQuery, Page, list_query, page_found
from dumbbell_server.listing.tree import EVERYTHING, Every, Field, Leaf, Tree

T = TypeVar("T")
Version = tuple[MembershipRow, ArtifactRow]

_NAME, _STATE = Field("name"), Field("state")
_INDEXED = frozenset({"id", "name", "created_at", "updated_at"})  # columns by which the database pages
_NUMBER = Field("number")
_BY_AGE = frozenset({"created_at", "createdAt", "artifact_created_at"})  # versions are numbered as they are made
_AT_ONCE = 500


def collections(session: Session, choice: Choice, filters: str | None, order: str | None, after: str | None,
                first: int | None) -> Page[CollectionRow]:
    """A page of collections, newest first unless an order is given."""
    query = list_query(COLLECTION_FIELDS, filters, order, after, first, "-id")
    names = _equal_texts(query.tree, _NAME)
    column = query.keys[0].field.column
    kind = int if column == "id" else str
    if names is not None and len(query.keys) == 1 and column in _INDEXED and _fits(query, kind):
        return _indexed_collections(session, choice.named(names[0] if names else None), query)
    rows = {row.id: row for row in _all(lambda last: queries.every_collection(session, choice, last, _AT_ONCE), _id)}
    return page_found(pages.ask(rows, collection_columns(session, rows, query.fields), query), rows)


def _indexed_collections(session: Session, choice: Choice, query: ListQuery) -> Page[CollectionRow]:
    key = query.keys[0]
    rows = queries.collections(session, choice, key, query.after, query.size + 1)
    positions: list[tuple[int, Position]] = [(row.id, (place(getattr(row, key.field.column)),)) for row in rows]
    found = Found(queries.count_collections(session, choice), 0, positions[:query.size], len(rows) > query.size)
    return page_found(found, {row.id: row for row in rows})


def versions(session: Session, collection: CollectionRow, filters: str | None, order: str | None,
             after: str | None, first: int | None) -> Page[Version]:
    """A page of versions by number, the newest first unless an order is given."""
    query = list_query(VERSION_FIELDS, filters, _by_number(order), after, first, "-number")
    states = _equal_texts(query.tree, _STATE)
    # versions of no other state are in a collection
    if states in ([], [COMMITTED]) and [key.field for key in query.keys] == [_NUMBER] and _fits(query, int):
        return _numbered_versions(session, collection, query)
    rows = {row[0].id: row for row in _all(lambda last: queries.versions_of_collection(
        session, collection.id, last, _AT_ONCE, ascending=True), _version_index)}
    members = [member_of(membership, artifact, collection.project_id) for membership, artifact in rows.values()]
    return page_found(pages.ask(rows, version_columns(session, members, query.fields), query), rows)


def _numbered_versions(session: Session, collection: CollectionRow, query: ListQuery) -> Page[Version]:
    begin = None if query.after is None else int(query.after[0][0][1])
    rows = queries.versions_of_collection(session, collection.id, begin, query.size + 1,
                                          ascending=not query.keys[0].descending)
    positions: list[tuple[int, Position]] = [(row[0].id, (place(row[0].version_index),)) for row in rows]
    found = Found(collection.version_count, 0, positions[:query.size], len(rows) > query.size)
    return page_found(found, {row[0].id: row for row in rows})


def _by_number(order: str | None) -> str | None:
    key = (order or "").strip()
    return f"{'-' if key.startswith('-') else '+'}number" if key.lstrip("+-") in _BY_AGE else order


def _fits(query: ListQuery, kind: type) -> bool:
    """Whether the cursor, if any, holds what the column does: the database compares nothing else with it."""
    if query.after is None:
        return True
    value = query.after[0][0][1]
    if kind is str:
        return type(value) is str
    return type(value) is int and abs(value) <= ids.MAX_ID


def _equal_texts(tree: Tree, field: Field) -> list[str] | None:
    """The texts that a filter wants a field to equal, where it wants nothing else; None for any other filter."""
    leaves = tree.parts if isinstance(tree, Every) else (tree,)
    if tree == EVERYTHING:
        return []
    if len(leaves) != 1 or not isinstance(leaves[0], Leaf) or leaves[0].field != field:
        return None
    text = leaves[0].test.text
    return None if text is None or not storable(text) else [text]  # JSON may hold escapes that no column does


def _all(read: Callable[[int | None], list[T]], key: Callable[[T], int]) -> Iterator[T]:
    last = None
    while rows := read(last):
        yield from rows
        last = key(rows[-1])


def _id(row: CollectionRow) -> int:
    return row.id


def _version_index(row: Version) -> int:
    return row[0].version_index
