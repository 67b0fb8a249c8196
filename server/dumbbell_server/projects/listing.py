"""An entity's projects, filtered and ordered: how clients look for registries."""

from __future__ import annotations

from sqlalchemy.orm import Session

from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.identity import Actor, Role
from dumbbell_server.listing import pages
from dumbbell_server.listing.filters import parse_filter
from dumbbell_server.listing.pages import Page, list_query, page_found
from dumbbell_server.listing.tree import Tree, matches
from dumbbell_server.listing.values import MISSING
from dumbbell_server.projects import queries
from dumbbell_server.projects.access import role_in
from dumbbell_server.projects.fields import PROJECT_FIELDS
from dumbbell_server.projects.registries import holds_registries
from dumbbell_server.projects.tables import ProjectRow


def read_filter(filters: str | None, what: str = "filters") -> Tree:
    return parse_filter(filters, PROJECT_FIELDS.filter_key, what)


def passes(tree: Tree, project: ProjectRow) -> bool:
    """Whether a filter lets the project through."""
    return matches(tree, lambda field: getattr(project, field.column) if field.column else MISSING)


def visible(session: Session, viewer: Actor | None, entity: EntityRow) -> dict[int, ProjectRow]:
    """All projects of the entity that the viewer may see, the oldest first."""
    rows = queries.of_entity(session, entity.id)
    return {project.id: project for project in rows if role_in(viewer, project) > Role.NONE}


def page(session: Session, viewer: Actor | None, entity: EntityRow, filters: str | None, order: str | None,
         after: str | None, first: int | None) -> Page[ProjectRow]:
    """Registries come the oldest first, other projects the newest, where no order is given."""
    default_order = "+created_at" if holds_registries(entity) else "-created_at"
    query = list_query(PROJECT_FIELDS, filters, order, after, first, default_order)
    projects = visible(session, viewer, entity)
    return page_found(pages.ask(projects, pages.columns_of(projects, query.fields), query), projects)
