"""Projects and registries of an export, with their sweeps and views."""

from __future__ import annotations

from typing import Any

from sqlmodel import col, select

from dumbbell_server.accounts.tables import (
    EntityRow,
    FormerNameRow,
    OrganizationRow,
    RegistryMemberRow,
    RegistryTeamRow,
    UserRow,
)
from dumbbell_server.artifacts.tables import ArtifactTypeRow
from dumbbell_server.projects.registries import PREFIX
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.reports.tables import ViewRow
from dumbbell_server.seeding.exporting.writing import Writing, told
from dumbbell_server.seeding.form.folder import described, write_document
from dumbbell_server.seeding.loading.projects import VISIBILITIES
from dumbbell_server.sweeps.tables import AgentRow, SweepRow

_VISIBLE = {access: name for name, access in VISIBILITIES.items()}


def place_of(writing: Writing, row: ProjectRow) -> tuple[str, dict[str, Any]]:
    """Under which key of a document the project or registry stands, and what it is called there."""
    entity = writing.scope.entities[row.entity_id]
    if entity.kind != "organization":
        return "projects", {"entity": entity.name, "name": row.name}
    organization = writing.session.get_one(OrganizationRow, entity.organization_id)
    return "registries", {"organization": organization.name, "name": row.name.removeprefix(PREFIX)}


def export_project(writing: Writing, row: ProjectRow) -> None:
    """The project itself, its sweeps and its views."""
    key, place = place_of(writing, row)
    fields = _registry(writing, row) if key == "registries" else _project(writing, row)
    types = writing.session.execute(select(ArtifactTypeRow).where(ArtifactTypeRow.project_id == row.id).order_by(
        col(ArtifactTypeRow.id))).scalars()
    common = described(
        user=writing.user(row.user_id), description=row.description,
        artifact_types=[described(name=kind.name, description=kind.description, created=kind.created_at, row=kind.id)
                        for kind in types],
        views=row.views, created=row.created_at, updated=row.updated_at, row=row.id)
    entity = writing.scope.entities[row.entity_id]
    write_document(writing.folder.project_file(entity.name, row.name), {key: [{**place, **common, **fields}]})
    writing.on_progress(1)


def _former(writing: Writing, row: ProjectRow) -> list[str]:
    return list(writing.session.execute(select(FormerNameRow.name).where(
        FormerNameRow.kind == "project", FormerNameRow.target_id == row.id,
        FormerNameRow.parent_id == row.entity_id).order_by(col(FormerNameRow.name))).scalars())


def _project(writing: Writing, row: ProjectRow) -> dict[str, Any]:
    sweeps = writing.session.execute(select(SweepRow).where(SweepRow.project_id == row.id).order_by(
        col(SweepRow.id))).scalars()
    views = writing.session.execute(select(ViewRow).where(ViewRow.project_id == row.id).order_by(
        col(ViewRow.id))).scalars()
    return described(
        access=row.access, repo=row.repo, docker_image=row.docker_image, framework=row.framework,
        is_benchmark=row.is_benchmark, is_published=row.is_published, runs_made=row.runs_made,
        former_names=_former(writing, row), sweeps=[_sweep(writing, sweep) for sweep in sweeps],
        reports=[_view(writing, view) for view in views])


def _registry(writing: Writing, row: ProjectRow) -> dict[str, Any]:
    session = writing.session
    members = session.execute(select(UserRow.username, UserRow.id, RegistryMemberRow.role).join(
        RegistryMemberRow, col(RegistryMemberRow.user_id) == UserRow.id).where(
            RegistryMemberRow.project_id == row.id).order_by(col(UserRow.id))).all()
    writing.users |= {number for _, number, _ in members}
    teams = session.execute(select(EntityRow.name, EntityRow.id, RegistryTeamRow.role).join(
        RegistryTeamRow, col(RegistryTeamRow.team_id) == EntityRow.id).where(
            RegistryTeamRow.project_id == row.id).order_by(col(EntityRow.id))).all()
    for _ in (number for _, number, _ in teams if number not in writing.scope.entities):
        writing.leave_out("a team in a registry, which is not exported")
    return described(
        visibility=_VISIBLE[row.access], members={name: role for name, _, role in members},
        teams={name: role for name, number, role in teams if number in writing.scope.entities},
        former_names=[name.removeprefix(PREFIX) for name in _former(writing, row)],
    ) | {"allow_all_artifact_types": row.allow_all_artifact_types}


def _sweep(writing: Writing, row: SweepRow) -> dict[str, Any]:
    agents = writing.session.execute(select(AgentRow).where(AgentRow.sweep_id == row.id).order_by(
        col(AgentRow.id))).scalars()
    return described(
        name=row.name, user=writing.user(row.user_id), config_yaml=row.config, state=row.state, title=row.given_name,
        description=row.description, controller=row.controller, scheduler=row.scheduler,
        agents=[described(name=agent.name, host=agent.host, user=writing.user(agent.user_id), state=agent.state,
                          created=agent.created_at, heartbeat=agent.heartbeat_at, row=agent.id) for agent in agents],
        created=row.created_at, updated=row.updated_at, heartbeat=row.heartbeat_at, row=row.id)


def _view(writing: Writing, row: ViewRow) -> dict[str, Any]:
    return described(
        title=row.display_name, name=row.name, type=row.type, user=writing.user(row.user_id),
        description=row.description, created=row.created_at, updated=row.updated_at, row=row.id,
    ) | told("spec", row.spec)
