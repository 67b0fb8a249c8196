"""A sample of some keys: out of columns where they are made, out of lines where they are not yet.

The history is taken as segments, in the order of their steps. Each says how many of its rows hold all the keys; of
these, over all segments, evenly spread ones are picked; only then are values read.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise
from typing import Any, Protocol

from sqlalchemy import Row
from sqlalchemy.orm import Session

from dumbbell_server.budget import current
from dumbbell_server.database.engine import Database, snapshot
from dumbbell_server.database.statements import batches
from dumbbell_server.errors import Damaged, StorageFull, StorageUnavailable
from dumbbell_server.history import queries, statements
from dumbbell_server.history.columns import compaction
from dumbbell_server.history.columns.encode import Column, decode, digest
from dumbbell_server.history.packing import damaged, row_of, unpack
from dumbbell_server.history.reading.forks import StepRange, cut, lines_in, ranges_of
from dumbbell_server.history.reading.rows import Spec, evenly, leads_inside, picked
from dumbbell_server.history.tables import HISTORY, INSIDE, INTS, OBJECTS, RANGE, TEXTS
from dumbbell_server.runs.tables import RunRow

_PARSED = 2 * compaction.LINES  # lines without columns up to which they are looked at as they are


class NotMonotonic(Exception):
    """Rows are not in the order of their steps: only reading all of them will do."""


class Behind(Exception):
    """There are many lines without columns."""


_Source = tuple[int, str]  # the range of a fork and its parents, from 0, and the writer


class _Segment(Protocol):
    low: int
    high: int
    source: _Source
    first_line: int

    def count(self) -> int:
        """Rows that hold all the keys."""
        ...

    def take(self, positions: Sequence[int]) -> Iterable[dict[str, Any]]:
        """Those of them at these positions."""
        ...


def samples(database: Database, run: RunRow, specs: Sequence[Spec]) -> list[list[dict[str, Any]] | Damaged]:
    """The rows of each spec, in one look. Rows are in columns before they are read, where they are many."""
    with snapshot(database) as session:
        try:
            return [_sampled(session, run, spec, _PARSED) for spec in specs]
        except Behind:
            runs = {steps.run_id for steps in ranges_of(session, run)}
    for run_id in runs:
        # without columns it is slower, and the same
        with contextlib.suppress(StorageFull, StorageUnavailable, Damaged):
            compaction.catch_up(database, run_id)
    with snapshot(database) as session:
        return [_sampled(session, run, spec) for spec in specs]


def _sampled(session: Session, run: RunRow, spec: Spec, most: int | None = None) -> list[dict[str, Any]] | Damaged:
    """An error stands for its own sample: the others are answered."""
    try:
        return sample(session, run, spec, most)
    except Damaged as error:
        return error


def sample(session: Session, run: RunRow, spec: Spec, most: int | None = None) -> list[dict[str, Any]]:
    """At most `spec.samples` rows, their numbers as they were logged. Wants a snapshot.

    Behind where more than `most` lines of a run would have to be parsed.
    """
    ranges = ranges_of(session, run, spec.low, spec.high)
    try:
        segments = [segment for at, steps in enumerate(ranges)
                    for segment in _segments(session, at, steps, spec.keys, most)]
        return _spread(segments, spec.samples)
    except (NotMonotonic, Damaged):  # columns are made of lines, which may be whole where they are not
        return _spread([_Lines(lines_in(session, ranges), spec.keys)], spec.samples)


def _spread(segments: list[_Segment], samples: int) -> list[dict[str, Any]]:
    """Rows of segments, which are in the order of their steps; rows of one step must be in that of their lines."""
    if any(before.high > after.low or (before.high == after.low and not _precedes(before, after))
           for before, after in pairwise(segments)):
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


def _precedes(before: _Segment, after: _Segment) -> bool:
    """Whether rows of one step would come in this order if all lines were sorted by steps."""
    if before.source == after.source:
        return before.first_line < after.first_line
    return before.source[0] < after.source[0]  # of two writers, only the database knows


def _segments(session: Session, at: int, steps: StepRange, keys: tuple[str, ...], most: int | None,
              ) -> list[_Segment]:
    if steps.stream != HISTORY:
        return [_Lines(lines_in(session, [steps]), keys, steps.low, steps.high - 1, (at, ""))]
    groups = compaction.groups(session, steps.run_id)
    if not all(group.ordered for group in groups):
        raise NotMonotonic
    groups = [group for group in groups if _meets(group, steps)]
    columns = _columns(session, steps.run_id, keys) if groups and keys else {}
    found = [_group(session, at, steps, group, columns.get(group.id, {}), keys) for group in groups]
    found += _without_columns(session, at, steps, keys, most)
    return sorted(found, key=lambda segment: (segment.low, segment.high, segment.first_line))


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


def _group(session: Session, at: int, steps: StepRange, row: Row[Any], columns: dict[bytes, Row[Any]],
           keys: tuple[str, ...]) -> _Segment:
    source = (at, row.writer)
    low, high = max(steps.low, row.min_step), min(steps.high - 1, row.max_step)
    if not keys or _leads_inside(columns, keys):
        bodies = statements.CHUNK_BODIES_OF_GROUP(
            session, run=steps.run_id, writer=row.writer, first=row.first_line, end=row.end_line).all()
        lines = [line for (body,) in bodies for line in unpack(bytes(body))]
        return _Lines(cut(lines, row.min_step, row.max_step, steps), keys, low, high, source, row.first_line)
    step_column = columns.get(digest("_step"))
    if step_column is None or step_column.kind not in {INTS, RANGE}:
        raise NotMonotonic
    start, end = 0, row.rows
    if steps.low > row.min_step or steps.high <= row.max_step:
        values = _values(session, row.id, step_column)
        start, end = bisect_left(values, steps.low), bisect_left(values, steps.high)
    of_keys = {key: columns.get(digest(key)) for key in keys}
    for column in of_keys.values():
        if column is not None and not _has_whole_mask(column, row.rows):
            raise damaged("a column's mask is not that of its values")
    return _Columns(session, row.id, low, high, source, row.first_line, start, end, of_keys)


def _has_whole_mask(column: Row[Any], rows: int) -> bool:
    mask = column.mask
    return mask is None or (len(mask) == rows and bytes(mask).count(1) == column.held)


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
    source: _Source
    first_line: int
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
        current().add_cells(len(positions) * len(self.columns))
        if self.positions is None:
            rows = [self.start + at for at in positions]
        else:
            rows = [self.positions[at] for at in positions]
        taken = []
        for column in self.columns.values():
            if column is not None:
                values = _values(self.session, self.group, column)
                taken.append([values[at] for at in _indices(column, rows)])
                if column.kind == TEXTS:
                    current().add_text(_text_in(taken[-1]))
        return [dict(zip(self.columns, row, strict=True)) for row in zip(*taken, strict=True)]


def _text_in(values: Iterable[Any]) -> int:
    return sum(len(value) for value in values if type(value) is str)


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
    source: _Source = (0, "")
    first_line: int = 0
    rows: list[dict[str, Any]] | None = None

    def count(self) -> int:
        if not self.keys:
            return len(self.lines)
        self.rows = [row for line in self.lines if (row := picked(row_of(line), self.keys)) is not None]
        return len(self.rows)

    def take(self, positions: Sequence[int]) -> Iterable[dict[str, Any]]:
        if self.rows is None:
            current().add_text(sum(len(self.lines[at]) for at in positions))
            return [row_of(self.lines[at]) for at in positions]
        current().add_cells(len(positions) * len(self.keys))
        current().add_text(sum(_text_in(self.rows[at].values()) for at in positions))
        return [self.rows[at] for at in positions]


def _without_columns(session: Session, at: int, steps: StepRange, keys: tuple[str, ...],
                     most: int | None) -> list[_Segment]:
    """The chunks that have no columns yet, parsed; Behind where that would be more lines than `most`."""
    chunks = statements.CHUNKS_WITHOUT_COLUMNS(session, run=steps.run_id).all()
    if most is not None and sum(chunk.line_count for chunk in chunks) > most:
        raise Behind
    found: list[_Segment] = []
    for chunk in chunks:
        if not chunk.ordered:
            raise NotMonotonic
        if _meets(chunk, steps):
            lines = cut(queries.lines_of(session, chunk.id), chunk.min_step, chunk.max_step, steps)
            low, high = max(steps.low, chunk.min_step), min(steps.high - 1, chunk.max_step)
            found.append(_Lines(lines, keys, low, high, (at, chunk.writer), chunk.first_line))
    return found
