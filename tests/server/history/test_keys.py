"""The keys of a history, in the order of its steps."""

from __future__ import annotations

import pytest

from dumbbell_server.database.engine import snapshot
from dumbbell_server.history import worker
from dumbbell_server.history.reading.keys import keep, key_document
from dumbbell_server.history.tables import KeysRow
from dumbbell_server.runs.tables import RunRow
from support.run_history import keys, rows
from support.world import World

pytestmark = pytest.mark.usefixtures("run")


def test_without_history_there_are_no_keys(world: World, run: str) -> None:
    assert run
    assert keys(world) is None


def test_keys_are_kept_up_over_posts(world: World, run: str) -> None:
    world.history(run, rows(0, 1))
    first = keys(world)
    assert first["lastStep"] == 1
    assert first["keys"]["a"] == {"typeCounts": [{"type": "number", "count": 2}], "monotonic": True,
                                  "previousValue": 10}
    world.history(run, [{"_step": 2, "a": "text"}, {"_step": 7, "b": 1}], 2)
    second = keys(world)
    assert second["lastStep"] == 7
    assert second["keys"]["a"]["previousValue"] == "text"
    assert second["keys"]["a"]["monotonic"] is False
    assert second["keys"]["a"]["typeCounts"] == [{"type": "number", "count": 2}, {"type": "string", "count": 1}]
    assert second["keys"]["b"]["previousValue"] == 1
    assert keys(world) == second


def test_keys_follow_lines_that_are_overwritten(world: World, run: str) -> None:
    world.history(run, rows(0, 1, 9))
    assert keys(world)["lastStep"] == 9
    world.history(run, [{"_step": 2, "b": 5}], 2)
    found = keys(world)
    assert found["lastStep"] == 2
    assert found["keys"]["a"]["previousValue"] == 10
    assert found["keys"]["a"]["typeCounts"] == [{"type": "number", "count": 2}]
    assert found["keys"]["b"]["previousValue"] == 5


def test_keys_of_a_filled_gap_know_the_last_line(world: World, run: str) -> None:
    world.history(run, rows(0))
    world.history(run, rows(2), 2)
    world.history(run, rows(1), 1)
    found = keys(world)
    assert (found["lastStep"], found["keys"]["a"]["previousValue"]) == (2, 20)


def test_keys_follow_steps_where_writers_and_gaps_bring_rows_late(world: World) -> None:
    world.history("r", [{"_step": 0, "a": 1}, {"_step": 5, "a": 6}], x_wandb_async_client_id="x")
    assert keys(world)["keys"]["a"]["monotonic"] is True
    world.history("r", [{"_step": 3, "a": 2}, {"_step": 4, "a": 3}], x_wandb_async_client_id="y")
    found = keys(world)["keys"]["a"]
    assert (found["previousValue"], found["monotonic"], found["typeCounts"]) == (
        6, True, [{"type": "number", "count": 4}])
    world.history("r", [{"_step": 1, "a": 9}], 2, x_wandb_async_client_id="y")
    found = keys(world)["keys"]["a"]
    assert (found["previousValue"], found["monotonic"]) == (6, False)


def test_keys_of_a_filled_gap_are_in_the_order_of_steps(world: World) -> None:
    world.history("r", rows(0, 1))
    world.history("r", rows(5), 5)
    assert keys(world)["keys"]["a"]["previousValue"] == 50
    world.history("r", [{"_step": 3, "a": -1}], 3)
    found = keys(world)
    assert (found["lastStep"], found["keys"]["a"]["previousValue"], found["keys"]["a"]["monotonic"]) == (5, 50, False)


def test_keys_kept_late_do_not_stand_for_rows_that_have_changed(world: World) -> None:
    world.history("r", rows(0, 1, 9))
    with snapshot(world.backend.database) as session:
        run = session.get_one(RunRow, 1)
        _, late = key_document(session, run)
    assert late is not None
    world.history("r", [{"_step": 2, "b": 5}], 2)
    world.backend.write(None, keep, [late])
    assert keys(world)["lastStep"] == 2
    assert set(keys(world)["keys"]) == {"_step", "a", "b"}


def test_keys_that_a_read_has_made_are_kept_by_the_background(world: World) -> None:
    world.history("r", rows(0, 1))
    made = keys(world)
    assert world.count("history_keys") == 0
    world.client.app.state.worker._keep_keys()
    assert world.count("history_keys") == 1
    with world.backend.database.reading() as session:
        run = session.get_one(RunRow, 1)
        document, fresh = key_document(session, run)
    assert (document, fresh) == (made, None)
    assert keys(world) == made
    world.history("r", rows(2), 2)
    assert keys(world)["lastStep"] == 2


def test_the_background_holds_no_more_keys_than_it_may(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_KEYS_HELD", 0)
    world.history("r", rows(0, 1))
    assert keys(world)["lastStep"] == 1
    world.client.app.state.worker._keep_keys()
    assert world.count("history_keys") == 0


def test_keys_of_a_run_that_is_gone_are_not_kept_but_those_of_others_are(world: World) -> None:
    documents = [KeysRow(run_id=number, generation=1, lines=2, document="{}") for number in (99, 1)]
    world.backend.write(None, keep, documents)
    assert world.count("history_keys") == 1
