"""SELECTs of sweeps and their runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import func, update
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.database.statements import batches
from dumbbell_server.runs.states import PREEMPTING, RUNNING
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.sweeps.tables import SweepRow


def by_name(session: Session, project_id: int, name: str) -> SweepRow | None:
    return session.execute(
        select(SweepRow).where(SweepRow.project_id == project_id, SweepRow.name == name)).scalar()


def every(session: Session, project_id: int) -> Sequence[SweepRow]:
    return session.execute(select(SweepRow).where(SweepRow.project_id == project_id)).scalars().all()


def count(session: Session, project_id: int) -> int:
    return int(session.execute(
        select(func.count()).select_from(SweepRow).where(SweepRow.project_id == project_id)).scalar_one())


def first_runs(session: Session, sweep: SweepRow, limit: int) -> Sequence[RunRow]:
    """The sweep's runs, the oldest first."""
    return session.execute(
        select(RunRow).where(RunRow.project_id == sweep.project_id, RunRow.sweep_name == sweep.name)
        .order_by(col(RunRow.id)).limit(limit)).scalars().all()


def run_count(session: Session, sweep: SweepRow) -> int:
    return int(session.execute(select(func.count()).select_from(RunRow).where(
        RunRow.project_id == sweep.project_id, RunRow.sweep_name == sweep.name)).scalar_one())


def summaries(session: Session, sweep: SweepRow) -> Iterable[str]:
    """The summaries of the sweep's runs, one at a time."""
    return session.execute(select(RunRow.summary_metrics).where(
        RunRow.project_id == sweep.project_id, RunRow.sweep_name == sweep.name)).scalars()


def attach(session: Session, sweep: SweepRow, names: Sequence[str]) -> None:
    """Runs of the sweep's project belong to the sweep from now on."""
    for batch in batches(names):
        session.execute(update(RunRow).where(
            col(RunRow.project_id) == sweep.project_id, col(RunRow.name).in_(batch)).values(sweep_name=sweep.name))


def stop_live_runs(session: Session, sweep: SweepRow, now: str) -> None:
    session.execute(update(RunRow).where(
        col(RunRow.project_id) == sweep.project_id, col(RunRow.sweep_name) == sweep.name,
        col(RunRow.state).in_([RUNNING, PREEMPTING])).values(stop_requested=True, updated_at=now))
