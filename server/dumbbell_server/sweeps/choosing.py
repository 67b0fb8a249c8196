"""Which run of a sweep comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from sqlalchemy.orm import Session

from dumbbell_server.database.units import Unit
from dumbbell_server.sweeps import controlling, queries
from dumbbell_server.sweeps.config import SweepConfig
from dumbbell_server.sweeps.making import plain
from dumbbell_server.sweeps.metrics import best
from dumbbell_server.sweeps.search.space import Space
from dumbbell_server.sweeps.tables import SweepRow


class Next(Enum):
    RUN = auto()
    WAIT = auto()  # nothing is due now; there may be something later
    DONE = auto()
    SUGGEST = auto()  # a run is due, once its values are suggested


@dataclass(frozen=True)
class Choice:
    what: Next
    values: Mapping[str, Any] = field(default_factory=dict)
    cell: int | None = None


def choose(unit: Unit, sweep: SweepRow, config: SweepConfig, suggested: Mapping[str, Any] | None) -> Choice:
    """For an idle agent, where no run is in line. A sweep that has given all out waits for what is not done yet."""
    over = _is_enough(unit.session, sweep, config) or (config.elsewhere is not None and controlling.is_over(sweep))
    choice = None if over else _next(unit, sweep, config, suggested)
    if choice is not None:
        return choice
    # an agent that has work left may die with it: somebody must be there then
    return Choice(Next.WAIT if queries.has_open_runs(unit.session, sweep) else Next.DONE)


def _next(unit: Unit, sweep: SweepRow, config: SweepConfig, suggested: Mapping[str, Any] | None) -> Choice | None:
    """None where there is no more."""
    if config.space is None:  # who searches elsewhere puts runs in line
        return Choice(Next.WAIT)
    if config.method == "grid":
        cell = next_cell(unit.session, sweep, config.space)
        return None if cell is None else Choice(Next.RUN, config.space.combination(cell), cell)
    if config.method == "random":
        return Choice(Next.RUN, config.space.sample(unit.clock.random))
    return Choice(Next.SUGGEST) if suggested is None else Choice(Next.RUN, suggested)


def _is_enough(session: Session, sweep: SweepRow, config: SweepConfig) -> bool:
    """Whether there are as many runs as wanted, or one of them is as good as wanted."""
    if config.cap is not None and queries.kept_run_count(session, sweep) >= config.cap:
        return True
    if config.target is None:
        return False
    found = best(sweep, queries.summaries(session, sweep))
    if found is None:
        return False
    return found >= config.target if sweep.maximize else found <= config.target


def next_cell(session: Session, sweep: SweepRow, space: Space) -> int | None:
    """The first combination that no run has; None where each was given out, or the grid has no end.

    Those that were lost come first, then the one after the last. Runs without a number of their own (prior runs, those
    of an earlier config) count by their values.
    """
    count = space.count()
    if count is None:
        return None
    others = {space.key(plain(config)) for config in queries.configs_without_cell(session, sweep)}
    for cell in queries.free_cells(session, sweep, count):
        if not others or space.key(space.combination(cell)) not in others:
            return cell
    return None
