"""SELECTs of runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.accounts import queries as accounts
from dumbbell_server.database.sessions import RowQuery
from dumbbell_server.database.statements import Statement, batches
from dumbbell_server.projects import queries as projects
from dumbbell_server.runs.tables import RunRow

SILENT = Statement("SELECT id, state FROM runs WHERE state IN ('running', 'preempting') AND heartbeat_at < :before")
_BY_NAME = RowQuery(RunRow, "project_id = :project AND name = :name")

# Runs of a path whose project or entity was called so once, those first that were heard of last. To be asked where
# nothing is called so now: a process goes on to name its run as it did at its start.
_ENTITIES = """SELECT id FROM entities WHERE name = :entity UNION SELECT target_id FROM former_names
    WHERE kind = 'entity' AND parent_id = 0 AND name = :entity"""
RENAMED = f""" FROM runs r JOIN projects p ON p.id = r.project_id WHERE r.name = :run AND r.project_id IN (
    SELECT id FROM projects WHERE entity_id IN ({_ENTITIES}) AND name = :project
    UNION SELECT target_id FROM former_names WHERE kind = 'project' AND name = :project AND parent_id IN ({_ENTITIES}))
    ORDER BY r.heartbeat_at DESC"""  # noqa: S608 - ours
_RENAMED = Statement(f"SELECT r.id{RENAMED}")


COUNT_RUN_MADE = Statement(
    "UPDATE projects SET runs_made = runs_made + 1 WHERE id = :project RETURNING runs_made")


def by_name(session: Session, project_id: int, name: str) -> RunRow | None:
    return _BY_NAME.first(session, project=project_id, name=name)


def plain(session: Session, project_id: int, name: str) -> RunRow | None:
    """The same as a plain row."""
    return _BY_NAME.plain(session, project=project_id, name=name)


def by_node(session: Session, entity: str, project: str, name: str) -> RunRow | None:
    """The run of a node id, also where its project or entity was renamed since."""
    owner = accounts.entity_by_name(session, entity)
    parent = projects.by_name(session, owner.id, project) if owner is not None else None
    found = by_name(session, parent.id, name) if parent is not None else None
    return found or next(iter(by_former_path(session, entity, project, name)), None)


def by_former_path(session: Session, entity: str, project: str, name: str) -> list[RunRow]:
    """Runs of this name in what is or was called so, those first that were heard of last."""
    numbers = [row[0] for row in _RENAMED(session, entity=entity, project=project, run=name)]
    return [session.get_one(RunRow, number) for number in numbers]


def by_numbers(session: Session, numbers: Sequence[int]) -> dict[int, RunRow]:
    """The runs of these numbers that are there."""
    found: dict[int, RunRow] = {}
    for batch in batches(numbers):
        rows = session.execute(select(RunRow).where(col(RunRow.id).in_(batch)))
        found.update((row.id, row) for row in rows.scalars())
    return found


def columns_of(session: Session, columns: Sequence[str], numbers: Sequence[int]) -> dict[int, Any]:
    """These columns, the id first, of the runs that are there. Both are ours: no client's text gets in here."""
    if not numbers:
        return {}
    text = f"SELECT {', '.join(columns)} FROM runs WHERE id IN ({', '.join(map(str, numbers))})"  # noqa: S608
    return {row[0]: row for row in session.connection().exec_driver_sql(text).fetchall()}


def newest(session: Session, project_id: int, limit: int) -> Sequence[RunRow]:
    statement = select(RunRow).where(RunRow.project_id == project_id).order_by(col(RunRow.id).desc()).limit(limit)
    rows: Sequence[RunRow] = session.execute(statement).scalars().all()
    return rows
