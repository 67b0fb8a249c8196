"""Pages of a project's runs, filtered and ordered."""

from __future__ import annotations

from dataclasses import dataclass

from dumbbell_server.graph.connections import PageInfo, page_size
from dumbbell_server.graph.context import Context
from dumbbell_server.listing import cursors
from dumbbell_server.listing.filters import parse_filter
from dumbbell_server.listing.orders import parse_order
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.fields import KNOWN, field, known_field
from dumbbell_server.runs.memory import Question, RunColumnCache
from dumbbell_server.runs.pages import RunEdges

_NEWEST_FIRST = "-created_at"  # where no order is given (behaviours.md 6.2)


def question(filters: str | None, ordered: str | None) -> Question:
    """A checked question. BadInput names what is not understood."""
    keys = parse_order((ordered or "").strip() or _NEWEST_FIRST, known_field, KNOWN)
    return Question(filters or "", parse_filter(filters, field), keys)


def count(context: Context, project: ProjectRow, filters: str | None) -> int:
    """How many runs a filter lets through."""
    asked = Question(filters or "", parse_filter(filters, field), ())
    return context.backend.keeps(RunColumnCache).ask(context, project, asked, None, 0).count


@dataclass
class RunPage:
    """A page in the shape of a connection."""

    edges: RunEdges
    page_info: PageInfo
    total_count: int


def page(context: Context, project: ProjectRow, asked: Question, first: int | None, after: str | None) -> RunPage:
    memory = context.backend.keeps(RunColumnCache)
    found = memory.ask(context, project, asked, cursors.read(after, asked.keys), page_size(first))
    edges = RunEdges(context, project, found.rows)
    return RunPage(edges, PageInfo(has_next_page=found.more, end_cursor=edges.cursor_at(-1),
                                   start_cursor=edges.cursor_at(0)), found.count)
