"""A sample of some keys: out of columns where they are made, out of lines where they are not yet.

The history is taken as segments, in the order of their steps. Each says how many of its rows hold all the keys; of
these, over all segments, evenly spread ones are picked; only then are values read.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise
from typing import Any, Protocol

from sqlalchemy import Row
from sqlalchemy.orm import Session

from dumbbell_server.history import queries, statements
from dumbbell_server.history.columns import compaction
from dumbbell_server.history.columns.encode import Column, decode, digest
from dumbbell_server.history.packing import row_of, unpack
from dumbbell_server.history.reading.forks import Part, cut, lines_in, parts_of
from dumbbell_server.history.reading.rows import Spec, evenly, picked
from dumbbell_server.history.tables import HISTORY, INSIDE, INTS, OBJECTS, RANGE
from dumbbell_server.json_text import finite
from dumbbell_server.runs.tables import RunRow

_PARSED = 4096  # lines without columns up to which all are looked at
_UNPACKED = 100_000  # of those beyond, for few samples: a millisecond for each 2000
_CHUNKS = 32  # that are looked into where all that hold a wanted row would be more; the others show their first row


class NotMonotonic(Exception):
    """Rows are not in the order of their steps, or not as even as they looked: only reading all of them will do."""


class _Segment(Protocol):
    low: int
    high: int

    def count(self) -> int:
        """Rows that hold all the keys."""
        ...

    def take(self, places: Sequence[int]) -> Iterable[dict[str, Any]]:
        """Those of them at these places."""
        ...


def sample(session: Session, run: RunRow, spec: Spec) -> list[dict[str, Any]]:
    """At most `spec.samples` rows, as objects without NaN: they go out as JSON, not as text. Wants a snapshot."""
    parts = parts_of(session, run, spec.low, spec.high)
    try:
        rows = _spread([segment for part in parts for segment in _segments(session, part, spec.keys)], spec.samples)
    except NotMonotonic:
        rows = _spread([_Lines(lines_in(session, parts), spec.keys)], spec.samples)
    return [finite(row) for row in rows]


def _spread(segments: list[_Segment], samples: int) -> list[dict[str, Any]]:
    if any(before.high > after.low for before, after in pairwise(segments)):
        raise NotMonotonic
    counts = [segment.count() for segment in segments]
    wanted = list(evenly(sum(counts), samples))
    rows: list[dict[str, Any]] = []
    before = start = 0
    for segment, count in zip(segments, counts, strict=True):
        end = bisect_left(wanted, before + count)
        if end > start:
            rows += segment.take([at - before for at in wanted[start:end]])
        before, start = before + count, end
    return rows


def _segments(session: Session, part: Part, keys: tuple[str, ...]) -> list[_Segment]:
    if part.stream != HISTORY:
        return [_Lines(lines_in(session, [part]), keys, part.low, part.high - 1)]
    found: list[_Segment] = []
    rows = [row for row in compaction.groups(session, part.run_id) if _meets(row, part)]
    columns = _columns(session, part.run_id, keys) if rows and keys else {}
    for row in rows:
        if not row.ordered:
            raise NotMonotonic
        found.append(_group(session, part, row, columns.get(row.id, {}), keys))
    found += _tail(session, part, keys)
    return sorted(found, key=lambda segment: (segment.low, segment.high))


def _meets(row: Row[Any], part: Part) -> bool:
    return row.min_step is not None and row.max_step >= part.low and row.min_step < part.high


def _columns(session: Session, run_id: int, keys: tuple[str, ...]) -> dict[int, dict[bytes, Row[Any]]]:
    """What there is of the keys, and of paths on the way to them, by group; without bodies."""
    names = {"_step", *keys}
    for key in keys:
        names.update(key[:at] for at, letter in enumerate(key) if letter == ".")
    digests = {f"d{at}": digest(name) for at, name in enumerate(sorted(names))}
    statement = statements.columns_by_digest(len(digests))
    found: dict[int, dict[bytes, Row[Any]]] = {}
    for row in statement(session, run=run_id, **digests).all():
        found.setdefault(row.group_id, {})[bytes(row.digest)] = row
    return found


def _group(session: Session, part: Part, row: Row[Any], columns: dict[bytes, Row[Any]], keys: tuple[str, ...],
           ) -> _Segment:
    low, high = max(part.low, row.min_step), min(part.high - 1, row.max_step)
    if not keys or _leads_inside(columns, keys):
        lines = [line for (body,) in statements.CHUNK_BODIES_OF_GROUP(
            session, run=part.run_id, writer=row.writer, first=row.first_line, end=row.end_line).all()
            for line in unpack(bytes(body))]
        return _Lines(cut(lines, row.min_step, row.max_step, part), keys, low, high)
    steps = columns.get(digest("_step"))
    if steps is None or steps.kind not in {INTS, RANGE}:
        raise NotMonotonic
    start, end = 0, row.rows
    if part.low > row.min_step or part.high <= row.max_step:
        values = _values(session, row.id, steps)
        start, end = bisect_left(values, part.low), bisect_left(values, part.high)
    return _Columns(session, row.id, low, high, start, end, {key: columns.get(digest(key)) for key in keys})


def _leads_inside(columns: dict[bytes, Row[Any]], keys: tuple[str, ...]) -> bool:
    """Whether a key, or what is before one of its dots, names objects: then the value is not in a column."""
    for key in keys:
        own = columns.get(digest(key))
        if own is not None and own.kind == INSIDE:
            return True
        for at, letter in enumerate(key):
            if letter == ".":
                above = columns.get(digest(key[:at]))
                if above is not None and above.kind == OBJECTS:
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
    places: list[int] | None = None  # of the rows that hold all keys, where that is not all rows

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
        self.places = list(compress(range(self.start, len(rows)), rows[self.start:]))
        return len(self.places)

    def take(self, places: Sequence[int]) -> Iterable[dict[str, Any]]:
        rows = [self.start + at for at in places] if self.places is None else [self.places[at] for at in places]
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
    mask, found, before, seen = bytes(column.mask), [], 0, 0
    for row in rows:
        seen += mask.count(1, before, row)
        before = row
        found.append(seen)
    return found


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

    def take(self, places: Sequence[int]) -> Iterable[dict[str, Any]]:
        return [row_of(self.lines[at]) if self.rows is None else self.rows[at] for at in places]


def _tail(session: Session, part: Part, keys: tuple[str, ...]) -> list[_Segment]:
    """What there are no columns of yet."""
    chunks = [row for row in statements.CHUNKS_WITHOUT_COLUMNS(session, run=part.run_id).all() if _meets(row, part)]
    if not all(chunk.ordered for chunk in chunks):
        raise NotMonotonic
    if sum(chunk.line_count for chunk in chunks) > _PARSED:
        inner: list[Row[Any]] = []
        outer: list[Row[Any]] = []
        for chunk in chunks:
            within = chunk.min_step >= part.low and chunk.max_step < part.high
            (inner if within else outer).append(chunk)
        if any(before.max_step > after.min_step for before, after in pairwise(inner)):
            raise NotMonotonic
        parsed = [_chunk(session, part, chunk, keys) for chunk in outer]
        return [Unverified(session, keys, inner), *parsed] if inner else parsed
    return [_chunk(session, part, chunk, keys) for chunk in chunks]


def _chunk(session: Session, part: Part, chunk: Row[Any], keys: tuple[str, ...]) -> _Segment:
    lines = cut(queries.lines_of(session, chunk.id), chunk.min_step, chunk.max_step, part)
    return _Lines(lines, keys, max(part.low, chunk.min_step), min(part.high - 1, chunk.max_step))


class Unverified:
    """Many lines, taken to hold all keys until one that is looked at does not."""

    def __init__(self, session: Session, keys: tuple[str, ...], chunks: list[Row[Any]]) -> None:
        self._session, self._keys, self._chunks = session, keys, chunks
        self.low: int = chunks[0].min_step
        self.high: int = chunks[-1].max_step

    def count(self) -> int:
        return sum(chunk.line_count for chunk in self._chunks)

    def take(self, places: Sequence[int]) -> Iterable[dict[str, Any]]:
        rows = []
        for chunk, within in self._by_chunk(places):
            if within == [0] and chunk.first_row is not None:
                lines = [chunk.first_row.decode("utf-8", "surrogatepass")]
            else:
                lines = queries.lines_of(self._session, chunk.id)
            for at in within:
                row = row_of(lines[at])
                kept = picked(row, self._keys) if self._keys else row
                if kept is None:
                    raise NotMonotonic
                rows.append(kept)
        return rows

    def _by_chunk(self, places: Sequence[int]) -> list[tuple[Row[Any], list[int]]]:
        """The lines to look at. Where they are in too many chunks, most chunks give the line that comes cheap."""
        lots: list[tuple[Row[Any], list[int]]] = []
        before = start = 0
        for chunk in self._chunks:
            end = bisect_left(places, before + chunk.line_count)
            if end > start:
                lots.append((chunk, [at - before for at in places[start:end]]))
            before, start = before + chunk.line_count, end
        unpacked = sum(chunk.line_count for chunk, _ in lots)
        if len(lots) <= _CHUNKS or unpacked <= _UNPACKED or 4 * len(places) > before:
            return lots
        looked_into = set(evenly(len(lots), _CHUNKS))
        cheap = [at for at, (chunk, _) in enumerate(lots) if at not in looked_into and chunk.first_row is not None]
        share = (len(places) - len(cheap)) // _CHUNKS
        found = [(lots[at][0], [0]) for at in cheap] + [
            (lots[at][0], list(evenly(lots[at][0].line_count, share)) if share > 1 else [0]) for at in looked_into]
        return sorted(found, key=lambda lot: (lot[0].min_step, lot[0].id))
