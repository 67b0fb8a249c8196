"""An entity's projects, filtered and ordered: how clients look for registries."""

from __future__ import annotations

from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.graph.connections import Edge, Page, PageInfo, page_size
from dumbbell_server.graph.context import Context
from dumbbell_server.identity import Role
from dumbbell_server.listing import cursors, pages
from dumbbell_server.listing.filters import parse_filter
from dumbbell_server.listing.orders import parse_order
from dumbbell_server.listing.tree import Field, Tree, matches
from dumbbell_server.listing.values import MISSING
from dumbbell_server.projects import queries
from dumbbell_server.projects.access import role_in
from dumbbell_server.projects.registries import holds_registries
from dumbbell_server.projects.tables import ProjectRow

# Both spellings of the clients: of plain and of advanced search (behaviours.md 8.15).
_FIELDS = {"id": Field("id"), "project_id": Field("id"), "name": Field("name"), "entity_id": Field("entity_id"),
           "description": Field("description"), "access": Field("access"),
           "created_at": Field("created_at", moment=True), "createdAt": Field("created_at", moment=True),
           "updated_at": Field("updated_at", moment=True), "updatedAt": Field("updated_at", moment=True)}
_KNOWN = "name, created_at, updated_at, id, description, access"


def read_filter(filters: str | None, what: str = "filters") -> Tree:
    return parse_filter(filters, field, what)


def field(key: str) -> Field:
    return _FIELDS.get(key) or Field("", tuple(key.split(".")))


def holds(tree: Tree, project: ProjectRow) -> bool:
    """Whether a filter lets the project through."""
    return matches(tree, lambda asked: getattr(project, asked.column) if asked.column else MISSING)


def visible(context: Context, entity: EntityRow) -> dict[int, ProjectRow]:
    """All projects of the entity that the viewer may see, the oldest first."""
    rows = queries.of_entity(context.session, entity.id)
    return {project.id: project for project in rows if role_in(context.viewer, project) > Role.NONE}


def page(context: Context, entity: EntityRow, filters: str | None, ordered: str | None, after: str | None,
         first: int | None) -> Page[ProjectRow]:
    """Registries come the oldest first, other projects the newest, where no order is given."""
    usual = "+created_at" if holds_registries(entity) else "-created_at"
    keys = parse_order((ordered or "").strip() or usual, _FIELDS.get, _KNOWN)
    projects = visible(context, entity)
    found = pages.ask(projects, pages.columns_of(projects, set(_FIELDS.values())), read_filter(filters), keys,
                        cursors.read(after, keys), page_size(first))
    edges = [Edge(projects[number], cursors.write(position, number)) for number, position in found.rows]
    return Page(edges, PageInfo(has_next_page=found.more, end_cursor=edges[-1].cursor if edges else None,
                                start_cursor=edges[0].cursor if edges else None), found.count)
