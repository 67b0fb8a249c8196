"""The rules of rewinding."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from sqlalchemy.orm import Session

from dumbbell_server.backend import Backend
from dumbbell_server.budget import Budget, Limits
from dumbbell_server.database.engine import snapshot
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, Damaged
from dumbbell_server.history import statements
from dumbbell_server.history.cutting import cut_after
from dumbbell_server.history.packing import row_of
from dumbbell_server.history.reading import forks
from dumbbell_server.history.reading.rows import rows_between
from dumbbell_server.identity import Actor
from dumbbell_server.json_text import dumps
from dumbbell_server.runs import service as runs
from dumbbell_server.runs.tables import RunRow


@dataclass(frozen=True)
class Target:
    """A run, and the step that it is to end with."""

    entity: str | None
    project: str | None
    name: str
    metric: str
    value: float

    @property
    def step(self) -> int:
        """BadInput where it is none."""
        if self.metric != "_step" or self.value != self.value // 1 or abs(self.value) >= 2**62:
            raise BadInput(
                f"a run is rewound to a whole number of _step, not to {self.metric[:40]!r} = {self.value}")
        return int(self.value)


@dataclass(frozen=True)
class Prepared:
    """The summary of the rows that stay, as long as the history of the run is at this generation and count of lines."""

    version: tuple[int, int]
    summary: str


def prepare_rewind(backend: Backend, actor: Actor, target: Target) -> Prepared | None:
    """What of `rewind` takes long and nobody sees. It raises what that would raise."""
    step = target.step
    prepared = None
    with snapshot(backend.database) as session:
        run = _find(session, actor, target)
        if run is None:
            return None
        with Budget(Limits()).applied(timed=False), contextlib.suppress(Damaged):  # no row of it is in the answer
            prepared = Prepared((run.history_generation, run.history_line_count), _summary(session, run, step))
    forks.copy_ahead(backend, run.id, step)
    return prepared


def rewind(unit: Unit, target: Target, prepared: Prepared | None = None) -> RunRow | None:
    """The run without the rows after a step; its summary is that of the rows that stay. None for an unknown run."""
    session, step = unit.session, target.step
    run = _find(session, unit.actor, target)
    if run is None:
        return None
    version = statements.LOCK_RUN(session, run=run.id).one()
    _cut(session, run, step)
    if prepared is not None and prepared.version == (version.history_generation, version.history_line_count):
        run.summary_metrics = prepared.summary
    else:
        with contextlib.suppress(Damaged):  # the rows can be cut, and say nothing: then the summary stays
            run.summary_metrics = _summary(session, run, step)
    run.updated_at = unit.clock.text()
    session.add(run)
    session.flush()
    return run


def _find(session: Session, actor: Actor, target: Target) -> RunRow | None:
    run = runs.find(session, actor, target.entity, target.project, target.name)
    if run is not None:
        runs.check_writable(session, actor, run, "rewind runs")
    return run


def _cut(session: Session, run: RunRow, step: int) -> None:
    """The run and its streams end with this step."""
    cut_after(session, run, step)
    if run.parent_step is not None:
        run.parent_step = max(-1, min(run.parent_step, step))
    run.history_line_count = statements.HISTORY_LINES(session, run=run.id).scalar_one()


def _summary(session: Session, run: RunRow, step: int) -> str:
    summary: dict[str, object] = {}
    for line in rows_between(session, run, -(2**62), step + 1):
        summary.update(row_of(line))
    return dumps(summary)
