"""What of a server is exported: all of it, an entity, or a project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.accounts import queries as accounts
from dumbbell_server.accounts.tables import EntityRow, OrganizationRow
from dumbbell_server.errors import NotFound
from dumbbell_server.projects.access import REMOVED
from dumbbell_server.projects.tables import ProjectRow

KINDS = ("user", "team", "organization")


@dataclass(frozen=True)
class Scope:
    """Entities and projects by their numbers, and organizations whose members are told."""

    entities: dict[int, EntityRow] = field(default_factory=dict)
    projects: dict[int, ProjectRow] = field(default_factory=dict)
    organizations: dict[int, OrganizationRow] = field(default_factory=dict)
    everything: bool = False

    def path(self, project: ProjectRow) -> str:
        return f"{self.entities[project.entity_id].name}/{project.name}"


def scope_of(session: Session, text: str | None) -> Scope:
    """NotFound where there is no such entity, organization or project."""
    if not text:
        organizations = session.execute(select(OrganizationRow).order_by(col(OrganizationRow.id))).scalars().all()
        return _whole(session, session.execute(select(EntityRow).where(
            col(EntityRow.kind).in_(KINDS)).order_by(col(EntityRow.id))).scalars().all(), organizations,
            everything=True)
    name, _, project_name = text.partition("/")
    organization = accounts.organization_by_name(session, name)
    entity = session.get(EntityRow, organization.entity_id) if organization else accounts.entity_by_name(session, name)
    if entity is None or entity.kind not in KINDS:
        raise NotFound(f"entity {name!r} not found; name a user, a team or an organization, or nothing for everything")
    if project_name:
        return _one(session, entity, project_name)
    if entity.kind != "organization":
        return _whole(session, [entity], [])
    owner = session.get_one(OrganizationRow, entity.organization_id)
    return _whole(session, [entity, *accounts.teams_of_organization(session, owner.id)], [owner])


def _whole(session: Session, entities: Sequence[EntityRow], organizations: Sequence[OrganizationRow], *,
           everything: bool = False) -> Scope:
    found = {entity.id: entity for entity in entities}
    projects = session.execute(select(ProjectRow).where(col(ProjectRow.access) != REMOVED).order_by(
        col(ProjectRow.id))).scalars()
    return Scope(found, {project.id: project for project in projects if project.entity_id in found},
                 {organization.id: organization for organization in organizations}, everything)


def _one(session: Session, entity: EntityRow, name: str) -> Scope:
    project = session.execute(select(ProjectRow).where(
        ProjectRow.entity_id == entity.id, ProjectRow.name == name)).scalar()
    if project is None:
        raise NotFound(f"project {entity.name}/{name} not found")
    owner = session.get(OrganizationRow, entity.organization_id) if entity.kind == "organization" else None
    return Scope({entity.id: entity}, {project.id: project}, {owner.id: owner} if owner is not None else {})
