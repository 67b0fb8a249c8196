"""What filters of runs know of artifacts: the versions that a run took in or made, each as `collection:vN`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from dumbbell_server.artifacts import queries
from dumbbell_server.identity import Actor, Role
from dumbbell_server.projects.access import role_in
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.fields import Cells


def artifacts_of_runs(kind: str) -> Cells:
    """Of those versions that the viewer may see: a run may have taken in one of a project that is closed to them."""
    def read(session: Session, viewer: Actor | None, runs: Sequence[int]) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for run, collection, version, project in queries.uses_of_runs(session, kind, runs):
            if role_in(viewer, session.get_one(ProjectRow, project)) >= Role.VIEWER:
                found.setdefault(run, []).append(f"{collection}:v{version}")
        return found
    return read
