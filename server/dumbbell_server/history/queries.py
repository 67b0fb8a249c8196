"""Statements on chunks, sent to the driver as they are: every POST and every page comes by here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.orm import Session

from dumbbell_server.database.statements import Statement
from dumbbell_server.history.packing import Packed, unpack

_INSERT = Statement(
    "INSERT INTO chunks (run_id, stream, writer, first_line, line_count, min_step, max_step, ordered,"
    " first_row, body) VALUES (:run, :stream, :writer, :first_line, :line_count, :min_step, :max_step, :ordered,"
    " :first_row, :body)")
_LIST = Statement(
    "SELECT id, writer, first_line, line_count, min_step, max_step FROM chunks"
    " WHERE run_id = :run AND stream = :stream ORDER BY writer, first_line")
_RANGE = Statement(
    "SELECT min_step, max_step, ordered, body FROM chunks"
    " WHERE run_id = :run AND stream = :stream AND max_step >= :low AND min_step < :high ORDER BY writer, first_line")
_BODY = Statement("SELECT body FROM chunks WHERE id = :id")
_LAST = Statement(
    "SELECT body FROM chunks WHERE run_id = :run AND stream = :stream ORDER BY first_line DESC, id DESC LIMIT 1")

DELETE = Statement("DELETE FROM chunks WHERE id = :id")
LOCK_RUN = Statement("SELECT id FROM runs WHERE id = :run", "FOR UPDATE")
_CHANGED = (
    Statement("UPDATE runs SET history_generation = history_generation + 1 WHERE id = :run"),
    Statement("DELETE FROM column_groups WHERE run_id = :run"),
    Statement("UPDATE stream_heads SET built = 0 WHERE run_id = :run AND stream = 0"),
    Statement("DELETE FROM compactions WHERE run_id = :run"),
)


def changed(connection: Connection, run: int) -> None:
    """Rows that were there have changed or gone: what was made of them is void."""
    for statement in _CHANGED:
        statement.on(connection, run=run)


def insert(connection: Connection, run: int, stream: int, writer: str, packed: Packed) -> None:
    _INSERT.on(connection, run=run, stream=stream, writer=writer, **vars(packed))


def chunks(session: Session, run: int, stream: int) -> Sequence[Row[Any]]:
    """Without their bodies, by writer and line."""
    return _LIST(session, run=run, stream=stream).all()


def bodies_between(session: Session, run: int, stream: int, low: int, high: int) -> Sequence[Row[Any]]:
    """Those that may hold a step from `low` to before `high`."""
    return _RANGE(session, run=run, stream=stream, low=low, high=high).all()


def lines_of(session: Session, chunk: int) -> list[str]:
    return unpack(bytes(_BODY(session, id=chunk).scalar_one()))


def last_line(session: Session, run: int, stream: int) -> str | None:
    body = _LAST(session, run=run, stream=stream).scalar()
    return None if body is None else unpack(bytes(body))[-1]


def kept_keys(session: Session, runs: Sequence[int]) -> dict[int, tuple[int, int, str]]:
    """Generation, count of lines and document of what is kept of these runs' keys."""
    if not runs:
        return {}
    text = f"SELECT run_id, generation, lines, document FROM history_keys WHERE run_id IN ({', '.join(map(str, runs))})"  # noqa: S608 - numbers of ours
    return {row[0]: (row[1], row[2], row[3]) for row in session.connection().exec_driver_sql(text)}
