"""When the work in the background is done."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dumbbell_server.history import worker
from dumbbell_server.wiring import make_worker
from support.run_history import end, rows
from support.world import open_world


def test_held_still_it_works_when_it_is_asked_and_not_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_TICK", 0.01)
    with open_world(tmp_path, background=False) as world:
        world.upsert("r")
        world.history("r", rows(*range(10)))
        end(world)
        thread = make_worker(world.backend)
        thread.start()
        try:
            time.sleep(0.3)  # ticks enough: work of an earlier server is due at once
            assert (thread.left(), world.count("column_groups")) == (1, 0)
            thread.hurry()
            deadline = time.monotonic() + 60
            while thread.left() and time.monotonic() < deadline:
                time.sleep(0.01)
            assert (thread.left(), world.count("column_groups")) == (0, 1)
        finally:
            thread.stop()
