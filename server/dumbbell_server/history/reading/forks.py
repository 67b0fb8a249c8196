"""A fork shows its parent's rows up to a step: by looking there, or, once the parent has changed, from its own copy."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server.database.statements import MAX_PARAMETERS
from dumbbell_server.history import queries
from dumbbell_server.history.packing import repacked, step_in, unpack
from dumbbell_server.history.tables import BORROWED, HISTORY
from dumbbell_server.runs import queries as runs
from dumbbell_server.runs.service import RunsDeleting
from dumbbell_server.runs.tables import RunRow

ENDLESS = 2**62
_DEEPEST = 64  # forks of forks


@dataclass(frozen=True)
class Part:
    """Steps `low` to `high` (exclusive) of one run; a fork shows its parent's and then its own."""

    run_id: int
    low: int
    high: int
    stream: int = HISTORY


def parts_of(session: Session, run: RunRow, low: int = -ENDLESS, high: int = ENDLESS) -> list[Part]:
    parts = [Part(run.id, low, high)]
    seen, child = {run.id}, run
    while child.parent_name is not None and child.parent_step is not None and len(parts) < _DEEPEST:
        high = min(high, child.parent_step + 1)
        if child.parent_kept:
            parts.insert(0, Part(child.id, low, high, BORROWED))
            break
        parent = runs.by_name(session, child.project_id, child.parent_name)
        if parent is None or parent.id in seen:
            break
        parts.insert(0, Part(parent.id, low, high))
        seen.add(parent.id)
        child = parent
    return [part for part in parts if part.low < part.high]


def lines_in(session: Session, parts: list[Part]) -> list[str]:
    """The lines of these parts in the order of their steps."""
    found: list[str] = []
    reached, in_order = -2 * ENDLESS, True
    for part in parts:
        for chunk in queries.bodies_between(session, part.run_id, part.stream, part.low, part.high):
            lines = unpack(bytes(chunk.body))
            if chunk.ordered:
                lines = cut(lines, chunk.min_step, chunk.max_step, part)
                in_order = in_order and (not lines or reached <= _step(lines[0]))
                reached = _step(lines[-1]) if lines else reached
            else:
                lines = [line for line in lines if (step := step_in(line)) is not None and part.low <= step < part.high]
                in_order = False
            found += lines
    return found if in_order else sorted(found, key=_step)  # stable: rows of one step stay in the order of their lines


def cut(lines: list[str], lowest: int, highest: int, part: Part) -> list[str]:
    """Those of a chunk's lines, ordered from step `lowest` to `highest`, that are in the part."""
    start = 0 if part.low <= lowest else bisect_left(lines, part.low, key=_step)
    end = len(lines) if highest < part.high else bisect_left(lines, part.high, key=_step)
    return lines[start:end]


def _step(line: str) -> int:
    return step_in(line) or 0


def keep_rows(session: Session, run: RunRow, step: int) -> None:
    """Before rows of `run` beyond `step` change or go: the forks that show them keep them."""
    shared = max(-1, min(step, 2**31 - 1))  # the range of parent_step
    for fork in session.execute(select(RunRow).where(
            RunRow.project_id == run.project_id, RunRow.parent_name == run.name,
            col(RunRow.parent_step) > shared, col(RunRow.parent_kept).is_(False))).scalars().all():
        _copy(session, fork)


def runs_deleting(session: Session, event: RunsDeleting) -> None:
    """Forks of these runs outlive them with all that they show."""
    going = set(event.run_ids)
    for start in range(0, len(event.run_ids), MAX_PARAMETERS):
        some = event.run_ids[start:start + MAX_PARAMETERS]
        parents = select(RunRow.project_id, RunRow.name).where(col(RunRow.id).in_(some)).subquery()
        for fork in session.execute(select(RunRow).join(
                parents, (col(RunRow.project_id) == parents.c.project_id) & (col(RunRow.parent_name) == parents.c.name),
        ).where(col(RunRow.parent_name).is_not(None), col(RunRow.parent_kept).is_(False))).scalars().all():
            if fork.id not in going:
                _copy(session, fork)


def _copy(session: Session, fork: RunRow) -> None:
    lines = lines_in(session, [part for part in parts_of(session, fork) if part.run_id != fork.id])
    for chunk in repacked(0, lines):
        queries.insert(session.connection(), fork.id, BORROWED, "", chunk)
    fork.parent_kept = True
    session.add(fork)
    session.flush()
