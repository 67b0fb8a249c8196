"""The rules of rewinding."""

from __future__ import annotations

import contextlib

from sqlalchemy.orm import Session

from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, Damaged
from dumbbell_server.history import statements
from dumbbell_server.history.cutting import cut_after
from dumbbell_server.history.packing import row_of
from dumbbell_server.history.reading.rows import rows_between
from dumbbell_server.json_text import dumps
from dumbbell_server.runs import service as runs
from dumbbell_server.runs.tables import RunRow


def rewind(unit: Unit, entity: str | None, project: str | None, name: str, metric: str, value: float) -> RunRow | None:
    """The run without the rows after a step; its summary is that of the rows that stay. None for an unknown run."""
    if metric != "_step" or value != value // 1 or abs(value) >= 2**62:
        raise BadInput(f"a run is rewound to a whole number of _step, not to {metric[:40]!r} = {value}")
    session, step = unit.session, int(value)
    run = runs.find(session, unit.actor, entity, project, name)
    if run is None:
        return None
    runs.check_writable(session, unit.actor, run, "rewind runs")
    statements.LOCK_RUN(session, run=run.id)
    _cut(session, run, step)
    with contextlib.suppress(Damaged):  # the rows can be cut, and say nothing: then the summary stays
        run.summary_metrics = _summary(session, run, step)
    run.updated_at = unit.clock.text()
    session.add(run)
    session.flush()
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
