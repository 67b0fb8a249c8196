"""Rows turned into columns: numbers as they lie in memory, so that a sample touches only what it shows.

A column's body holds its values and nothing for the rows that have none; its mask says which rows those are. Names are
those of `historyKeys`: the path to a value through nested objects, joined by dots.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import zstandard

from dumbbell_server.history.columns.facts import Facts, add, facts_of
from dumbbell_server.history.packing import are_ordered, damaged, decompressed, step_of
from dumbbell_server.history.tables import FLOATS, INSIDE, INTS, MIXED, OBJECTS, RANGE, TEXTS
from dumbbell_server.json_text import dumps, loads

_EXACT = 2**53  # beyond, a double is not every int


@dataclass(frozen=True)
class Column:
    kind: str
    count: int
    mask: bytes | None  # a byte a row, 1 where it has a value; None where all rows have one
    body: bytes
    facts: Facts | None  # None where only objects bear the name


@dataclass(frozen=True)
class Group:
    """Consecutive lines as columns. `ordered` where each row has a step and none is lower than the one before."""

    rows: int
    low: int | None
    high: int | None
    ordered: bool
    columns: dict[str, Column]


class Mixed(Sequence[Any]):
    """Numbers that are ints where they were logged as such."""

    def __init__(self, body: bytes) -> None:
        count = len(body) // 9
        self._values = memoryview(body)[:8 * count].cast("d")
        self._whole = body[8 * count:]

    def __len__(self) -> int:
        return len(self._whole)

    def __getitem__(self, at: Any) -> Any:
        value = self._values[at]
        return int(value) if self._whole[at] else value


def digest(name: str) -> bytes:
    """What a name is found by: names may be as long as they like."""
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def flat(row: dict[str, Any], inside: set[str]) -> dict[str, Any]:
    """The row's values by their paths; objects that were gone into are added to `inside`. Media stay whole."""
    if dict not in map(type, row.values()):
        return row
    leaves: dict[str, Any] = {}
    deeper: list[tuple[str, dict[str, Any]]] = []
    for key, value in row.items():
        if type(value) is dict and value and "_type" not in value:
            deeper.append((key, value))
        else:
            leaves[key] = value
    for key, value in sorted(deeper, key=lambda pair: len(pair[0])):  # as a path is looked up: the shortest key first
        inside.add(key)
        below: set[str] = set()
        for name, leaf in flat(value, below).items():
            leaves.setdefault(f"{key}.{name}", leaf)
        inside.update(f"{key}.{name}" for name in below)
    return leaves


def build(rows: list[dict[str, Any]]) -> Group:
    """The columns of these rows."""
    inside: set[str] = set()
    positions, values = _transposed(rows, inside)
    steps = values.get("_step", ())
    ordered = len(steps) == len(rows) and are_ordered(steps)
    facts = {name: facts_of(column) for name, column in values.items()} if ordered else _facts_by_step(rows)
    columns = {}
    for name, column in values.items():
        kind, body = (INSIDE, b"") if name in inside else encode(column)
        mask = None if len(column) == len(rows) else _mask(positions[name], len(rows))
        columns[name] = Column(kind, len(column), mask, body, facts.get(name))
    for name in inside - values.keys():
        columns[name] = Column(INSIDE, 0, None, b"", None)
    if not ordered:
        steps = [step for step in map(step_of, rows) if step is not None]
    return Group(len(rows), min(steps, default=None), max(steps, default=None), ordered, columns)


def facts_of_rows(rows: list[dict[str, Any]]) -> dict[str, Facts]:
    """Of one row or more, in the order of their steps."""
    return {name: facts_of(column) for name, column in _transposed(rows, set())[1].items()}


def _transposed(rows: list[dict[str, Any]], inside: set[str],
                ) -> tuple[dict[str, Sequence[int]], dict[str, Sequence[Any]]]:
    """Positions of rows, and values, by name. Rows of one shape, which most are, are transposed at once."""
    flat_already = _of_one_flat_shape(rows)
    if flat_already is not None:
        return dict.fromkeys(flat_already, range(len(rows))), flat_already
    positions: dict[str, Sequence[int]] = {}
    values: dict[str, Sequence[Any]] = {}
    for name, columns in _by_shape(rows, inside).items():
        if len(columns) == 1:
            positions[name], values[name] = columns[0]
        else:
            pairs = [pair for column in columns for pair in zip(*column, strict=True)]
            pairs.sort(key=lambda pair: pair[0])
            positions[name], values[name] = [at for at, _ in pairs], [value for _, value in pairs]
    return positions, values


def _by_shape(rows: list[dict[str, Any]], inside: set[str]) -> dict[str, list[tuple[Sequence[int], Sequence[Any]]]]:
    """Positions and values by name, apart for each set of keys that rows have."""
    shapes: dict[tuple[str, ...], tuple[list[int], list[Any]]] = {}
    for at, row in enumerate(rows):
        leaves = flat(row, inside)
        positions, lines = shapes.setdefault(tuple(leaves), ([], []))
        positions.append(at)
        lines.append(leaves.values())
    columns: dict[str, list[tuple[Sequence[int], Sequence[Any]]]] = {}
    for names, (positions, lines) in shapes.items():
        for name, column in zip(names, zip(*lines, strict=True), strict=True):
            columns.setdefault(name, []).append((positions, column))
    return columns


def _of_one_flat_shape(rows: list[dict[str, Any]]) -> dict[str, Sequence[Any]] | None:
    """Values by name, where all rows have the same keys in the same order and no objects: at a third of the cost."""
    names = tuple(rows[0]) if rows else ()
    if not names or not all(tuple(row) == names for row in rows):
        return None
    columns = list(zip(*map(dict.values, rows), strict=True))
    if any(dict in set(map(type, column)) for column in columns):
        return None
    return dict(zip(names, columns, strict=True))


def _facts_by_step(rows: list[dict[str, Any]]) -> dict[str, Facts]:
    stepped = sorted(((step, row) for row in rows if (step := step_of(row)) is not None), key=lambda pair: pair[0])
    return facts_of_rows([row for _, row in stepped])


def _mask(positions: Sequence[int], rows: int) -> bytes:
    mask = bytearray(rows)
    for at in positions:
        mask[at] = 1
    return bytes(mask)


def encode(values: Sequence[Any]) -> tuple[str, bytes]:
    """Kind and body."""
    types = set(map(type, values))
    if types == {float}:
        return FLOATS, array("d", values).tobytes()
    if types == {int}:
        stride = values[1] - values[0] if len(values) > 1 else 1
        small = abs(values[0]) < _EXACT and 0 < abs(stride) < _EXACT
        spaced = range(values[0], values[0] + stride * len(values), stride) if small else ()
        if len(spaced) == len(values) and all(map(int.__eq__, spaced, values)):
            return RANGE, dumps([values[0], stride]).encode()
        if all(-2**63 <= value < 2**63 for value in values):
            return INTS, array("q", values).tobytes()
    if types == {int, float} and all(type(value) is float or -_EXACT <= value <= _EXACT for value in values):
        return MIXED, array("d", values).tobytes() + bytes(type(value) is int for value in values)
    return (OBJECTS if dict in types else TEXTS), zstandard.compress(dumps(list(values)).encode(), 3)


def decode(kind: str, count: int, body: bytes) -> Sequence[Any]:
    """The values, without a copy where they are numbers. Damaged where the body does not hold so many."""
    try:
        values = _decoded(kind, count, body)
    except (ValueError, TypeError) as error:
        raise damaged(error) from error
    if len(values) != count and kind != INSIDE:
        raise damaged(f"a column has {len(values)} values, not {count}")
    return values


def _decoded(kind: str, count: int, body: bytes) -> Sequence[Any]:
    if kind in {FLOATS, INTS}:
        return memoryview(body).cast(kind)  # type: ignore[call-overload, no-any-return]
    if kind == RANGE:
        start, stride = loads(body.decode())
        return range(start, start + stride * count, stride)
    if kind == MIXED:
        return Mixed(body)
    if kind == INSIDE:
        return ()
    values: list[Any] = json.loads(decompressed(body))  # orjson would take an int of 65 bits for a float
    return values


def join(groups: Sequence[Group]) -> Group:
    """Ordered groups that follow each other, as one."""
    names = dict.fromkeys(name for group in groups for name in group.columns)
    columns = {name: _joined(name, groups) for name in names}
    return Group(sum(group.rows for group in groups), groups[0].low, groups[-1].high, True, columns)


def _joined(name: str, groups: Sequence[Group]) -> Column:
    columns = [column for group in groups if (column := group.columns.get(name)) is not None]
    facts: Facts | None = None
    for column in columns:
        facts = add(facts, column.facts) if column.facts is not None else facts
    in_all_rows = len(columns) == len(groups) and all(
        column.mask is None and column.kind != INSIDE for column in columns)
    mask = None if in_all_rows else b"".join(_whole_mask(group.rows, group.columns.get(name)) for group in groups)
    count, kinds = sum(column.count for column in columns), {column.kind for column in columns}
    if INSIDE in kinds:
        return Column(INSIDE, count, mask, b"", facts)
    if len(kinds) == 1 and kinds <= {FLOATS, INTS}:
        return Column(columns[0].kind, count, mask, b"".join(column.body for column in columns), facts)
    values = [value for column in columns for value in decode(column.kind, column.count, column.body)]
    kind, body = encode(values)
    return Column(kind, count, mask, body, facts)


def _whole_mask(rows: int, column: Column | None) -> bytes:
    if column is None or (column.kind == INSIDE and column.count == 0):
        return bytes(rows)
    return b"\1" * rows if column.mask is None else column.mask
