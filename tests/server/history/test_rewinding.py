"""A rewound run ends with a step."""

from __future__ import annotations

import json

from support.run_history import REWIND, keys, rewind, rows, stored
from support.world import World


def test_a_rewound_run_has_no_rows_after_the_step(world: World, run: str) -> None:
    world.history(run, rows(0, 1))
    world.history(run, rows(2, 3), 2)
    assert keys(world)["lastStep"] == 3
    rewound = rewind(world, 2)
    assert rewound["historyLineCount"] == 3
    assert json.loads(rewound["summaryMetrics"]) == {"_step": 2, "a": 20}
    assert stored(world) == rows(0, 1, 2)
    assert keys(world)["lastStep"] == 2
    world.history(run, rows(3, new=True), 3)
    assert stored(world) == [*rows(0, 1, 2), *rows(3, new=True)]
    assert keys(world)["lastStep"] == 3


def test_a_rewind_to_no_step_is_refused(world: World, run: str) -> None:
    world.history(run, rows(0, 1))
    world.errors(REWIND, {"run": "r", "step": 0.5}, status=400)
    assert stored(world) == rows(0, 1)
