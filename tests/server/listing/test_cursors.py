"""Cursors: what is written is read again, and nothing else is."""

from __future__ import annotations

import base64
import math

import pytest

from dumbbell_server import ids
from dumbbell_server.errors import BadInput
from dumbbell_server.listing import cursors
from dumbbell_server.listing.orders import BOOLS, NOTHINGS, NUMBERS, OBJECTS, TEXTS, Key, Position
from dumbbell_server.listing.tree import Field


def keys(count: int) -> tuple[Key, ...]:
    return tuple(Key(Field(f"key{number}"), descending=False) for number in range(count))


def raw(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("position", [
    (), ((NUMBERS, 1),), ((NUMBERS, -0.5),), ((NUMBERS, 2**70),), ((NUMBERS, math.inf),), ((TEXTS, 'ü\n"'),),
    ((BOOLS, 1), (NOTHINGS, 0), (OBJECTS, "[1]"))])
def test_a_position_is_read_as_it_was_written(position: Position) -> None:
    for number in (0, 7, ids.MAX_ID, -ids.MAX_ID):
        assert cursors.read(cursors.write(position, number), keys(len(position))) == (position, number)


def test_without_a_cursor_it_is_the_first_page() -> None:
    assert cursors.read(None, keys(1)) is cursors.read("", keys(1)) is None


@pytest.mark.parametrize("cursor", [
    "x", "ü", raw("null"), raw("[]"), raw("[[],1]"), raw("[[[0,1],[0,1]],1]"), raw("[[[0,1]]]"),
    raw("[[[0,1]],1.0]"), raw("[[[0,1]],true]"), raw("[[[0,1]],null]"), raw(f"[[[0,1]],{ids.MAX_ID + 1}]"),
    raw(f"[[[0,1]],{-ids.MAX_ID - 1}]"), raw('[[[0,"x"]],1]'), raw("[[[0,NaN]],1]"), raw("[[[0,true]],1]"),
    raw("[[[1,1]],1]"), raw("[[[9,1]],1]"), raw("[[[0,1,2]],1]"), raw("[" * 100_000), raw("[[[[],1]],1]"),
    cursors.write(((NUMBERS, 1),), 1)[:-1], cursors.write(((NUMBERS, 1),), 1) + "!"])
def test_what_is_no_cursor_of_the_order_is_refused(cursor: str) -> None:
    with pytest.raises(BadInput, match="is not a cursor of this list"):
        cursors.read(cursor, keys(1))
