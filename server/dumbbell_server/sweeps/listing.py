"""A project's sweeps, filtered and ordered; the newest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from dumbbell_server.listing import pages
from dumbbell_server.listing.pages import Page, list_query, page_found
from dumbbell_server.listing.tree import Field
from dumbbell_server.sweeps import queries
from dumbbell_server.sweeps.fields import SWEEP_FIELDS
from dumbbell_server.sweeps.service import title
from dumbbell_server.sweeps.tables import SweepRow


def page(session: Session, project_id: int, filters: str | None, after: str | None, first: int | None,
         order: str | None = None) -> Page[SweepRow]:
    """A project has far fewer sweeps than runs: they are read whole."""
    query = list_query(SWEEP_FIELDS, filters, order, after, first, "-created_at")
    sweeps = {sweep.id: sweep for sweep in queries.every(session, project_id)}
    return page_found(pages.ask(sweeps, _columns(sweeps, query.fields), query), sweeps)


def _columns(sweeps: Mapping[int, SweepRow], fields: Iterable[Field]) -> dict[Field, dict[int, Any]]:
    titles = {field for field in fields if field.column == "title"}
    columns = pages.columns_of(sweeps, set(fields) - titles)
    for field in titles:
        columns[field] = {number: title(sweep) for number, sweep in sweeps.items()}
    return columns
