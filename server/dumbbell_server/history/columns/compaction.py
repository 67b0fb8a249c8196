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
from dumbbell_server.history.packing import CHUNK_LINES, Packed, repacked, row_of, unpack
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
class _Unpacked:
    """A chunk and its lines."""

    id: int
    first_line: int
    lines: list[str]

    @property
    def end(self) -> int:
        return self.first_line + len(self.lines)


@dataclass(frozen=True)
class _Batch:
    """Chunks of a writer that become a group; `replaced` are those, by id, that become fewer and larger chunks."""

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
    """Before a read that needs all rows looked at: they become columns, which the next read finds."""
    with reading(database) as session:
        lines = statements.LINES_WITHOUT_COLUMNS(session, run=run_id).scalar() or 0
    if lines > 2 * LINES:
        while advance(database, run_id, ended=False):
            pass


def groups(session: Session, run_id: int) -> Sequence[Row[Any]]:
    return statements.GROUPS(session, run=run_id).all()


def _build(database: Database, run_id: int, *, ended: bool) -> bool:
    """Make one group of lines that have no columns yet. False where there are not enough of them."""
    with snapshot(database) as session:
        batch = _next_batch(session, run_id, ended=ended)
    if batch is None:
        return False
    group = build([row_of(line) for line in batch.lines])

    def unit(session: Session) -> None:
        connection = session.connection()
        statements.LOCK_RUN(session, run=run_id)
        current = statements.GENERATION_AND_BUILT(session, run=run_id, writer=batch.writer).first()
        if current is None or tuple(current) != (batch.generation, batch.built):
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


def _next_batch(session: Session, run_id: int, *, ended: bool) -> _Batch | None:
    for head in statements.HISTORY_HEADS(session, run=run_id).all():
        if head.built < head.lines:
            batch = _batch(session, run_id, head, ended=ended)
            if batch is not None:
                return batch
    return None


def _batch(session: Session, run_id: int, head: Row[Any], *, ended: bool) -> _Batch | None:
    """The next chunks of a writer; None where they are too few for a run that goes on."""
    chunks: list[_Unpacked] = []
    lines: list[str] = []
    size = 0
    enough = LINES if head.lines - head.built < _BEHIND_BY * LINES else 4 * LINES
    rows = statements.NEXT_CHUNKS_WITHOUT_COLUMNS(
        session, run=run_id, writer=head.writer, built=head.built, most=_CHUNKS)
    for row in rows:
        chunk = _Unpacked(row.id, row.first_line, unpack(bytes(row.body), row.line_count))
        chunks.append(chunk)
        lines += chunk.lines
        size += sum(map(len, chunk.lines))
        if len(lines) >= enough or size >= _BYTES:
            break
    rows.close()
    full = len(lines) >= enough or size >= _BYTES or len(chunks) == _CHUNKS
    if not chunks or not (full or ended):
        return None
    return _Batch(head.history_generation, head.writer, head.built, chunks[-1].end, lines, _merged(chunks))


def _merged(chunks: list[_Unpacked]) -> list[tuple[list[int], list[Packed]]]:
    """Chunks that follow each other line by line and make fewer when packed again."""
    merged = []
    for stretch in _stretches(chunks):
        lines = [line for chunk in stretch for line in chunk.lines]
        if len(lines) > CHUNK_LINES * (len(stretch) - 1):
            continue  # as many chunks again, at least
        packed = repacked(stretch[0].first_line, lines)
        if len(packed) < len(stretch):
            merged.append(([chunk.id for chunk in stretch], packed))
    return merged


def _stretches(chunks: list[_Unpacked]) -> list[list[_Unpacked]]:
    """The chunks, apart wherever lines are missing between two."""
    stretches: list[list[_Unpacked]] = []
    for chunk in chunks:
        if stretches and stretches[-1][-1].end == chunk.first_line:
            stretches[-1].append(chunk)
        else:
            stretches.append([chunk])
    return stretches


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
    """Make one group of several. False where there are not enough that follow each other."""
    with snapshot(database) as session:
        partition_ends = {row.end_line for row in statements.PARTITION_ENDS(session, run=run_id).all()}
        rows = _joinable(groups(session, run_id), partition_ends, ended=ended)
        loaded = [_loaded(session, row) for row in rows]
    if not rows:
        return False
    joined = join(loaded)

    def unit(session: Session) -> None:
        statements.LOCK_RUN(session, run=run_id)
        if {row.id for row in rows} <= {row.id for row in groups(session, run_id)}:
            for row in rows:
                statements.DELETE_GROUP(session, id=row.id)
            _insert(session.connection(), run_id, rows[0].writer, rows[0].first_line, rows[-1].end_line, joined)

    database.write(unit)
    return True


def _joinable(rows: Sequence[Row[Any]], partition_ends: set[int], *, ended: bool) -> list[Row[Any]]:
    """The first groups that follow each other, in lines and in steps, and are enough to be joined.

    Not over a line where a Parquet file ends and the next one begins.
    """
    series: list[Row[Any]] = []
    for row in rows:
        if row.first_line not in partition_ends and _continues(series, row, ended=ended):
            series.append(row)
            if len(series) >= _TOGETHER:
                return series
            continue
        if ended and len(series) >= _FEW:
            return series
        series = [row] if row.ordered and row.rows < _MOST_ROWS // 2 else []
    return series if ended and len(series) >= _FEW else []


def _continues(series: list[Row[Any]], row: Row[Any], *, ended: bool) -> bool:
    """Whether the series and this group may become one; of a run that goes on, only groups of about one size do."""
    if not series or not row.ordered:
        return False
    last = series[-1]
    if last.writer != row.writer or last.max_step > row.min_step:
        return False
    if not ended and _tier(last) != _tier(row):
        return False
    return sum(int(one.rows) for one in [*series, row]) <= _MOST_ROWS


def _tier(row: Row[Any]) -> int:
    return int(row.rows).bit_length() // 4


def _loaded(session: Session, row: Row[Any]) -> Group:
    columns = {
        bytes(found.name).decode("utf-8", "surrogatepass"): Column(
            found.kind, found.held, None if found.mask is None else bytes(found.mask), bytes(found.body),
            None if found.facts is None else loads(found.facts))
        for found in statements.COLUMNS_OF_GROUP(session, group=row.id)}
    return Group(row.rows, row.min_step, row.max_step, row.ordered, columns)
