"""Pages of a project's runs, filtered and ordered."""

from __future__ import annotations

from dataclasses import dataclass

from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.filters import cursors, order, parse
from dumbbell_server.filters.columns import Found
from dumbbell_server.filters.order import Key
from dumbbell_server.filters.tree import Tree
from dumbbell_server.graph.connections import Edge, Page, PageInfo, page_size
from dumbbell_server.graph.context import Context
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs import queries
from dumbbell_server.runs.fields import KNOWN, field, known_field
from dumbbell_server.runs.memory import RunMemory
from dumbbell_server.runs.tables import RunRow

_NEWEST_FIRST = "-created_at"  # where no order is given (behaviours.md 6.2)


@dataclass(frozen=True)
class Question:
    """Which runs, in which order."""

    filters: str
    tree: Tree
    keys: tuple[Key, ...]


def question(filters: str | None, ordered: str | None) -> Question:
    """A checked question. BadInput names what is not understood."""
    keys = order.parse((ordered or "").strip() or _NEWEST_FIRST, known_field, KNOWN)
    return Question(filters or "", parse.parse(filters, field), keys)


def count(context: Context, project: ProjectRow, filters: str | None) -> int:
    """How many runs a filter lets through; the same as of a page with this filter, where that was asked for before."""
    known = context.answers.get((_ask, project.id, filters or ""))
    if isinstance(known, int):
        return known
    return _ask(context, project, Question(filters or "", parse.parse(filters, field), ()), None, 0).count


def page(context: Context, project: ProjectRow, asked: Question, first: int | None, after: str | None) -> Page[RunRow]:
    found = _ask(context, project, asked, after, page_size(first))
    rows = queries.by_numbers(context.session, [number for number, _ in found.rows])
    edges = [Edge(rows[number], cursors.write(position, number)) for number, position in found.rows if number in rows]
    return Page(edges, PageInfo(has_next_page=found.more, end_cursor=edges[-1].cursor if edges else None,
                                start_cursor=edges[0].cursor if edges else None), found.count)


def _ask(context: Context, project: ProjectRow, asked: Question, after: str | None, size: int) -> Found:
    entity = context.require(EntityRow, project.entity_id)
    found = context.house.keeps(RunMemory).ask(context.session, project, entity.name, asked.tree, asked.keys,
                                               cursors.read(after, asked.keys), size)
    context.answers[_ask, project.id, asked.filters] = found.count
    return found
