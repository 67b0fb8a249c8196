"""Rows that go as a run is rewound, or as a process writes them again. The forks that show them keep copies."""

from __future__ import annotations

import structlog
from sqlalchemy.orm import Session

from dumbbell_server.errors import Damaged
from dumbbell_server.history import queries, statements
from dumbbell_server.history.packing import pack, pieces, row_of, step_of
from dumbbell_server.history.reading import forks
from dumbbell_server.history.tables import HISTORY
from dumbbell_server.runs.tables import RunRow

_log = structlog.get_logger()


def cut_after(session: Session, run: RunRow, step: int) -> None:
    """No row beyond this step is left; what was made of the rows is void. The run's own count is the caller's."""
    forks.copy_to_forks(session, run, step)
    connection = session.connection()
    for chunk in statements.CHUNKS_BEYOND_STEP(session, run=run.id, step=step).all():
        try:
            lines = queries.lines_of(session, chunk.id) if chunk.min_step <= step else []
        except Damaged as error:  # nobody knows which of its rows go: all stay, and reads say that they are damaged
            _log.error("rows of a history cannot be cut", run=run.id, reason=str(error))
            continue
        statements.DELETE_CHUNK(session, id=chunk.id)
        left = [line for line in lines if (step_of(row_of(line)) or 0) <= step]
        for first, some in pieces(chunk.first_line, left):
            queries.insert(connection, run.id, HISTORY, chunk.writer, pack(first, some, steps=True))
    statements.CUT_HISTORY_HEADS(session, run=run.id)
    queries.begin_generation(connection, run.id)


def delete_all(session: Session, run: RunRow) -> None:
    """No row is left at all, with a step or without."""
    forks.copy_to_forks(session, run, -1)
    for statement in statements.DELETE_HISTORY:
        statement(session, run=run.id)
    queries.begin_generation(session.connection(), run.id)
