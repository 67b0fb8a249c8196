"""Looking through all registries of an organization: their collections, and the versions linked to them.

Filters and orders come in two spellings, of plain and of advanced search (behaviours.md 8.15); both are understood
everywhere. A cursor is a place in an order, so it holds whichever way a filter is written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.artifacts.tables import PORTFOLIO, CollectionRow, MembershipRow
from dumbbell_server.filters import cursors, listing, order, parse
from dumbbell_server.filters.columns import Found
from dumbbell_server.filters.tree import EVERYTHING, Field, Tree, fields_of, matches
from dumbbell_server.filters.values import MISSING, lookup
from dumbbell_server.graph.connections import Edge, Page, PageInfo, page_size
from dumbbell_server.graph.context import Context
from dumbbell_server.graph.wandb_json import loads
from dumbbell_server.projects import listing as registries
from dumbbell_server.registries import queries

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
_BY_REGISTRY = "+project_id,+id"
_BY_COLLECTION = "+registry,+collection,+number"


def _collection_field(key: str) -> Field:
    return _COLLECTION.get(key) or Field("", tuple(key.split(".")))


def _version_field(key: str) -> Field:
    head, _, rest = key.partition(".")
    if head in {"metadata", "artifact_metadata"}:
        return Field("metadata", tuple(rest.split(".")) if rest else ())
    return _VERSION.get(key) or Field("", tuple(key.split(".")))


def _in_registries(context: Context, entity: EntityRow, filters: str | None) -> list[int]:
    """The registries that the visitor sees and the filter lets through."""
    tree = registries.read_filter(filters, "projectFilters")
    found = []
    for number, project in registries.visible(context, entity).items():
        cells = registries.cells(project)
        if matches(tree, lambda field, known=cells: known.get(field, MISSING)):  # type: ignore[misc]
            found.append(number)
    return found


def collections(context: Context, entity: EntityRow, project_filters: str | None, filters: str | None,
                kinds: Collection[str], ordered: str | None, after: str | None, first: int | None,
                ) -> Page[CollectionRow]:
    """By registry and age where no order is given."""
    keys = order.parse((ordered or "").strip() or _BY_REGISTRY, _COLLECTION.get, "name, created_at, updated_at")
    tree = parse.parse(filters, _collection_field)
    rows = {row.id or 0: row for row in queries.collections(
        context.session, _in_registries(context, entity, project_filters), kinds)}
    found = listing.ask(_collection_cells(context, rows, fields_of(tree)), tree, keys, cursors.read(after, keys),
                        page_size(first))
    return _page(found, rows)


def _collection_cells(context: Context, rows: Mapping[int, CollectionRow], asked: Collection[Field],
                      ) -> dict[int, dict[Field, Any]]:
    columns = set(_COLLECTION.values()) - {Field("tag")}
    tags = queries.tags_of_collections(context.session, list(rows)) if Field("tag") in asked else {}
    return {number: {**{field: getattr(row, field.column) for field in columns}, Field("tag"): tags.get(number, [])}
            for number, row in rows.items()}


def versions(context: Context, entity: EntityRow, project_filters: str | None, collection_filters: str | None,
             filters: str | None, ordered: str | None, after: str | None, first: int | None,
             ) -> Page[MembershipRow]:
    """By registry, collection and number where no order is given."""
    keys = order.parse((ordered or "").strip() or _BY_COLLECTION, _VERSION.get, "created_at, artifact_size, linked_at")
    tree = parse.parse(filters, _version_field)
    asked = fields_of(tree) | {key.field for key in keys}
    homes = _portfolios(context, _in_registries(context, entity, project_filters), collection_filters)
    found = listing.ask(_version_cells(context, homes, asked), tree, keys, cursors.read(after, keys),
                        page_size(first))
    numbers = [number for number, _ in found.rows]
    pairs = queries.versions(context.session, numbers)
    context.know(*(artifact for _, artifact in pairs))
    return _page(found, {member.id or 0: member for member, _ in pairs})


def _portfolios(context: Context, projects: list[int], filters: str | None) -> dict[int, int]:
    """The registry of each collection that the filter lets through."""
    tree: Tree = parse.parse(filters, _collection_field, "collectionFilters")
    rows = {row.id or 0: row for row in queries.collections(context.session, projects, [PORTFOLIO])}
    if tree == EVERYTHING:
        return {number: row.project_id for number, row in rows.items()}
    cells = _collection_cells(context, rows, fields_of(tree))
    return {number: row.project_id for number, row in rows.items()
            if matches(tree, lambda field, known=cells[number]: known.get(field, MISSING))}  # type: ignore[misc]


def _version_cells(context: Context, homes: Mapping[int, int], asked: Collection[Field],
                   ) -> dict[int, dict[Field, Any]]:
    columns = {field.column for field in asked}
    aliases = queries.aliases(context.session, list(homes)) if "alias" in columns else {}
    tags = queries.tags_of_versions(context.session, list(homes)) if "tag" in columns else {}
    cells: dict[int, dict[Field, Any]] = {}
    for row in queries.linked(context.session, list(homes), metadata="metadata" in columns):
        cells[row.member] = {
            Field("id"): row.artifact, Field("version"): [row.number, f"v{row.number}"], Field("number"): row.number,
            _MADE: row.created_at, _CHANGED: row.updated_at, Field("size"): row.size,
            Field("linked_at", moment=True): row.linked_at, Field("collection_id"): row.collection,
            Field("project_id"): homes[row.collection], Field("alias"): aliases.get(row.member, []),
            Field("tag"): tags.get(row.artifact, []), **_metadata_cells(row.metadata, asked)}
    return cells


def _metadata_cells(text: str | None, asked: Collection[Field]) -> dict[Field, Any]:
    wanted = [field for field in asked if field.column == "metadata"]
    if not wanted or text is None:
        return {}
    document = loads(text)
    return {field: lookup(document, field.path) for field in wanted}


def _page(found: Found, rows: Mapping[int, Any]) -> Page[Any]:
    edges = [Edge(rows[number], cursors.write(position, number)) for number, position in found.rows if number in rows]
    return Page(edges, PageInfo(has_next_page=found.more, end_cursor=edges[-1].cursor if edges else None,
                                start_cursor=edges[0].cursor if edges else None), found.count)
