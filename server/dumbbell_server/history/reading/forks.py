"""A fork shows its parent's rows up to a step: by looking there, or, once the parent has changed, in its own copy."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.budget import current
from dumbbell_server.database.statements import batches
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import Damaged
from dumbbell_server.history import queries
from dumbbell_server.history.packing import Packed, repacked, size_of, step_in, unpack
from dumbbell_server.history.tables import BORROWED, HISTORY
from dumbbell_server.runs import queries as runs
from dumbbell_server.runs.service import RunsDeleting
from dumbbell_server.runs.tables import RunRow

ENDLESS = 2**62
_DEEPEST = 64  # forks of forks


@dataclass(frozen=True)
class StepRange:
    """Steps `low` to `high` (exclusive) of one run; a fork shows its parent's and then its own."""

    run_id: int
    low: int
    high: int
    stream: int = HISTORY


def ranges_of(session: Session, run: RunRow, low: int = -ENDLESS, high: int = ENDLESS) -> list[StepRange]:
    """Where the run's rows from step `low` to before `high` are, in the order of their steps."""
    ranges = [StepRange(run.id, low, high)]
    seen, child = {run.id}, run
    while child.parent_name is not None and child.parent_step is not None and len(ranges) < _DEEPEST:
        high = min(high, child.parent_step + 1)
        if child.parent_kept:
            ranges.insert(0, StepRange(child.id, low, high, BORROWED))
            break
        parent = runs.by_name(session, child.project_id, child.parent_name)
        if parent is None or parent.id in seen:
            break
        ranges.insert(0, StepRange(parent.id, low, high))
        seen.add(parent.id)
        child = parent
    return [steps for steps in ranges if steps.low < steps.high]


def lines_in(session: Session, ranges: list[StepRange]) -> list[str]:
    """The lines of these ranges, in the order of their steps."""
    lines: list[str] = []
    reached, in_order, size = -2 * ENDLESS, True, 0
    for steps in ranges:
        for chunk in queries.bodies_between(session, steps.run_id, steps.stream, steps.low, steps.high):
            some = unpack(bytes(chunk.body), chunk.line_count)
            if chunk.ordered:
                some = cut(some, chunk.min_step, chunk.max_step, steps)
                in_order = in_order and (not some or reached <= _step(some[0]))
                reached = _step(some[-1]) if some else reached
            else:
                some = [line for line in some if _is_within(line, steps)]
                in_order = False
            lines += some
            size += size_of(chunk.body) * len(some) // chunk.line_count
            current().expect_text(size)
    return lines if in_order else sorted(lines, key=_step)  # stable: rows of one step stay in the order of their lines


def cut(lines: list[str], lowest: int, highest: int, steps: StepRange) -> list[str]:
    """Those of a chunk's lines, ordered from step `lowest` to `highest`, that are of these steps."""
    start = 0 if steps.low <= lowest else bisect_left(lines, steps.low, key=_step)
    end = len(lines) if highest < steps.high else bisect_left(lines, steps.high, key=_step)
    return lines[start:end]


def _is_within(line: str, steps: StepRange) -> bool:
    step = step_in(line)
    return step is not None and steps.low <= step < steps.high


def _step(line: str) -> int:
    return step_in(line) or 0


def copy_to_forks(session: Session, run: RunRow, step: int) -> None:
    """Before rows of `run` beyond `step` change or go: the forks that show them have copies of their own."""
    shared = max(-1, min(step, 2**31 - 1))  # the range of parent_step
    for fork in session.execute(select(RunRow).where(
            RunRow.project_id == run.project_id, RunRow.parent_name == run.name,
            col(RunRow.parent_step) > shared, col(RunRow.parent_kept).is_(False))).scalars().all():
        _copy(session, fork)


def runs_deleting(unit: Unit, event: RunsDeleting) -> None:
    """Forks of these runs outlive them with all that they show."""
    session = unit.session
    going = set(event.run_ids)
    for some in batches(event.run_ids):
        parents = select(RunRow.project_id, RunRow.name).where(col(RunRow.id).in_(some)).subquery()
        for fork in session.execute(select(RunRow).join(
                parents, (col(RunRow.project_id) == parents.c.project_id) & (col(RunRow.parent_name) == parents.c.name),
        ).where(col(RunRow.parent_name).is_not(None), col(RunRow.parent_kept).is_(False))).scalars().all():
            if fork.id not in going:
                _copy(session, fork)


def _as_they_are(session: Session, ranges: list[StepRange]) -> list[Packed]:
    chunks: list[Packed] = []
    for steps in ranges:
        for row in queries.bodies_between(session, steps.run_id, steps.stream, steps.low, steps.high):
            first = chunks[-1].end if chunks else 0
            chunks.append(Packed(first, row.line_count, row.min_step, row.max_step, row.ordered, bytes(row.body)))
    return chunks


def _copy(session: Session, fork: RunRow) -> None:
    parents = [steps for steps in ranges_of(session, fork) if steps.run_id != fork.id]
    try:
        chunks = repacked(0, lines_in(session, parents))
    except Damaged:  # the fork shows what it showed: the same error, and rows where it does not meet that chunk
        chunks = _as_they_are(session, parents)
    for chunk in chunks:
        queries.insert(session.connection(), fork.id, BORROWED, "", chunk)
    fork.parent_kept = True
    session.add(fork)
    session.flush()
