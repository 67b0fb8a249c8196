"""Runs make versions and take them in."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from dumbbell_server.artifacts import access, queries
from dumbbell_server.artifacts.names import checked_text
from dumbbell_server.artifacts.tables import COMMITTED, ArtifactRow, UseRow
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, NotFound
from dumbbell_server.identity import Actor, Role
from dumbbell_server.projects.access import role_in
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs import service as runs
from dumbbell_server.runs.fields import Cells

INPUT = "input"
OUTPUT = "output"


def take_in(unit: Unit, node_id: str, run_path: tuple[str, str, str], used_as: str | None) -> ArtifactRow:
    """The run has the version among its inputs. The version may be of another project, the run must be writable."""
    artifact = access.find(unit.session, unit.actor, node_id)
    if artifact is None:
        raise NotFound(f"no artifact has the id {node_id[:80]!r}; it may be deleted")
    if artifact.state != COMMITTED:
        raise BadInput("this artifact is not committed yet; wait for it, then use it")
    run = runs.for_writing(unit.session, unit.actor, *run_path)
    record(unit, run.id, artifact.id, INPUT, checked_text(used_as, "usedAs"))
    return artifact


def record(unit: Unit, run_id: int, artifact_id: int, kind: str, used_as: str | None = None) -> None:
    """The run made the version (output) or took it in (input); said again, only `used_as` may change."""
    row = queries.use(unit.session, run_id, artifact_id, kind)
    if row is None:
        unit.session.add(UseRow(run_id=run_id, artifact_id=artifact_id, kind=kind, used_as=used_as,
                                created_at=unit.clock.text()))
    elif used_as is not None:
        row.used_as = used_as
    unit.session.flush()


def versions_of_runs(kind: str) -> Cells:
    """The versions that runs made or took in, each as `collection:vN`, which filters of runs ask for.

    Only those that the viewer may see: a run may have taken in one of a project that is closed to them.
    """
    def read(session: Session, viewer: Actor | None, run_ids: Sequence[int]) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        readable: dict[int, bool] = {}  # by project
        for run, collection, version, project_id in queries.uses_of_runs(session, kind, run_ids):
            if project_id not in readable:
                readable[project_id] = role_in(viewer, session.get_one(ProjectRow, project_id)) >= Role.VIEWER
            if readable[project_id]:
                found.setdefault(run, []).append(f"{collection}:v{version}")
        return found
    return read
