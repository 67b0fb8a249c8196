"""Projects and registries of a fixture, as rows."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, select

from dumbbell_server.accounts import queries as accounts
from dumbbell_server.accounts.tables import EntityRow, FormerNameRow, RegistryMemberRow, RegistryTeamRow
from dumbbell_server.errors import BadInput
from dumbbell_server.projects import queries
from dumbbell_server.projects.access import PRIVATE
from dumbbell_server.projects.registries import PREFIX
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.seeding.form.documents import Project, ProjectFields, Registry
from dumbbell_server.seeding.form.reading import Read
from dumbbell_server.seeding.loading.state import Loading

VISIBILITIES = {"organization": PRIVATE, "restricted": "RESTRICTED"}


def load_project(loading: Loading, read: Read, form: Project) -> ProjectRow:
    """The project, made where it is not there."""
    entity = loading.entity(form.entity)
    if entity.kind == "organization":
        raise BadInput(f"{form.entity!r} holds an organization's registries; put them under `registries`")
    row = queries.by_name(loading.session, entity.id, form.name)
    if row is not None:
        return row
    row = _row(loading, read, form, entity, form.name)
    row.access = form.access or PRIVATE
    row.repo, row.docker_image, row.framework = form.repo, form.docker_image, form.framework
    row.is_benchmark, row.is_published = form.is_benchmark, form.is_published
    loading.session.add(row)
    loading.session.flush()
    _former(loading, row, form.former_names)
    loading.counts.projects += 1
    loading.new_projects.add(row.id)
    return row


def load_registry(loading: Loading, read: Read, form: Registry) -> ProjectRow:
    """The registry, made where it is not there."""
    session = loading.session
    entity = entity_of(loading, form.organization)
    row = queries.by_name(session, entity.id, PREFIX + form.name)
    if row is not None:
        return row
    row = _row(loading, read, form, entity, PREFIX + form.name)
    row.access = VISIBILITIES[form.visibility or "organization"]
    given = form.allow_all_artifact_types
    row.allow_all_artifact_types = not form.artifact_types if given is None else given
    session.add(row)
    session.flush()
    _former(loading, row, [PREFIX + name for name in form.former_names])
    members = {loading.user(name): role for name, role in form.members.items()} or {row.user_id: "admin"}
    for number, role in members.items():
        session.add(RegistryMemberRow(project_id=row.id, entity_id=entity.id, user_id=number, role=role))
    for name, role in form.teams.items():
        session.add(RegistryTeamRow(project_id=row.id, entity_id=entity.id, team_id=_team(loading, name), role=role))
    session.flush()
    loading.counts.registries += 1
    return row


def entity_of(loading: Loading, organization: str) -> EntityRow:
    """The entity that holds an organization's registries."""
    found = accounts.organization_by_name(loading.session, organization)
    if found is None:
        raise BadInput(f"organization {organization!r} is neither in the fixture nor on the server")
    return loading.session.get_one(EntityRow, found.entity_id)


def _team(loading: Loading, name: str) -> int:
    team = loading.entity(name)
    if team.kind != "team":
        raise BadInput(f"{name!r} is no team but a {team.kind}")
    return team.id


def _row(loading: Loading, read: Read, form: ProjectFields, entity: EntityRow, name: str) -> ProjectRow:
    created = loading.at(read, form.created or read.document.created) or ""
    maker = loading.user(form.user) if form.user else _first_admin(loading, entity)
    return ProjectRow(
        **loading.numbers.kept(ProjectRow, form.row), entity_id=entity.id, user_id=maker, name=name, access=PRIVATE,
        description=form.description, views=form.views, created_at=created,
        updated_at=loading.at(read, form.updated) or created)


def _first_admin(loading: Loading, entity: EntityRow) -> int:
    if entity.kind != "organization":
        return loading.first_admin(entity)
    seats = accounts.organization_members_of(loading.session, entity.organization_id or 0)
    return next(user.id for user, role in seats if role == "admin")


def _former(loading: Loading, row: ProjectRow, names: Sequence[str]) -> None:
    for name in names:
        if accounts.former(loading.session, "project", name, row.entity_id) is None:
            loading.session.add(FormerNameRow(kind="project", parent_id=row.entity_id, name=name, target_id=row.id))


def there(loading: Loading, entity: str, name: str) -> ProjectRow | None:
    """The project, if it and its entity are on the server already."""
    found = accounts.entity_by_name(loading.session, loading.name(entity))
    return loading.session.execute(select(ProjectRow).where(
        col(ProjectRow.entity_id) == found.id, col(ProjectRow.name) == name)).scalar() if found else None
