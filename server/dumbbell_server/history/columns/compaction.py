"""The work in the background: small chunks become larger ones, lines become columns, small groups larger ones.

Every step prepares its rows from a snapshot and writes them in one unit, which does nothing where the run has changed
meanwhile. So a step that is cut short leaves everything as it was, and two servers may do the same one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.orm import Session

from dumbbell_server.database.engine import Database, reading, snapshot
from dumbbell_server.history import queries, statements
from dumbbell_server.history.columns.encode import Column, Group, build, digest, join
from dumbbell_server.history.packing import Packed, pack, row_of, unpack
from dumbbell_server.history.reading.forks import PIECE, pieces
from dumbbell_server.history.tables import HISTORY
from dumbbell_server.json_text import dumps, loads

LINES = 2048  # from which a group is made while the run goes on
_BEHIND_BY = 16  # times as many, from which on a group is made of four times as many: each is a commit
_BYTES = 4 << 20  # the same for rows of many keys
_CHUNKS = 256  # and for rows that came one by one
_TOGETHER = 16  # groups of about one size that are joined
_FEW = 4  # the same once a run has ended
_MOST_ROWS = 100_000  # of a group: its columns are held in memory while they are joined

_locks = [threading.Lock() for _ in range(16)]  # so that the same step is not taken twice at a time


@dataclass(frozen=True)
class _Batch:
    """Chunks of a writer that become a group; `places` of lines that hang together, each to be packed again."""

    generation: int
    writer: str
    built: int
    end: int
    lines: list[str]
    replaced: list[tuple[list[int], list[Packed]]]


def advance(database: Database, run_id: int, *, ended: bool) -> bool:
    """One step of the work for this run. False where none is left: of a run that goes on, the last lines stay."""
    with _locks[run_id % len(_locks)]:
        return _build(database, run_id, ended=ended) or _join(database, run_id, ended=ended)


def catch_up(database: Database, run_id: int) -> None:
    """For who needs all rows looked at: what is read for that is kept, so that nobody has to read it again."""
    with reading(database) as session:
        waiting = statements.LINES_WITHOUT_COLUMNS(session, run=run_id).scalar() or 0
    if waiting > 2 * LINES:
        while advance(database, run_id, ended=False):
            pass


def groups(session: Session, run_id: int) -> Sequence[Row[Any]]:
    return statements.GROUPS(session, run=run_id).all()


def _build(database: Database, run_id: int, *, ended: bool) -> bool:
    with snapshot(database) as session:
        batch = next((batch for head in statements.HISTORY_HEADS(session, run=run_id).all() if head.built < head.lines
                      for batch in [_batch(session, run_id, head, ended=ended)] if batch is not None), None)
    if batch is None:
        return False
    group = build([row_of(line) for line in batch.lines])

    def unit(session: Session) -> None:
        connection = session.connection()
        statements.LOCK_RUN(session, run=run_id)
        still = statements.GENERATION_AND_BUILT(session, run=run_id, writer=batch.writer).first()
        if still is None or tuple(still) != (batch.generation, batch.built):
            return
        for old, new in batch.replaced:
            for chunk in old:
                statements.DELETE_CHUNK(session, id=chunk)
            for packed in new:
                queries.insert(connection, run_id, HISTORY, batch.writer, packed)
        _insert(connection, run_id, batch.writer, batch.built, batch.end, group)
        statements.SET_BUILT(session, run=run_id, writer=batch.writer, built=batch.end)

    database.write(unit)
    return True


def _batch(session: Session, run_id: int, head: Row[Any], *, ended: bool) -> _Batch | None:
    taken: list[tuple[int, int, list[str]]] = []
    lines: list[str] = []
    held = 0
    enough = LINES if head.lines - head.built < _BEHIND_BY * LINES else 4 * LINES
    rows = statements.NEXT_CHUNKS_WITHOUT_COLUMNS(
        session, run=run_id, writer=head.writer, built=head.built, most=_CHUNKS)
    for row in rows:
        some = unpack(bytes(row.body))
        taken.append((row.id, row.first_line, some))
        lines += some
        held += sum(map(len, some))
        if len(lines) >= enough or held >= _BYTES:
            break
    rows.close()
    full = len(lines) >= enough or held >= _BYTES or len(taken) == _CHUNKS
    if not taken or not (full or ended):
        return None
    end = taken[-1][1] + len(taken[-1][2])
    return _Batch(head.history_generation, head.writer, head.built, end, lines, list(_merged(taken)))


def _merged(taken: list[tuple[int, int, list[str]]]) -> list[tuple[list[int], list[Packed]]]:
    """Chunks that follow each other line by line and make fewer when packed again."""
    stretches: list[list[tuple[int, int, list[str]]]] = []
    for chunk in taken:
        last = stretches[-1][-1] if stretches else None
        if last is not None and last[1] + len(last[2]) == chunk[1]:
            stretches[-1].append(chunk)
        else:
            stretches.append([chunk])
    merged = []
    for stretch in stretches:
        if sum(len(lines) for _, _, lines in stretch) > PIECE * (len(stretch) - 1):
            continue
        lots = list(pieces([line for _, _, lines in stretch for line in lines]))
        if len(lots) < len(stretch):
            first, new = stretch[0][1], []
            for lot in lots:
                new.append(pack(first, lot, steps=True))
                first += len(lot)
            merged.append(([chunk for chunk, _, _ in stretch], new))
    return merged


def _insert(connection: Connection, run_id: int, writer: str, first: int, end: int, group: Group) -> None:
    number = statements.INSERT_GROUP.on(
        connection, run=run_id, writer=writer, first=first, end=end, rows=group.rows, low=group.low, high=group.high,
        ordered=group.ordered).scalar_one()
    statements.INSERT_COLUMN.many(connection, [
        {"group": number, "digest": digest(name), "name": name.encode("utf-8", "surrogatepass"), "kind": column.kind,
         "count": column.count, "facts": None if column.facts is None else dumps(column.facts), "mask": column.mask,
         "body": column.body}
        for name, column in group.columns.items()])


def _join(database: Database, run_id: int, *, ended: bool) -> bool:
    with snapshot(database) as session:
        fixed = {row.end_line for row in statements.PARTITION_ENDS(session, run=run_id).all()}
        some = _joinable(groups(session, run_id), fixed, ended=ended)
        loaded = [_loaded(session, row) for row in some]
    if not some:
        return False
    joined = join(loaded)

    def unit(session: Session) -> None:
        statements.LOCK_RUN(session, run=run_id)
        if {row.id for row in some} <= {row.id for row in groups(session, run_id)}:
            for row in some:
                statements.DELETE_GROUP(session, id=row.id)
            _insert(session.connection(), run_id, some[0].writer, some[0].first_line, some[-1].end_line, joined)

    database.write(unit)
    return True


def _joinable(rows: Sequence[Row[Any]], fixed: set[int], *, ended: bool) -> list[Row[Any]]:
    """The first groups that follow each other, in lines and in steps, and are enough to be joined.

    Not over `fixed` lines, where a Parquet file ends and the next one begins.
    """
    lot: list[Row[Any]] = []
    for row in rows:
        last = lot[-1] if lot else None
        fits = last is not None and row.ordered and row.first_line not in fixed and last.writer == row.writer \
            and last.max_step <= row.min_step \
            and (ended or _tier(last) == _tier(row)) and sum(one.rows for one in lot) + row.rows <= _MOST_ROWS
        if not fits:
            if ended and len(lot) >= _FEW:
                return lot
            lot = [row] if row.ordered and row.rows < _MOST_ROWS // 2 else []
            continue
        lot.append(row)
        if len(lot) >= _TOGETHER:
            return lot
    return lot if ended and len(lot) >= _FEW else []


def _tier(row: Row[Any]) -> int:
    return int(row.rows).bit_length() // 4


def _loaded(session: Session, row: Row[Any]) -> Group:
    columns = {
        bytes(found.name).decode("utf-8", "surrogatepass"): Column(
            found.kind, found.held, None if found.mask is None else bytes(found.mask), bytes(found.body),
            None if found.facts is None else loads(found.facts))
        for found in statements.COLUMNS_OF_GROUP(session, group=row.id)}
    return Group(row.rows, row.min_step, row.max_step, row.ordered, columns)
