"""A sample of some keys: out of columns where they are made, out of lines where they are not yet.

The history is taken as segments, in the order of their steps. Each says how many of its rows hold all the keys; of
these, over all segments, evenly spread ones are picked; only then are values read.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise
from typing import Any, Protocol

from sqlalchemy import Row
from sqlalchemy.orm import Session

from dumbbell_server.database.statements import batches
from dumbbell_server.history import queries, statements
from dumbbell_server.history.columns import compaction
from dumbbell_server.history.columns.encode import Column, decode, digest
from dumbbell_server.history.packing import row_of, unpack
from dumbbell_server.history.reading.forks import StepRange, cut, lines_in, ranges_of
from dumbbell_server.history.reading.rows import Spec, evenly, leads_inside, picked
from dumbbell_server.history.tables import HISTORY, INSIDE, INTS, OBJECTS, RANGE
from dumbbell_server.runs.tables import RunRow

_PARSED = 4096  # lines without columns up to which all are looked at
_UNPACKED = 100_000  # of those beyond, for few samples: a millisecond for each 2000
_CHUNKS = 32  # that are unpacked where all that hold a row to show would be more; the others show their first row


class NotMonotonic(Exception):
    """Rows are not in the order of their steps, or not as even as they looked: only reading all of them will do."""


class _Segment(Protocol):
    low: int
    high: int

    def count(self) -> int:
        """Rows that hold all the keys."""
        ...

    def take(self, positions: Sequence[int]) -> Iterable[dict[str, Any]]:
        """Those of them at these positions."""
        ...


def sample(session: Session, run: RunRow, spec: Spec) -> list[dict[str, Any]]:
    """At most `spec.samples` rows, their numbers as they were logged. Wants a snapshot."""
    ranges = ranges_of(session, run, spec.low, spec.high)
    try:
        return _spread([segment for steps in ranges for segment in _segments(session, steps, spec.keys)], spec.samples)
    except NotMonotonic:
        return _spread([_Lines(lines_in(session, ranges), spec.keys)], spec.samples)


def _spread(segments: list[_Segment], samples: int) -> list[dict[str, Any]]:
    if any(before.high > after.low for before, after in pairwise(segments)):
        raise NotMonotonic
    counts = [segment.count() for segment in segments]
    positions = list(evenly(sum(counts), samples))
    rows: list[dict[str, Any]] = []
    before = start = 0
    for segment, count in zip(segments, counts, strict=True):
        end = bisect_left(positions, before + count)
        if end > start:
            rows += segment.take([at - before for at in positions[start:end]])
        before, start = before + count, end
    return rows


def _segments(session: Session, steps: StepRange, keys: tuple[str, ...]) -> list[_Segment]:
    if steps.stream != HISTORY:
        return [_Lines(lines_in(session, [steps]), keys, steps.low, steps.high - 1)]
    found: list[_Segment] = []
    rows = [row for row in compaction.groups(session, steps.run_id) if _meets(row, steps)]
    columns = _columns(session, steps.run_id, keys) if rows and keys else {}
    for row in rows:
        if not row.ordered:
            raise NotMonotonic
        found.append(_group(session, steps, row, columns.get(row.id, {}), keys))
    found += _without_columns(session, steps, keys)
    return sorted(found, key=lambda segment: (segment.low, segment.high))


def _meets(row: Row[Any], steps: StepRange) -> bool:
    return row.min_step is not None and row.max_step >= steps.low and row.min_step < steps.high


def _columns(session: Session, run_id: int, keys: tuple[str, ...]) -> dict[int, dict[bytes, Row[Any]]]:
    """The columns of the keys, and of paths on the way to them, by group and digest; without bodies."""
    names = {"_step", *keys}
    for key in keys:
        names.update(_above(key))
    found: dict[int, dict[bytes, Row[Any]]] = {}
    for batch in batches(sorted(names)):
        digests = {f"d{at}": digest(name) for at, name in enumerate(batch)}
        for row in statements.columns_by_digest(len(digests))(session, run=run_id, **digests).all():
            found.setdefault(row.group_id, {})[bytes(row.digest)] = row
    return found


def _above(key: str) -> Iterator[str]:
    """What is before each of a key's dots, where it can be a path."""
    if leads_inside(key):
        yield from (key[:at] for at, letter in enumerate(key) if letter == ".")


def _group(session: Session, steps: StepRange, row: Row[Any], columns: dict[bytes, Row[Any]], keys: tuple[str, ...],
           ) -> _Segment:
    low, high = max(steps.low, row.min_step), min(steps.high - 1, row.max_step)
    if not keys or _leads_inside(columns, keys):
        bodies = statements.CHUNK_BODIES_OF_GROUP(
            session, run=steps.run_id, writer=row.writer, first=row.first_line, end=row.end_line).all()
        lines = [line for (body,) in bodies for line in unpack(bytes(body))]
        return _Lines(cut(lines, row.min_step, row.max_step, steps), keys, low, high)
    step_column = columns.get(digest("_step"))
    if step_column is None or step_column.kind not in {INTS, RANGE}:
        raise NotMonotonic
    start, end = 0, row.rows
    if steps.low > row.min_step or steps.high <= row.max_step:
        values = _values(session, row.id, step_column)
        start, end = bisect_left(values, steps.low), bisect_left(values, steps.high)
    return _Columns(session, row.id, low, high, start, end, {key: columns.get(digest(key)) for key in keys})


def _leads_inside(columns: dict[bytes, Row[Any]], keys: tuple[str, ...]) -> bool:
    """Whether a key, or what is before one of its dots, names objects: then the value is not in a column."""
    for key in keys:
        own = columns.get(digest(key))
        if own is not None and own.kind == INSIDE:
            return True
        above = (columns.get(digest(name)) for name in _above(key))
        if any(column is not None and column.kind == OBJECTS for column in above):
            return True
    return False


def _values(session: Session, group: int, column: Row[Any]) -> Sequence[Any]:
    body = bytes(statements.COLUMN_BODY(session, group=group, digest=bytes(column.digest)).scalar_one())
    return decode(column.kind, column.held, body)


@dataclass
class _Columns:
    """Rows `start` to `end` of a group."""

    session: Session
    group: int
    low: int
    high: int
    start: int
    end: int
    columns: dict[str, Row[Any] | None]
    positions: list[int] | None = None  # of the rows that hold all keys, where that is not all rows

    def count(self) -> int:
        if None in self.columns.values():
            return 0
        masks = {bytes(column.mask) for column in self.columns.values() if column is not None and column.mask}
        if not masks:
            return max(0, self.end - self.start)
        common = int.from_bytes(masks.pop(), "little")
        for mask in masks:
            common &= int.from_bytes(mask, "little")
        rows = common.to_bytes((common.bit_length() + 7) // 8, "little")[:self.end]
        self.positions = list(compress(range(self.start, len(rows)), rows[self.start:]))
        return len(self.positions)

    def take(self, positions: Sequence[int]) -> Iterable[dict[str, Any]]:
        if self.positions is None:
            rows = [self.start + at for at in positions]
        else:
            rows = [self.positions[at] for at in positions]
        taken = []
        for column in self.columns.values():
            if column is not None:
                values = _values(self.session, self.group, column)
                taken.append([values[at] for at in _indices(column, rows)])
        return [dict(zip(self.columns, row, strict=True)) for row in zip(*taken, strict=True)]


def _indices(column: Row[Any] | Column, rows: list[int]) -> list[int]:
    """Where the values of these rows are: those of rows without one take no space."""
    if column.mask is None:
        return rows
    mask, indices, before, seen = bytes(column.mask), [], 0, 0
    for row in rows:
        seen += mask.count(1, before, row)
        before = row
        indices.append(seen)
    return indices


@dataclass
class _Lines:
    """Lines that are all parsed."""

    lines: list[str]
    keys: tuple[str, ...]
    low: int = 0
    high: int = 0
    rows: list[dict[str, Any]] | None = None

    def count(self) -> int:
        if not self.keys:
            return len(self.lines)
        self.rows = [row for line in self.lines if (row := picked(row_of(line), self.keys)) is not None]
        return len(self.rows)

    def take(self, positions: Sequence[int]) -> Iterable[dict[str, Any]]:
        return [row_of(self.lines[at]) if self.rows is None else self.rows[at] for at in positions]


def _without_columns(session: Session, steps: StepRange, keys: tuple[str, ...]) -> list[_Segment]:
    """The chunks that have no columns yet: parsed where they are few, else only those at the ends of the range."""
    chunks = [row for row in statements.CHUNKS_WITHOUT_COLUMNS(session, run=steps.run_id).all() if _meets(row, steps)]
    if not all(chunk.ordered for chunk in chunks):
        raise NotMonotonic
    inner: list[Row[Any]] = []
    if sum(chunk.line_count for chunk in chunks) > _PARSED:
        inner = [chunk for chunk in chunks if chunk.min_step >= steps.low and chunk.max_step < steps.high]
        if any(before.max_step > after.min_step for before, after in pairwise(inner)):
            raise NotMonotonic
    unread = {chunk.id for chunk in inner}
    parsed = [_chunk(session, steps, chunk, keys) for chunk in chunks if chunk.id not in unread]
    return [Unverified(session, keys, inner), *parsed] if inner else parsed


def _chunk(session: Session, steps: StepRange, chunk: Row[Any], keys: tuple[str, ...]) -> _Segment:
    lines = cut(queries.lines_of(session, chunk.id), chunk.min_step, chunk.max_step, steps)
    return _Lines(lines, keys, max(steps.low, chunk.min_step), min(steps.high - 1, chunk.max_step))


class Unverified:
    """Many lines, taken to hold all keys until one that is parsed does not."""

    def __init__(self, session: Session, keys: tuple[str, ...], chunks: list[Row[Any]]) -> None:
        self._session, self._keys, self._chunks = session, keys, chunks
        self.low: int = chunks[0].min_step
        self.high: int = chunks[-1].max_step

    def count(self) -> int:
        return sum(chunk.line_count for chunk in self._chunks)

    def take(self, positions: Sequence[int]) -> Iterable[dict[str, Any]]:
        rows = []
        for chunk, within in self._by_chunk(positions):
            if within == [0] and chunk.first_row is not None:
                lines = [chunk.first_row.decode("utf-8", "surrogatepass")]
            else:
                lines = queries.lines_of(self._session, chunk.id)
            for at in within:
                row = row_of(lines[at])
                values = picked(row, self._keys) if self._keys else row
                if values is None:
                    raise NotMonotonic
                rows.append(values)
        return rows

    def _by_chunk(self, positions: Sequence[int]) -> list[tuple[Row[Any], list[int]]]:
        """Chunks and the lines of them to show, of which there are about as many as positions."""
        exact: list[tuple[Row[Any], list[int]]] = []
        before = start = 0
        for chunk in self._chunks:
            end = bisect_left(positions, before + chunk.line_count)
            if end > start:
                exact.append((chunk, [at - before for at in positions[start:end]]))
            before, start = before + chunk.line_count, end
        lines_unpacked = sum(chunk.line_count for chunk, _ in exact)
        if len(exact) <= _CHUNKS or lines_unpacked <= _UNPACKED or 4 * len(positions) > before:
            return exact
        return _fewer_unpacked([chunk for chunk, _ in exact], len(positions))


def _fewer_unpacked(chunks: list[Row[Any]], count: int) -> list[tuple[Row[Any], list[int]]]:
    """About `count` lines, from a few chunks that are unpacked and from the others the first, which costs little."""
    unpacked = set(evenly(len(chunks), _CHUNKS))
    first_only = [chunk for at, chunk in enumerate(chunks) if at not in unpacked and chunk.first_row is not None]
    share = (count - len(first_only)) // _CHUNKS
    found = [(chunk, [0]) for chunk in first_only]
    for at in unpacked:
        lines = list(evenly(chunks[at].line_count, share)) if share > 1 else [0]
        found.append((chunks[at], lines))
    return sorted(found, key=lambda pair: (pair[0].min_step, pair[0].id))
