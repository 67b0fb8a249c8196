"""A line that is replaced costs what its piece has, not what came with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from dumbbell_server.history.ingest import writing
from dumbbell_server.history.packing import pack, pieces, size_of
from dumbbell_server.history.queries import insert
from dumbbell_server.history.tables import HISTORY
from support.run_history import compact, end, line_count, rewind, rows, stored_by_step
from support.world import World


@pytest.mark.parametrize(("lines", "sizes"), [
    (["x"], [1]), (["x"] * 2000, [2000]), (["x"] * 2001, [2000, 1]), (["x"] * 6000, [2000] * 3),
    (["x" * (3 << 20)] * 3, [1, 1, 1]), (["x" * (9 << 20)], [1]), (["", "x" * (9 << 20), ""], [1, 1, 1]),
    ([], [])])
def test_pieces_are_bounded_and_hold_all(lines: list[str], sizes: list[int]) -> None:
    found = list(pieces(7, lines))
    assert [len(some) for _, some in found] == sizes
    assert [first for first, _ in found] == [7 + sum(sizes[:at]) for at in range(len(sizes))]
    assert [line for _, some in found for line in some] == lines


def test_one_line_into_a_long_post_packs_a_piece_of_it_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.upsert()
    world.history("r", rows(*range(10_000)))
    unpacked: list[int] = []
    unpack = writing.unpack

    def counting(body: bytes, count: int | None = None) -> Any:
        lines = unpack(body, count)
        unpacked.append(len(lines))
        return lines

    monkeypatch.setattr(writing, "unpack", counting)
    world.history("r", rows(5000, again=True), 5000)
    assert sum(unpacked) <= 3 * 2000
    assert stored_by_step(world)[4999:5002] == [*rows(4999), *rows(5000, again=True), *rows(5001)]
    assert len(stored_by_step(world)) == 10_000


@pytest.fixture
def long_chunk(world: World) -> World:
    """10,000 rows in one chunk, as an earlier version stored what came at once."""
    world.upsert()
    world.history("r", rows(*range(10_000)))
    lines = [json.dumps(row) for row in rows(*range(10_000))]
    with world.backend.database.engine.begin() as connection:
        run = connection.execute(text("SELECT id FROM runs")).scalar_one()
        connection.execute(text("DELETE FROM chunks"))
        insert(connection, run, HISTORY, "", pack(0, lines, steps=True))
    return world


def chunks(world: World) -> dict[int, int]:
    """How many lines each chunk has."""
    with world.backend.database.engine.connect() as connection:
        return {row.id: row.line_count for row in connection.execute(text("SELECT id, line_count FROM chunks"))}


def test_what_is_left_of_a_long_chunk_is_in_pieces(long_chunk: World) -> None:
    long_chunk.history("r", rows(5000, again=True), 5000)
    before = chunks(long_chunk)
    assert max(before.values()) == 2000
    long_chunk.history("r", rows(2500, again=True), 2500)
    written = {number: count for number, count in chunks(long_chunk).items() if number not in before}
    assert sum(written.values()) <= 2000
    assert stored_by_step(long_chunk) == [
        *rows(*range(2500)), *rows(2500, again=True), *rows(*range(2501, 5000)), *rows(5000, again=True),
        *rows(*range(5001, 10_000))]


def test_what_a_rewind_leaves_of_a_long_chunk_is_in_pieces(long_chunk: World) -> None:
    rewind(long_chunk, 8000)
    assert max(chunks(long_chunk).values()) == 2000
    assert stored_by_step(long_chunk) == rows(*range(8001))


def test_rows_that_come_again_after_they_were_packed_again_change_nothing(world: World) -> None:
    world.upsert()
    for first in range(0, 100, 10):
        world.history("r", rows(*range(first, first + 10)), first)
    end(world)
    compact(world)
    before = chunks(world)
    assert len(before) == 1
    world.history("r", rows(*range(50, 60)), 50)
    assert chunks(world) == before
    assert world.count("column_groups") == 1
    assert (stored_by_step(world), line_count(world)) == (rows(*range(100)), 100)
    world.history("r", rows(55, again=True), 55)
    assert stored_by_step(world) == [*rows(*range(55)), *rows(55, again=True), *rows(*range(56, 100))]


def test_a_long_post_that_is_tried_again_changes_nothing(world: World) -> None:
    world.upsert()
    for _ in range(2):
        world.history("r", rows(*range(5000)))
    assert world.count("chunks") == 3
    with world.backend.database.engine.connect() as connection:
        assert connection.execute(text("SELECT history_generation FROM runs")).scalar() == 0
    assert world.run("historyLineCount") == {"historyLineCount": 5000}


def test_what_a_chunk_was_before_is_known_from_its_head() -> None:
    assert size_of(pack(0, ["é" * 1000, "b"], steps=False).body) == 2002
