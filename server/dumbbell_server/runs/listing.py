"""Pages of a project's runs, filtered and ordered."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.identity import Actor
from dumbbell_server.listing.cache import ColumnCache
from dumbbell_server.listing.columns import Found
from dumbbell_server.listing.pages import ListQuery, list_query
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.fields import RUN_FIELDS

_NEWEST_FIRST = "-created_at"  # where no order is given (docs/protocol/behaviours.md#orders)


def query(filters: str | None, order: str | None, after: str | None = None, first: int | None = None) -> ListQuery:
    """A checked question. BadInput names what is not understood."""
    return list_query(RUN_FIELDS, filters, order, after, first, _NEWEST_FIRST)


def query_before(filters: str | None, order: str | None, before: str | None, last: int | None) -> ListQuery:
    """The question whose answer, turned round, is the page that ends before a cursor."""
    asked = query(filters, order, before, last)
    return replace(asked, keys=tuple(replace(key, descending=not key.descending) for key in asked.keys))


def find(cache: ColumnCache, session: Session, viewer: Actor | None, project: ProjectRow, question: ListQuery) -> Found:
    """How many runs a filter lets through, and the numbers and positions of those on the page."""
    entity = session.get_one(EntityRow, project.entity_id).name
    return cache.ask(session, viewer, project.id, question, {"entity": entity, "project": project.name})


def count(cache: ColumnCache, session: Session, viewer: Actor | None, project: ProjectRow, filters: str | None) -> int:
    return find(cache, session, viewer, project, query(filters, None, first=0)).count
