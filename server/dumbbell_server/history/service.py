"""The rules of rewinding."""

from __future__ import annotations

from sqlalchemy.orm import Session

from dumbbell_server.clock import Clock
from dumbbell_server.database.statements import Statement
from dumbbell_server.errors import BadInput
from dumbbell_server.history import queries
from dumbbell_server.history.packing import pack, row_of, step_of
from dumbbell_server.history.reading import forks
from dumbbell_server.history.reading.rows import rows_between
from dumbbell_server.history.tables import HISTORY
from dumbbell_server.identity import Actor
from dumbbell_server.json_text import dumps
from dumbbell_server.runs import service as runs
from dumbbell_server.runs.tables import RunRow

_BEYOND = Statement("SELECT id, writer, first_line FROM chunks WHERE run_id = :run AND stream = 0 AND max_step > :step")
_HEADS = Statement(
    "UPDATE stream_heads SET lines = (SELECT coalesce(max(first_line + line_count), 0) FROM chunks c"
    " WHERE c.run_id = :run AND c.stream = 0 AND c.writer = stream_heads.writer) WHERE run_id = :run AND stream = 0")
_COUNT = Statement("SELECT coalesce(sum(lines), 0) FROM stream_heads WHERE run_id = :run AND stream = 0")


def rewind(session: Session, clock: Clock, actor: Actor, entity: str | None, project: str | None, name: str,
           metric: str, value: float) -> RunRow | None:
    """The run without the rows after a step; its summary is that of the rows that stay. None for an unknown run."""
    if metric != "_step" or value != value // 1 or abs(value) >= 2**62:
        raise BadInput(f"a run is rewound to a whole number of _step, not to {metric[:40]!r} = {value}")
    run = runs.find(session, actor, entity, project, name)
    if run is None:
        return None
    runs.check_writable(session, actor, run, "rewind runs")
    connection, step = session.connection(), int(value)
    queries.LOCK_RUN(session, run=run.id)
    forks.keep_rows(session, run, step)
    for chunk in _BEYOND(session, run=run.id, step=step).all():
        lines = queries.lines_of(session, chunk.id)
        queries.DELETE(session, id=chunk.id)
        kept = [line for line in lines if (step_of(row_of(line)) or 0) <= step]
        if kept:
            queries.insert(connection, run.id, HISTORY, chunk.writer, pack(chunk.first_line, kept, steps=True))
    if run.parent_step is not None:
        run.parent_step = max(-1, min(run.parent_step, step))
    _HEADS(session, run=run.id)
    queries.changed(connection, run.id)
    run.history_line_count = _COUNT(session, run=run.id).scalar_one()
    summary: dict[str, object] = {}
    for line in rows_between(session, run, -(2**62), step + 1):
        summary.update(row_of(line))
    run.summary_metrics = dumps(summary)
    run.updated_at = clock.text()
    session.add(run)
    session.flush()
    return run
