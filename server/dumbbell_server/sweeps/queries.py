"""SELECTs of sweeps and their runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import ColumnElement, Row, Select, case, false, func, update
from sqlalchemy.orm import Session, outerjoin
from sqlmodel import col, select

from dumbbell_server.database.statements import Statement, batches
from dumbbell_server.runs.states import FINISHED as RUN_FINISHED
from dumbbell_server.runs.states import KILLED, LIVE_STATES, PENDING, PREEMPTED
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.sweeps.tables import CRASHED, RUNNING, AgentRow, SweepRow, SweepRunRow

_PROGRESS = Statement("""SELECT id, name, state, history_generation, history_line_count FROM runs
    WHERE project_id = :project AND sweep_name = :sweep ORDER BY id""")

# runs, with what their sweep knows of each that it made
_RUNS = outerjoin(RunRow, SweepRunRow, col(SweepRunRow.run_id) == col(RunRow.id))


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
    return session.execute(select(RunRow).where(*_of(sweep)).order_by(col(RunRow.id)).limit(limit)).scalars().all()


def run_count(session: Session, sweep: SweepRow) -> int:
    return int(session.execute(select(func.count()).select_from(RunRow).where(*_of(sweep))).scalar_one())


def summaries(session: Session, sweep: SweepRow) -> Iterable[str]:
    """The summaries of the sweep's runs, one at a time."""
    return session.execute(select(RunRow.summary_metrics).where(*_of(sweep))).scalars()


def attach(session: Session, sweep: SweepRow, names: Sequence[str]) -> None:
    """Runs of the sweep's project belong to the sweep from now on."""
    for batch in batches(names):
        session.execute(update(RunRow).where(
            col(RunRow.project_id) == sweep.project_id, col(RunRow.name).in_(batch)).values(sweep_name=sweep.name))


def stop_live_runs(session: Session, sweep: SweepRow, now: str) -> None:
    session.execute(update(RunRow).where(*_of(sweep), col(RunRow.state).in_(LIVE_STATES)).values(
        stop_requested=True, updated_at=now))


def agent_by_name(session: Session, sweep_id: int, name: str) -> AgentRow | None:
    return session.execute(
        select(AgentRow).where(AgentRow.sweep_id == sweep_id, AgentRow.name == name)).scalar()


def agents(session: Session, sweep_id: int) -> Sequence[AgentRow]:
    """The sweep's agents, the oldest first."""
    return session.execute(
        select(AgentRow).where(AgentRow.sweep_id == sweep_id).order_by(col(AgentRow.id))).scalars().all()


def end_silent_agents(session: Session, sweep_id: int, before: str) -> None:
    session.execute(update(AgentRow).where(
        col(AgentRow.sweep_id) == sweep_id, col(AgentRow.state) == RUNNING, col(AgentRow.heartbeat_at) < before,
    ).values(state=CRASHED))


def names_given_to(session: Session, agent: AgentRow) -> Sequence[str]:
    """Names of the runs that the agent was the last to have, the oldest first."""
    return session.execute(
        select(RunRow.name).join(SweepRunRow, col(SweepRunRow.run_id) == col(RunRow.id))
        .join(SweepRow, col(SweepRow.id) == col(SweepRunRow.sweep_id))
        .where(SweepRunRow.agent_id == agent.id, col(RunRow.project_id) == col(SweepRow.project_id))
        .order_by(col(RunRow.id))).scalars().all()


def given_to(session: Session, agent_id: int) -> Sequence[tuple[SweepRunRow, RunRow]]:
    """Runs that the agent has and has not done yet."""
    return _open(session, select(AgentRow.id).where(AgentRow.id == agent_id))


def orphaned(session: Session, sweep_id: int) -> Sequence[tuple[SweepRunRow, RunRow]]:
    """Runs that dead agents had and had not done."""
    return _open(session, select(AgentRow.id).where(AgentRow.sweep_id == sweep_id, AgentRow.state == CRASHED))


def _open(session: Session, agents: Select[int]) -> Sequence[tuple[SweepRunRow, RunRow]]:
    """Runs that these agents have and have not done."""
    rows = session.execute(
        select(SweepRunRow, RunRow).join(RunRow, col(RunRow.id) == col(SweepRunRow.run_id))
        .where(col(SweepRunRow.agent_id).in_(agents), col(SweepRunRow.ended).is_(False)))
    return [(given, run) for given, run in rows]


def lost_by(session: Session, agent_id: int) -> set[int]:
    """Runs of the agent whose combination was given again, since it had not been heard of."""
    return set(session.execute(select(SweepRunRow.run_id).where(
        SweepRunRow.agent_id == agent_id, col(SweepRunRow.lost).is_(True))).scalars())


def named_runs(session: Session, sweep: SweepRow, names: Iterable[str]) -> list[RunRow]:
    """Runs of the sweep that have these names."""
    found: list[RunRow] = []
    for batch in batches(sorted(set(names))):
        found += session.execute(select(RunRow).where(
            *_of(sweep), col(RunRow.name).in_(batch))).scalars()
    return found


def first_in_line(session: Session, sweep: SweepRow, agent_id: int, *, only_begun: bool) -> RunRow | None:
    """A run that waits for an agent: the one that this agent was told of, else what nobody has.

    `only_begun`: none that no agent has had.
    """
    told = (col(SweepRunRow.agent_id) == agent_id) & col(SweepRunRow.ended).is_(False)
    new = col(SweepRunRow.run_id).is_(None) | col(SweepRunRow.agent_id).is_(None)
    free = col(SweepRunRow.ended) | (false() if only_begun else new)
    return session.execute(
        select(RunRow).select_from(_RUNS)
        .where(*_of(sweep), col(RunRow.state).in_([PENDING, PREEMPTED]), told | free)
        .order_by(case((told, 0), else_=1), col(RunRow.id)).limit(1)).scalar()


def has_open_runs(session: Session, sweep: SweepRow) -> bool:
    """Whether an agent has one that is not done."""
    return session.execute(
        select(RunRow.id).join(SweepRunRow, col(SweepRunRow.run_id) == col(RunRow.id))
        .where(*_of(sweep), col(RunRow.state).in_([PENDING, PREEMPTED, *LIVE_STATES]),
               col(SweepRunRow.agent_id).is_not(None), col(SweepRunRow.ended).is_(False)).limit(1)).first() is not None


def has_unfinished_runs(session: Session, sweep: SweepRow) -> bool:
    return session.execute(select(RunRow.id).where(
        *_of(sweep), col(RunRow.state).in_([PENDING, *LIVE_STATES])).limit(1)).first() is not None


def kept_run_count(session: Session, sweep: SweepRow) -> int:
    """Runs of the sweep but those that were lost."""
    return int(session.execute(select(func.count()).select_from(_RUNS).where(*_kept(sweep))).scalar_one())


def begun_run_count(session: Session, sweep: SweepRow) -> int:
    """The same without those that no agent has had so far."""
    in_line = (col(RunRow.state) == PENDING) & col(SweepRunRow.agent_id).is_(None)
    return int(session.execute(select(func.count()).select_from(_RUNS).where(*_kept(sweep), ~in_line)).scalar_one())


def configs_without_cell(session: Session, sweep: SweepRow) -> Iterable[str]:
    """Configs of runs that no combination's number stands for."""
    return session.execute(select(RunRow.config).select_from(_RUNS).where(
        *_kept(sweep), col(SweepRunRow.cell).is_(None))).scalars()


def free_cells(session: Session, sweep: SweepRow, count: int) -> Iterator[int]:
    """Numbers below `count` that no run of the sweep has, in their order."""
    taken = session.execute(
        select(SweepRunRow.cell).join(RunRow, col(RunRow.id) == col(SweepRunRow.run_id))
        .where(*_of(sweep), col(SweepRunRow.cell).is_not(None), col(SweepRunRow.lost).is_(False))
        .order_by(col(SweepRunRow.cell))).scalars()
    free = 0
    for cell in taken:
        yield from range(free, min(cell, count))
        free = max(free, cell + 1)
    yield from range(free, count)


def forget_cells(session: Session, sweep_id: int) -> None:
    """Numbers of combinations mean others now."""
    session.execute(update(SweepRunRow).where(col(SweepRunRow.sweep_id) == sweep_id).values(cell=None))


def end_pending_runs(session: Session, sweep: SweepRow, now: str) -> None:
    """What is in line is given to nobody any more."""
    session.execute(update(RunRow).where(*_of(sweep), col(RunRow.state) == PENDING).values(
        state=KILLED, stop_requested=True, updated_at=now))


def finish_live_run(session: Session, project_id: int, name: str, now: str) -> None:
    session.execute(update(RunRow).where(
        col(RunRow.project_id) == project_id, col(RunRow.name) == name,
        col(RunRow.state).in_(LIVE_STATES)).values(state=RUN_FINISHED, exitcode=0, updated_at=now))


def trials(session: Session, sweep: SweepRow) -> Iterable[Row[str, str, str]]:
    """State, config and summary of each run that a search can learn from, the oldest first."""
    return session.execute(select(RunRow.state, RunRow.config, RunRow.summary_metrics).select_from(_RUNS).where(
        *_kept(sweep)).order_by(col(RunRow.id)))


def progress(session: Session, sweep: SweepRow) -> Iterable[tuple[int, str, str, int, int]]:
    """Of each run its number, name and state, and which history it has: its generation and its lines."""
    return _PROGRESS(session, project=sweep.project_id, sweep=sweep.name)


def _of(sweep: SweepRow) -> tuple[ColumnElement[bool], ...]:
    """That a run is the sweep's."""
    return col(RunRow.project_id) == sweep.project_id, col(RunRow.sweep_name) == sweep.name


def _kept(sweep: SweepRow) -> tuple[ColumnElement[bool], ...]:
    """That a run is the sweep's, and was not lost, so that another stands for it."""
    return *_of(sweep), func.coalesce(SweepRunRow.lost, false()).is_(False)
