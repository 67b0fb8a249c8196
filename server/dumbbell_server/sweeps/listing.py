"""A project's sweeps, filtered; the newest first."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from dumbbell_server.graph.connections import Page, number, page_of, page_size
from dumbbell_server.listing.filters import parse_filter
from dumbbell_server.listing.tree import EVERYTHING, Field, Tree, matches
from dumbbell_server.listing.values import MISSING
from dumbbell_server.sweeps import queries
from dumbbell_server.sweeps.service import title
from dumbbell_server.sweeps.tables import SweepRow

_MADE, _CHANGED = Field("created_at", moment=True), Field("updated_at", moment=True)
_TITLE = Field("title")
_FIELDS = {"name": Field("name"), "id": Field("name"), "display_name": _TITLE, "displayName": _TITLE,
           "state": Field("state"), "method": Field("method"), "description": Field("description"),
           "created_at": _MADE, "createdAt": _MADE, "updated_at": _CHANGED, "updatedAt": _CHANGED}


def _field(key: str) -> Field:
    return _FIELDS.get(key) or Field("", tuple(key.split(".")))


def _cell(sweep: SweepRow, field: Field) -> Any:
    if field == _TITLE:
        return title(sweep)
    return getattr(sweep, field.column) if field.column else MISSING


def page(session: Session, project_id: int, filters: str | None, after: str | None, first: int | None,
         ) -> Page[SweepRow]:
    tree, size = parse_filter(filters, _field), page_size(first)
    rows = _matching(session, project_id, tree, number(after), size + 1)
    return page_of(rows, size, lambda sweep: sweep.id)


def _matching(session: Session, project_id: int, tree: Tree, before: int | None, wanted: int) -> list[SweepRow]:
    """As many as wanted, read in pieces: a project has far fewer sweeps than runs."""
    found: list[SweepRow] = []
    while len(found) < wanted:
        rows = queries.newest(session, project_id, before, wanted)
        found += rows if tree == EVERYTHING else [
            sweep for sweep in rows if matches(tree, lambda field, row=sweep: _cell(row, field))]  # type: ignore[misc]
        if len(rows) < wanted:
            break
        before = rows[-1].id
    return found[:wanted]
