"""How much a server holds that is not deleted."""

from __future__ import annotations

from pydantic import BaseModel
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col, func, select

from dumbbell_server.accounts.tables import EntityRow, OrganizationRow, UserRow
from dumbbell_server.artifacts.tables import COMMITTED, ArtifactRow
from dumbbell_server.database.tables import RemovalRow
from dumbbell_server.projects.access import REMOVED
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.reports.tables import ViewRow
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.sweeps.tables import SweepRow


class Counts(BaseModel):
    """By kind."""

    users: int
    teams: int
    organizations: int
    projects: int
    runs: int
    sweeps: int
    reports: int
    versions: int
    removals: int  # of what is deleted, and whose rows are still going


def count(session: Session) -> Counts:
    def of(table: type[SQLModel], *conditions: ColumnElement[bool] | bool) -> int:
        return int(session.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one())

    shown = select(ProjectRow.id).where(ProjectRow.access != REMOVED)
    return Counts(
        users=of(UserRow, col(UserRow.deleted_at).is_(None)),
        teams=of(EntityRow, EntityRow.kind == "team"),
        organizations=of(OrganizationRow),
        projects=of(ProjectRow, ProjectRow.access != REMOVED),
        runs=of(RunRow, col(RunRow.project_id).in_(shown)),
        sweeps=of(SweepRow, col(SweepRow.project_id).in_(shown)),
        reports=of(ViewRow, col(ViewRow.project_id).in_(shown)),
        versions=of(ArtifactRow, col(ArtifactRow.project_id).in_(shown), ArtifactRow.state == COMMITTED),
        removals=of(RemovalRow))
