"""Looking through all registries of an organization: their collections, and the versions linked to them.

A cursor is a position in an order, so it holds whichever way a filter is written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from sqlalchemy.orm import Session

from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.artifacts.cells import collection_columns
from dumbbell_server.artifacts.fields import COLLECTION_FIELDS, VERSION_FIELDS
from dumbbell_server.artifacts.tables import PORTFOLIO, ArtifactRow, CollectionRow, MembershipRow
from dumbbell_server.identity import Actor
from dumbbell_server.listing import pages
from dumbbell_server.listing.cache import ColumnCache
from dumbbell_server.listing.columns import Found
from dumbbell_server.listing.filters import parse_filter
from dumbbell_server.listing.operators import name_of
from dumbbell_server.listing.orders import NUMBERS, Key
from dumbbell_server.listing.pages import ListQuery, Page, list_query, page_found
from dumbbell_server.listing.tree import EVERYTHING, Every, Field, Leaf, Test
from dumbbell_server.projects import listing as registries
from dumbbell_server.registries import queries

Version = tuple[MembershipRow, ArtifactRow]

_BY_REGISTRY = "+project_id,+id"
_BY_COLLECTION = "+registry,+collection,+number"
_COLLECTION = Field("collection_id")
_EACH = (Key(Field("project_id"), descending=False), Key(Field("id"), descending=False))


def _in_registries(session: Session, viewer: Actor | None, entity: EntityRow, filters: str | None) -> list[int]:
    """The registries that the viewer sees and the filter lets through."""
    tree = registries.read_filter(filters, "projectFilters")
    return [number for number, project in registries.visible(session, viewer, entity).items()
            if registries.passes(tree, project)]


def collections(session: Session, viewer: Actor | None, entity: EntityRow, project_filters: str | None,
                filters: str | None, kinds: Collection[str], order: str | None, after: str | None, first: int | None,
                ) -> Page[CollectionRow]:
    """By registry and age where no order is given."""
    query = list_query(COLLECTION_FIELDS, filters, order, after, first, _BY_REGISTRY)
    projects = _in_registries(session, viewer, entity, project_filters)
    rows = {row.id: row for row in queries.collections(session, projects, kinds)}
    return page_found(pages.ask(rows, collection_columns(session, rows, query.fields), query), rows)


def versions(cache: ColumnCache, session: Session, viewer: Actor | None, entity: EntityRow,
             project_filters: str | None, collection_filters: str | None, filters: str | None, order: str | None,
             after: str | None, first: int | None) -> Page[Version]:
    """By registry, collection and number where no order is given."""
    query = list_query(VERSION_FIELDS, filters, order, after, first, _BY_COLLECTION)
    within = _portfolios(session, _in_registries(session, viewer, entity, project_filters), collection_filters)
    if query.tree == EVERYTHING and not order:
        found = _next(session, within, query)
    else:
        found = cache.ask(session, viewer, entity.id, _narrowed(query, within))
    pairs = queries.versions(session, [number for number, _ in found.rows])
    return page_found(found, {member.id: (member, artifact) for member, artifact in pairs})


def _narrowed(query: ListQuery, collections: Collection[int]) -> ListQuery:
    """The same question of the links in these collections."""
    within = frozenset(collections)
    test = Test(name_of("$in", sorted(within)), within.__contains__, within.__contains__)
    return replace(query, filters=f"{test.name} {query.filters}", tree=Every((Leaf(_COLLECTION, test), query.tree)))


def _portfolios(session: Session, projects: list[int], filters: str | None) -> dict[int, int]:
    """The registry of each collection that the filter lets through, by registry and age."""
    tree = parse_filter(filters, COLLECTION_FIELDS.filter_key, "collectionFilters")
    rows = {row.id: row for row in queries.collections(session, projects, [PORTFOLIO])}
    query = ListQuery(filters or "", tree, _EACH, None, len(rows))
    found = pages.ask(rows, collection_columns(session, rows, query.fields), query)
    return {number: rows[number].project_id for number, _ in found.rows}


def _next(session: Session, registry_of: Mapping[int, int], query: ListQuery) -> Found:
    """The usual order without a filter: collection by collection, as far as the page goes."""
    begin, size = query.after, query.size
    last_project, last_collection, last = (value for _, value in begin[0]) if begin else (0, 0, -1)
    found = Found(0, 0, [], more=False)
    for collection, project in registry_of.items():
        if (project, collection) < (last_project, last_collection) or len(found.rows) > size:
            continue
        above = last if (project, collection) == (last_project, last_collection) else -1
        members = queries.next_members(session, collection, above, size + 1 - len(found.rows))
        found.rows.extend((member, ((NUMBERS, project), (NUMBERS, collection), (NUMBERS, version)))
                          for member, version in members)
    return Found(len(found.rows), 0, found.rows[:size], len(found.rows) > size)
