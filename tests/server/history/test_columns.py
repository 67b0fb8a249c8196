"""Columns hold what rows hold, and samples of them are those of the rows."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dumbbell_server.history.columns.encode import build, decode, encode, flat, join
from dumbbell_server.history.columns.facts import add, facts_of
from dumbbell_server.history.reading.rows import picked

LEAVES = st.one_of(st.integers(-2**70, 2**70), st.integers(-3, 3), st.floats(), st.booleans(), st.none(), st.text(),
                   st.lists(st.integers(), max_size=2), st.just({"_type": "image-file", "path": "x"}), st.just({}))
NAMES = st.text("ab.", min_size=1, max_size=3)
VALUES = st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=6)
ROWS = st.lists(st.dictionaries(NAMES, VALUES, max_size=4), max_size=12)

BOUNDED = settings(deadline=None)


def same(left: Any, right: Any) -> bool:
    return repr(left) == repr(right)  # NaN is itself, and 1 is not 1.0


def stepped(rows: list[dict[str, Any]], start: int = 0) -> list[dict[str, Any]]:
    return [{**row, "_step": start + at} for at, row in enumerate(rows)]


@pytest.mark.parametrize(("values", "kind"), [
    ([0.5, math.nan, math.inf, -0.0], "d"),
    ([5, 3, 9], "q"),
    ([2**63 - 1, -2**63], "q"),
    ([4, 6, 8], "r"),
    ([3, 2, 1], "r"),
    ([7], "r"),
    ([7, 7, 7], "q"),
    ([1, 2.5, -2**53], "m"),
    ([1.5, 2**53 + 1], "j"),
    ([2**63], "j"),
    ([True, False], "j"),
    (["a", "\ud800", "\0"], "j"),
    ([None], "j"),
    ([{"_type": "x"}, 1], "J"),
])
def test_values_come_back_as_they_were(values: list[Any], kind: str) -> None:
    found, body = encode(values)
    assert found == kind
    assert same(list(decode(found, len(values), body)), values)


@BOUNDED
@given(st.lists(LEAVES, min_size=1, max_size=20))
def test_any_values_come_back_as_they_were(values: list[Any]) -> None:
    kind, body = encode(values)
    assert same(list(decode(kind, len(values), body)), values)


@BOUNDED
@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_a_path_leads_where_a_look_into_the_row_leads(row: dict[str, Any]) -> None:
    inside: set[str] = set()
    for name, value in flat(row, inside).items():
        found = picked(row, (name,))
        assert found is not None
        assert name in inside or same(found[name], value)


@BOUNDED
@given(ROWS)
def test_columns_have_every_value_in_its_row(rows: list[dict[str, Any]]) -> None:
    rows = stepped(rows)
    group = build(rows)
    assert group.ordered
    for name, column in group.columns.items():
        if column.kind == "o":
            continue
        values = iter(decode(column.kind, column.count, column.body))
        for at, row in enumerate(rows):
            if column.mask is None or column.mask[at]:
                assert same(flat(row, set())[name], next(values))
            else:
                assert name not in flat(row, set())


@BOUNDED
@given(ROWS, ROWS)
def test_joined_groups_are_those_of_all_their_rows(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> None:
    first, second = stepped(first), stepped(second, len(first))
    if not (first and second):
        return
    joined, whole = join([build(first), build(second)]), build(first + second)
    assert joined.columns.keys() == whole.columns.keys()
    for name, column in joined.columns.items():
        other = whole.columns[name]
        assert (column.kind, column.count) == (other.kind, other.count)
        if column.kind != "o":
            assert column.mask == other.mask
            assert same(list(decode(column.kind, column.count, column.body)),
                        list(decode(other.kind, other.count, other.body)))
        assert same(column.facts, other.facts)


@BOUNDED
@given(st.lists(LEAVES, min_size=2, max_size=12), st.integers(1, 11))
def test_facts_of_two_pieces_add_up(values: list[Any], at: int) -> None:
    at = min(at, len(values) - 1)
    added = add(facts_of(values[:at]), facts_of(values[at:]))
    assert json.dumps(added, sort_keys=True) == json.dumps(facts_of(values), sort_keys=True)


def test_rows_that_go_back_are_not_ordered_but_their_facts_follow_the_steps() -> None:
    group = build([{"_step": 5, "a": 1}, {"_step": 2, "a": 0}, {"a": 9}, {"_step": 3.0, "a": 0.5}])
    assert not group.ordered
    assert (group.low, group.high) == (2, 5)
    assert group.columns["a"].facts == {"types": {"number": 3}, "monotonic": True, "first": 0, "last": 1}
