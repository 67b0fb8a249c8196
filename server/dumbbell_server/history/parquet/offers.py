"""Which Parquet files a client is told of."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.database.engine import Database, snapshot
from dumbbell_server.history import statements
from dumbbell_server.history.parquet.export import YES
from dumbbell_server.history.tables import CompactionRow, OfferRow, PartitionRow
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.states import PREEMPTING, RUNNING
from dumbbell_server.runs.tables import RunRow


def offered(database: Database, run_id: int) -> Sequence[PartitionRow]:
    """The files of all rows of a run that has ended, or none; noted before a client hears of them."""
    with snapshot(database) as session:
        run = session.get(RunRow, run_id)
        parts = _whole(session, run) if run is not None else []
        if run is None or not parts:
            return []
        name = _name(session, run)
        known = session.get(OfferRow, name)
    if known is None:
        known = database.write(lambda session: _note(session, name, run_id, parts[0].generation))
    return parts if (known.run_id, known.generation) == (run_id, parts[0].generation) else []


def _whole(session: Session, run: RunRow) -> Sequence[PartitionRow]:
    done = session.get(CompactionRow, run.id)
    if done is None or done.parquet != YES or run.state in {RUNNING, PREEMPTING} \
            or (done.generation, done.lines) != (run.history_generation, run.history_line_count):
        return []
    return session.execute(select(PartitionRow).where(
        PartitionRow.run_id == run.id, PartitionRow.generation == run.history_generation,
    ).order_by(col(PartitionRow.number))).scalars().all()


def _name(session: Session, run: RunRow) -> str:
    """What 0.31 calls a run's files in its cache: one such name may stand for two runs."""
    project = session.get_one(ProjectRow, run.project_id)
    return f"{session.get_one(EntityRow, project.entity_id).name}_{project.name}_{run.name}"


def _note(session: Session, name: str, run_id: int, generation: int) -> OfferRow:
    statements.INSERT_OFFER(session, name=name, run=run_id, generation=generation)
    return session.get_one(OfferRow, name)
