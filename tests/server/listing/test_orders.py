"""Orders of rows by cells of any kind."""

from __future__ import annotations

import math
from typing import Any

import pytest

from dumbbell_server.errors import BadInput
from dumbbell_server.listing.orders import Key, comparable, parse_order, place
from dumbbell_server.listing.tree import Field

NAMES = {"name", "a,b", "loss"}
CELLS: list[Any] = [2, "b", None, math.nan, True, "a", {"k": 1}, -1.5, False, [0], 10, ""]


def resolve(name: str) -> Field | None:
    return Field(name) if name in NAMES else None


def ordered(order: str, cells: list[Any]) -> list[Any]:
    """The cells in that order; a row's number is its place in the list."""
    keys = parse_order(order, resolve, "name")
    rows = [(comparable((place(cell),), keys, number), cell) for number, cell in enumerate(cells)]
    return [cell for _, cell in sorted(rows, key=lambda row: row[0])]


def test_numbers_come_before_texts_and_nothing_last_both_ways() -> None:
    assert repr(ordered("+name", CELLS)) == repr(
        [-1.5, 2, 10, "", "a", "b", False, True, [0], {"k": 1}, None, math.nan])
    assert repr(ordered("-name", CELLS)) == repr(
        [10, 2, -1.5, "b", "a", "", True, False, {"k": 1}, [0], math.nan, None])


def test_ties_go_by_age_as_the_first_key_goes() -> None:
    for order, numbers in (("+name,-loss", [0, 1, 2]), ("-name,+loss", [2, 1, 0])):
        keys = parse_order(order, resolve, "name")
        rows = [(comparable((place("x"), place(1)), keys, number), number) for number in range(3)]
        assert [number for _, number in sorted(rows)] == numbers


def test_long_texts_are_compared_by_what_a_cursor_holds() -> None:
    assert place("x" * 256 + "a") == place("x" * 256 + "b")
    assert place("x" * 255 + "a") < place("x" * 255 + "b")


@pytest.mark.parametrize(("order", "keys"), [
    ("name", [("name", False)]), ("+name", [("name", False)]), ("-name", [("name", True)]),
    (" -name , +loss", [("name", True), ("loss", False)]), ("name,loss", [("name", False), ("loss", False)]),
    ("-a,b", [("a,b", True)]), ("-name,-a,b,loss", [("name", True), ("a,b", True), ("loss", False)])])
def test_keys_are_cut_at_commas_that_are_in_no_name(order: str, keys: list[tuple[str, bool]]) -> None:
    assert parse_order(order, resolve, "name") == tuple(Key(Field(name), descending) for name, descending in keys)


@pytest.mark.parametrize("order", ["", "+", "-", "--name", "other", "name,", "name,+other"])
def test_what_is_no_key_is_named(order: str) -> None:
    with pytest.raises(BadInput, match="is one of name, with"):
        parse_order(order, resolve, "name")
