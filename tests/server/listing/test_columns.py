"""A table that was changed again and again answers as one that was made of its rows just now."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dumbbell_server.listing import columns, cursors
from dumbbell_server.listing.columns import Found, Table
from dumbbell_server.listing.filters import plain, read
from dumbbell_server.listing.orders import Key, Position, parse_order
from dumbbell_server.listing.tree import Field
from dumbbell_server.listing.values import MISSING

A, B = plain("a"), plain("b")
CELLS = st.sampled_from([0.5, 1, 1.0, 2, -3.5, 10**20, math.nan, math.inf, -math.inf, "x", "y", "x" * 300, True, None,
                         [1], [2, "x"], {"k": 1}, MISSING])
CHANGES = st.lists(st.tuples(st.integers(1, 12), CELLS, CELLS), max_size=6)
STEPS = st.lists(st.one_of(CHANGES, st.sets(st.integers(1, 12), max_size=3)), min_size=1, max_size=6)
KEYS = st.sampled_from(["+a", "-a", "+b", "-b", "+a,-b", "-b,+a"])
FILTERS = st.sampled_from([{}, {"a": {"$gt": 0}}, {"a": "x"}, {"b": {"$exists": True}}, {"a": {"$not": {"$lte": 1}}},
                           {"$or": [{"a": 1}, {"b": 1}]}, {"a": {"$type": "array"}}, {"c": None}])


def keys_of(text: str) -> tuple[Key, ...]:
    return parse_order(text, lambda name: plain(name) if name in {"a", "b"} else None, "a, b")


def table_of(rows: dict[int, tuple[Any, Any]]) -> Table:
    made = Table(sorted(rows))
    for index, field in enumerate((A, B)):
        made.add_column(field, {number: cells[index] for number, cells in rows.items()})
    return made


def answer(table: Table, filters: dict[str, Any], text: str, after: tuple[Position, int] | None = None,
           size: int = 100) -> Found:
    return table.page(table.passing(read(filters, plain), {}), keys_of(text), after, size)


@example(steps=[[(2, 0.5, 0.5)], {2}, [(2, 0.5, 0.5)], [(2, 1, 0.5)]], filters={}, text="+a", size=1)
@given(steps=STEPS, filters=FILTERS, text=KEYS, size=st.integers(1, 4))
def test_a_changed_table_is_as_good_as_new(steps: list[Any], filters: dict[str, Any], text: str, size: int) -> None:
    rows: dict[int, tuple[Any, Any]] = {}
    table = table_of(rows)
    for step in steps:
        if isinstance(step, set):
            rows = {number: cells for number, cells in rows.items() if number not in step}
            table.keep_only(rows)
        else:
            rows |= {number: (a, b) for number, a, b in step}
            table.change([A, B], [(number, [a, b]) for number, a, b in step])
        whole = answer(table, filters, text)
        fresh = answer(table_of(rows), filters, text)
        assert json.dumps(whole.rows) == json.dumps(fresh.rows)
        assert whole.count == fresh.count == len(whole.rows)
        seen, after = [], None
        while True:
            page = answer(table, filters, text, after, size)
            seen += page.rows
            if not page.more:
                break
            number, place = page.rows[-1]
            after = cursors.read(cursors.write(place, number), keys_of(text))
        assert json.dumps(seen) == json.dumps(whole.rows)


def test_kept_results_are_bounded_and_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_TESTS_KEPT", 3)
    monkeypatch.setattr(columns, "_ORDERS_KEPT", 1)
    table = table_of({number: (number, -number) for number in range(1, 50)})
    for _ in range(2):
        for bound in range(1, 30):
            for text in ("+a", "-b"):
                assert answer(table, {"a": {"$lt": bound}}, text).count == bound - 1
        table.change([A, B], [(1, [1, 5])])
    assert [number for number, _ in answer(table, {}, "-b", size=2).rows] == [1, 2]


def test_a_column_that_was_let_go_takes_its_orders_along() -> None:
    table = table_of({1: (1, 1), 2: (0, 2)})
    assert [number for number, _ in answer(table, {}, "+a").rows] == [2, 1]
    before = table.size
    table.forget(A)
    assert table.size < before
    table.add_column(A, [5, 6])
    assert [number for number, _ in answer(table, {}, "+a").rows] == [1, 2]


def test_cells_that_all_rows_share_need_no_column() -> None:
    table = table_of({1: (1, 1), 2: (0, 2)})
    tree = read({"entity": "e"}, Field)
    assert table.passing(tree, {"entity": "e"}).bit_count() == 2
    assert table.passing(tree, {"entity": "f"}).bit_count() == 0


def test_an_order_is_cut_at_commas_between_keys_only() -> None:
    known = {"a", "b", "m.x,y"}
    parsed = parse_order("+m.x,y,-a, b", lambda name: plain(name) if name in known else None, "a")
    assert [(key.field, key.descending) for key in parsed] == [
        (plain("m.x,y"), False), (plain("a"), True), (plain("b"), False)]
