"""Looking through all registries of an organization: their collections, and the versions linked to them.

Filters and orders come in two spellings, of plain and of advanced search (behaviours.md 8.15); both are understood
everywhere. A cursor is a place in an order, so it holds whichever way a filter is written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.artifacts.pages import know_page
from dumbbell_server.artifacts.tables import PORTFOLIO, CollectionRow, MembershipRow
from dumbbell_server.graph.connections import Edge, Page, PageInfo, page_size
from dumbbell_server.graph.context import Context
from dumbbell_server.listing import cursors, pages
from dumbbell_server.listing.columns import Found
from dumbbell_server.listing.filters import parse_filter
from dumbbell_server.listing.orders import NUMBERS, Position, parse_order
from dumbbell_server.listing.tree import EVERYTHING, Field, Tree, fields_of
from dumbbell_server.projects import listing as registries
from dumbbell_server.registries import queries
from dumbbell_server.registries.memory import LinkColumnCache

_MADE, _CHANGED = Field("created_at", moment=True), Field("updated_at", moment=True)
_COLLECTION = {"id": Field("id"), "artifact_collection_id": Field("id"), "collection_id": Field("id"),
               "name": Field("name"), "description": Field("description"), "project_id": Field("project_id"),
               "tag": Field("tag"), "tags": Field("tag"), "created_at": _MADE, "createdAt": _MADE,
               "updated_at": _CHANGED, "updatedAt": _CHANGED}
_VERSION = {"id": Field("id"), "artifact_id": Field("id"), "version": Field("version"),
            "version_index": Field("version"), "versionIndex": Field("version"), "tag": Field("tag"),
            "tags": Field("tag"), "alias": Field("alias"), "aliases": Field("alias"),
            "created_at": _MADE, "artifact_created_at": _MADE, "createdAt": _MADE, "updated_at": _CHANGED,
            "updatedAt": _CHANGED, "artifact_size": Field("size"), "size": Field("size"),
            "acm_created_at": Field("linked_at", moment=True), "linked_at": Field("linked_at", moment=True),
            "registry": Field("project_id"), "collection": Field("collection_id"), "number": Field("number")}
_TAG = Field("tag")
_BY_REGISTRY = "+project_id,+id"
_BY_COLLECTION = "+registry,+collection,+number"
_EACH = parse_order(_BY_REGISTRY, _COLLECTION.get, "")


def _collection_field(key: str) -> Field:
    return _COLLECTION.get(key) or Field("", tuple(key.split(".")))


def _version_field(key: str) -> Field:
    head, _, rest = key.partition(".")
    if head in {"metadata", "artifact_metadata"}:
        return Field("metadata", tuple(rest.split(".")) if rest else ())
    return _VERSION.get(key) or Field("", tuple(key.split(".")))


def _in_registries(context: Context, entity: EntityRow, filters: str | None) -> list[int]:
    """The registries that the viewer sees and the filter lets through."""
    tree = registries.read_filter(filters, "projectFilters")
    return [number for number, project in registries.visible(context, entity).items()
            if registries.holds(tree, project)]


def collections(context: Context, entity: EntityRow, project_filters: str | None, filters: str | None,
                kinds: Collection[str], ordered: str | None, after: str | None, first: int | None,
                ) -> Page[CollectionRow]:
    """By registry and age where no order is given."""
    keys = parse_order((ordered or "").strip() or _BY_REGISTRY, _COLLECTION.get, "name, created_at, updated_at")
    tree = parse_filter(filters, _collection_field)
    rows = {row.id: row for row in queries.collections(
        context.session, _in_registries(context, entity, project_filters), kinds)}
    found = pages.ask(rows, _columns(context, rows, fields_of(tree) | {key.field for key in keys}), tree, keys,
                        cursors.read(after, keys), page_size(first))
    return _page(found, rows)


def _columns(context: Context, rows: Mapping[int, CollectionRow], asked: Collection[Field],
             ) -> dict[Field, Mapping[int, Any]]:
    columns: dict[Field, Mapping[int, Any]] = {}
    for field in asked:
        if field == _TAG:
            columns[field] = queries.tags_of_collections(context.session, list(rows))
        elif field.column:
            columns |= pages.columns_of(rows, [field])
    return columns


def versions(context: Context, entity: EntityRow, project_filters: str | None, collection_filters: str | None,
             filters: str | None, ordered: str | None, after: str | None, first: int | None,
             ) -> Page[MembershipRow]:
    """By registry, collection and number where no order is given."""
    keys = parse_order((ordered or "").strip() or _BY_COLLECTION, _VERSION.get, "created_at, artifact_size, linked_at")
    tree = parse_filter(filters, _version_field)
    homes = _portfolios(context, _in_registries(context, entity, project_filters), collection_filters)
    begin, size = cursors.read(after, keys), page_size(first)
    if tree == EVERYTHING and not ordered:
        found = _next(context, homes, begin, size)
    else:
        memory = context.backend.keeps(LinkColumnCache)
        found = memory.ask(context.session, entity.id, homes, tree, keys, begin, size)
    pairs = queries.versions(context.session, [number for number, _ in found.rows])
    know_page(context, [artifact for _, artifact in pairs])
    return _page(found, {member.id: member for member, _ in pairs})


def _portfolios(context: Context, projects: list[int], filters: str | None) -> dict[int, int]:
    """The registry of each collection that the filter lets through, by registry and age."""
    tree: Tree = parse_filter(filters, _collection_field, "collectionFilters")
    rows = {row.id: row for row in queries.collections(context.session, projects, [PORTFOLIO])}
    columns = _columns(context, rows, fields_of(tree) | {key.field for key in _EACH})
    found = pages.ask(rows, columns, tree, _EACH, None, len(rows))
    return {number: rows[number].project_id for number, _ in found.rows}


def _next(context: Context, homes: Mapping[int, int], begin: tuple[Position, int] | None, size: int) -> Found:
    """The usual order without a filter: collection by collection, as far as the page goes."""
    last_project, last_collection, last = (value for _, value in begin[0]) if begin else (0, 0, -1)
    rows: list[tuple[int, Position]] = []
    for collection, project in homes.items():
        if (project, collection) < (last_project, last_collection) or len(rows) > size:
            continue
        above = last if (project, collection) == (last_project, last_collection) else -1
        rows += [(member, ((NUMBERS, project), (NUMBERS, collection), (NUMBERS, version)))
                 for member, version in queries.next_members(context.session, collection, above, size + 1 - len(rows))]
    return Found(len(rows), 0, rows[:size], len(rows) > size)


def _page(found: Found, rows: Mapping[int, Any]) -> Page[Any]:
    edges = [Edge(rows[number], cursors.write(position, number)) for number, position in found.rows if number in rows]
    return Page(edges, PageInfo(has_next_page=found.more, end_cursor=edges[-1].cursor if edges else None,
                                start_cursor=edges[0].cursor if edges else None), found.count)
