"""Rows of a run's history: by step, sampled, and with what a fork shows of its parent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from dumbbell_server.budget import current
from dumbbell_server.history import queries
from dumbbell_server.history.packing import step_in
from dumbbell_server.history.reading.forks import ENDLESS, lines_in, ranges_of
from dumbbell_server.history.tables import HISTORY
from dumbbell_server.listing.paths import LONGEST_KEY, MOST_PARTS
from dumbbell_server.runs.tables import RunRow

DEFAULT_SAMPLES = 500


def rows_between(session: Session, run: RunRow, low: int, high: int) -> list[str]:
    """Lines with low <= step < high, in the order of their steps."""
    return lines_in(session, ranges_of(session, run, low, high))


def evenly(total: int, count: int) -> Iterator[int]:
    """At most `count` of the indices below `total`, first and last among them."""
    if total <= count:
        yield from range(total)
    elif count == 1:
        yield total - 1
    else:
        for at in range(count):
            yield at * (total - 1) // (count - 1)


def sampled_lines(session: Session, run: RunRow, stream: int, samples: int) -> list[str]:
    """About evenly spread lines of the whole stream."""
    if run.parent_name is not None and stream == HISTORY:
        every = rows_between(session, run, -ENDLESS, ENDLESS)
        return [every[at] for at in evenly(len(every), samples)]
    chunks = queries.chunks(session, run.id, stream)
    positions = evenly(sum(chunk.line_count for chunk in chunks), samples)
    lines: list[str] = []
    before, at, size = 0, next(positions, None), 0
    for chunk in chunks:
        if at is None:
            break
        if at < before + chunk.line_count:
            body = queries.lines_of(session, chunk.id)
            while at is not None and at < before + chunk.line_count:
                lines.append(body[at - before])
                size += len(lines[-1])
                at = next(positions, None)
            current().expect_text(size)
        before += chunk.line_count
    if len({chunk.writer for chunk in chunks}) > 1:
        lines.sort(key=lambda line: step_in(line) or 0)
    return lines


@dataclass(frozen=True)
class Spec:
    """One sample: rows that hold all `keys`, steps `low` to `high` (exclusive), at most `samples` of them.

    With `exact`, rows with NaN or Infinity in them go out as text, in which they stand bare: else nobody could know
    them from texts that were logged.
    """

    keys: tuple[str, ...]
    samples: int
    low: int = -ENDLESS
    high: int = ENDLESS
    exact: bool = False


def picked(row: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any] | None:
    """Just these keys of a row; None where one is missing."""
    values = {}
    for key in keys:
        found, value = _lookup(row, key)
        if not found:
            return None
        values[key] = value
    return values


def leads_inside(key: str) -> bool:
    """Whether a key can be a path: every way to read one is tried in every row, and there must not be too many."""
    return "." in key and len(key) <= LONGEST_KEY and key.count(".") < MOST_PARTS


def _lookup(row: dict[str, Any], key: str) -> tuple[bool, Any]:
    """A value by its key, or by its path where dots lead into nested objects."""
    if key in row:
        return True, row[key]
    if not leads_inside(key):
        return False, None
    head, dot, rest = key.partition(".")
    while dot:
        inner = row.get(head)
        if isinstance(inner, dict):
            found, value = _lookup(inner, rest)
            if found:
                return True, value
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return False, None
