"""Chunks and kept keys in rows: every POST and every page comes by here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.orm import Session

from dumbbell_server.history import statements
from dumbbell_server.history.packing import Packed, unpack


def begin_generation(connection: Connection, run: int) -> None:
    """Rows that were there have changed or gone: what was made of them is void."""
    for statement in statements.BEGIN_GENERATION:
        statement.on(connection, run=run)


def insert(connection: Connection, run: int, stream: int, writer: str, packed: Packed) -> None:
    statements.INSERT_CHUNK.on(connection, run=run, stream=stream, writer=writer, **vars(packed))


def chunks(session: Session, run: int, stream: int) -> Sequence[Row[Any]]:
    """Without their bodies, by writer and line."""
    return statements.CHUNKS(session, run=run, stream=stream).all()


def bodies_between(session: Session, run: int, stream: int, low: int, high: int) -> Sequence[Row[Any]]:
    """Those that may hold a step from `low` to before `high`."""
    return statements.CHUNKS_BETWEEN_STEPS(session, run=run, stream=stream, low=low, high=high).all()


def lines_of(session: Session, chunk: int) -> list[str]:
    row = statements.CHUNK_BODY(session, id=chunk).one()
    return unpack(bytes(row.body), row.line_count)


def last_line(session: Session, run: int, stream: int) -> str | None:
    row = statements.LAST_CHUNK_BODY(session, run=run, stream=stream).first()
    return None if row is None else unpack(bytes(row.body), row.line_count)[-1]


def kept_keys(session: Session, runs: Collection[int]) -> dict[int, tuple[int, int, str]]:
    """Generation, count of lines and document of what is kept of these runs' keys."""
    if not runs:
        return {}
    rows = session.connection().exec_driver_sql(statements.key_documents(runs))
    return {row[0]: (row[1], row[2], row[3]) for row in rows}
