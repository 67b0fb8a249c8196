"""A line that is replaced costs what its piece has, not what came with it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from dumbbell_server.history.ingest import writing
from dumbbell_server.history.packing import pieces
from support.run_history import rows, stored_by_step
from support.world import World


@pytest.mark.parametrize(("lines", "sizes"), [
    (["x"], [1]), (["x"] * 2000, [2000]), (["x"] * 2001, [2000, 1]), (["x"] * 6000, [2000] * 3),
    (["x" * (3 << 20)] * 3, [1, 1, 1]), (["x" * (9 << 20)], [1]), (["", "x" * (9 << 20), ""], [1, 1, 1])])
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

    def counting(body: bytes) -> Any:
        lines = unpack(body)
        unpacked.append(len(lines))
        return lines

    monkeypatch.setattr(writing, "unpack", counting)
    world.history("r", rows(5000, again=True), 5000)
    assert sum(unpacked) <= 3 * 2000
    assert stored_by_step(world)[4999:5002] == [*rows(4999), *rows(5000, again=True), *rows(5001)]
    assert len(stored_by_step(world)) == 10_000


def test_a_long_post_that_is_tried_again_changes_nothing(world: World) -> None:
    world.upsert()
    for _ in range(2):
        world.history("r", rows(*range(5000)))
    assert world.count("chunks") == 3
    with world.backend.database.engine.connect() as connection:
        assert connection.execute(text("SELECT history_generation FROM runs")).scalar() == 0
    assert world.run("historyLineCount") == {"historyLineCount": 5000}
