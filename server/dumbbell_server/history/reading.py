"""Rows of a run's history: by step, sampled, and with what a fork shows of its parent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from dumbbell_server.graph.wandb_json import finite
from dumbbell_server.history.packing import row_of, step_in, unpack
from dumbbell_server.history.tables import HISTORY
from dumbbell_server.runs import queries as runs
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.storage.dialect import Statement

_LIST = Statement(
    "SELECT id, writer, first_line, line_count, min_step, max_step FROM chunks"
    " WHERE run_id = :run AND stream = :stream ORDER BY writer, first_line")
_RANGE = Statement(
    "SELECT id, writer, first_line, line_count, min_step, max_step FROM chunks"
    " WHERE run_id = :run AND stream = 0 AND max_step >= :low AND min_step < :high ORDER BY writer, first_line")
_BODY = Statement("SELECT body FROM chunks WHERE id = :id")
_LAST = Statement(
    "SELECT body FROM chunks WHERE run_id = :run AND stream = :stream ORDER BY first_line DESC, id DESC LIMIT 1")

_ENDLESS = 2**62
_DEEPEST = 64  # forks of forks
DEFAULT_SAMPLES = 500


@dataclass(frozen=True)
class Part:
    """Steps `low` to `high` (exclusive) of one run; a fork shows its parent's and then its own."""

    run_id: int
    low: int
    high: int


def parts_of(session: Session, run: RunRow, low: int = -_ENDLESS, high: int = _ENDLESS) -> list[Part]:
    parts = [Part(run.id or 0, low, high)]
    seen, child = {run.id}, run
    while child.parent_name is not None and child.parent_step is not None and len(parts) < _DEEPEST:
        parent = runs.by_name(session, child.project_id, child.parent_name)
        if parent is None or parent.id in seen:
            break
        high = min(high, child.parent_step + 1)
        parts.insert(0, Part(parent.id or 0, low, high))
        seen.add(parent.id)
        child = parent
    return [part for part in parts if part.low < part.high]


def chunks(session: Session, run_id: int, stream: int) -> Sequence[Row[Any]]:
    return _LIST(session, run=run_id, stream=stream).all()


def lines_of(session: Session, chunk: int) -> list[str]:
    return unpack(bytes(_BODY(session, id=chunk).scalar_one()))


def last_line(session: Session, run_id: int, stream: int) -> str | None:
    body = _LAST(session, run=run_id, stream=stream).scalar()
    return None if body is None else unpack(bytes(body))[-1]


def rows_between(session: Session, run: RunRow, low: int, high: int) -> list[str]:
    """Lines with low <= step < high, in the order of their steps."""
    found: list[tuple[int, str]] = []
    for part in parts_of(session, run, low, high):
        for chunk in _RANGE(session, run=part.run_id, low=part.low, high=part.high).all():
            for line in lines_of(session, chunk.id):
                step = step_in(line)
                if step is not None and part.low <= step < part.high:
                    found.append((step, line))
    found.sort(key=lambda pair: pair[0])  # stable: rows of one step stay in the order of their lines
    return [line for _, line in found]


def evenly(total: int, wanted: int) -> Iterator[int]:
    """At most `wanted` of the indices below `total`, first and last among them."""
    if total <= wanted:
        yield from range(total)
    elif wanted == 1:
        yield total - 1
    else:
        for at in range(wanted):
            yield at * (total - 1) // (wanted - 1)


def sampled_lines(session: Session, run: RunRow, stream: int, samples: int) -> list[str]:
    """About evenly spread lines of the whole stream."""
    if run.parent_name is not None and stream == HISTORY:
        every = rows_between(session, run, -_ENDLESS, _ENDLESS)
        return [every[at] for at in evenly(len(every), samples)]
    pieces = chunks(session, run.id or 0, stream)
    wanted = evenly(sum(piece.line_count for piece in pieces), samples)
    lines: list[str] = []
    before, at = 0, next(wanted, None)
    for piece in pieces:
        if at is None:
            break
        if at < before + piece.line_count:
            body = lines_of(session, piece.id)
            while at is not None and at < before + piece.line_count:
                lines.append(body[at - before])
                at = next(wanted, None)
        before += piece.line_count
    if len({piece.writer for piece in pieces}) > 1:
        lines.sort(key=lambda line: step_in(line) or 0)
    return lines


@dataclass(frozen=True)
class Spec:
    """One sample: rows that hold all `keys`, steps `low` to `high` (exclusive), at most `samples` of them."""

    keys: tuple[str, ...]
    samples: int
    low: int = -_ENDLESS
    high: int = _ENDLESS


def sample(session: Session, run: RunRow, spec: Spec) -> list[dict[str, Any]]:
    """Row objects, without NaN: this goes out as JSON, not as text."""
    rows = []
    for line in rows_between(session, run, spec.low, spec.high):
        row = row_of(line)
        picked = row if not spec.keys else _picked(row, spec.keys)
        if picked is not None:
            rows.append(picked)
    return [finite(rows[at]) for at in evenly(len(rows), spec.samples)]


def _picked(row: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any] | None:
    picked = {}
    for key in keys:
        found, value = _lookup(row, key)
        if not found:
            return None
        picked[key] = value
    return picked


def _lookup(row: dict[str, Any], key: str) -> tuple[bool, Any]:
    """A value by its key, or by its path where dots lead into nested objects."""
    if key in row:
        return True, row[key]
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
