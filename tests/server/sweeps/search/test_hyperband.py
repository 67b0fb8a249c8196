"""Which runs Hyperband stops, with what W&B's own `sweeps` 0.3.0 decides of the same runs."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from dumbbell_server.errors import BadInput
from dumbbell_server.sweeps.search.hyperband import Track, read_hyperband, to_stop


def some_tracks(seed: int) -> list[Track]:
    """Fourteen runs of up to 24 values that fall, with noise; some have ended."""
    made, chance = [], random.Random(seed)
    for number in range(14):
        length, start = chance.randint(0, 24), chance.uniform(0, 10)
        running = chance.random() < 0.6
        made.append(Track(f"r{number}", running, [round(start / (1 + 0.2 * at) + chance.gauss(0, 1), 2)
                                                  for at in range(length)]))
    return made


FIRST = {"type": "hyperband", "min_iter": 1}
SECOND = {"type": "hyperband", "min_iter": 3, "eta": 2}
LAST = {"type": "hyperband", "max_iter": 27, "s": 2}
MILD = {"type": "hyperband", "max_iter": 30, "s": 3, "eta": 2.5, "strict": False}
CLOSE = {"type": "hyperband", "min_iter": 2, "eta": 1.5, "strict": False}
BOTH = {"type": "hyperband", "max_iter": 20, "s": 9, "eta": 1.7, "min_iter": 5}
FAR = {"type": "hyperband", "min_iter": 4, "eta": 8, "strict": True}

# What sweeps.hyperband_stopping.hyperband_stop_runs answers, and its bands up to 300.
DECISIONS: list[tuple[dict[str, Any], int, str, str, list[int]]] = [
    (FIRST, 1, "minimize", "r1 r4 r6 r9 r10 r11 r12", [1, 3, 9, 27, 81, 243]),
    (FIRST, 2, "maximize", "r0 r1 r5 r7 r11", [1, 3, 9, 27, 81, 243]),
    (FIRST, 3, "minimize", "r2 r3 r8 r12", [1, 3, 9, 27, 81, 243]),
    (SECOND, 1, "minimize", "r1 r4 r9 r10 r11", [3, 6, 12, 24, 48, 96, 192]),
    (SECOND, 2, "maximize", "r7 r13", [3, 6, 12, 24, 48, 96, 192]),
    (SECOND, 3, "minimize", "r2 r12", [3, 6, 12, 24, 48, 96, 192]),
    (LAST, 1, "minimize", "r1 r4 r6 r9 r10 r11 r12", [3, 9]),
    (LAST, 2, "maximize", "r1 r5 r7", [3, 9]),
    (LAST, 3, "minimize", "r2 r3 r12", [3, 9]),
    (MILD, 1, "minimize", "r1 r4 r9 r11", [1, 4, 12]),
    (MILD, 2, "maximize", "r0 r7 r11", [1, 4, 12]),
    (MILD, 3, "minimize", "r2 r8", [1, 4, 12]),
    (CLOSE, 1, "minimize", "r11", [2, 3, 4, 6, 10, 15, 22, 34, 51, 76, 115, 172, 259]),
    (CLOSE, 2, "maximize", "", [2, 3, 4, 6, 10, 15, 22, 34, 51, 76, 115, 172, 259]),
    (CLOSE, 3, "minimize", "r2", [2, 3, 4, 6, 10, 15, 22, 34, 51, 76, 115, 172, 259]),
    (BOTH, 1, "minimize", "r1 r7 r9 r11", [1, 2, 4, 6, 11]),
    (BOTH, 2, "maximize", "r0 r7 r11 r13", [1, 2, 4, 6, 11]),
    (BOTH, 3, "minimize", "r2 r3 r5 r8", [1, 2, 4, 6, 11]),
    (FAR, 1, "minimize", "r1 r3 r4 r6 r7 r9 r10 r11 r12", [4, 32, 256]),
    (FAR, 2, "maximize", "r1 r5 r7 r9 r13", [4, 32, 256]),
    (FAR, 3, "minimize", "r0 r2 r3 r10 r12", [4, 32, 256]),
]


@pytest.mark.parametrize(("config", "seed", "goal", "names", "bands"), DECISIONS)
def test_it_decides_as_wandb_does(config: dict[str, Any], seed: int, goal: str, names: str, bands: list[int]) -> None:
    rules = read_hyperband(config)
    assert [band for band in rules.bands if band <= 300] == bands
    assert to_stop(rules, some_tracks(seed), maximize=goal == "maximize") == names.split()


def test_ended_runs_count_and_are_not_stopped() -> None:
    rules = read_hyperband({"type": "hyperband", "min_iter": 2, "eta": 2})
    worse = Track("worse", True, [9.0, 5.0])
    assert to_stop(rules, [worse, Track("better", False, [9.0, 1.0])], maximize=False) == []
    tracks = [worse, Track("a", False, [9.0, 1.0]), Track("b", False, [1.0, 2.0]), Track("c", False, [0.0])]
    assert to_stop(rules, tracks, maximize=False) == ["worse"]
    assert to_stop(rules, tracks, maximize=True) == []
    assert to_stop(rules, [], maximize=True) == []


def test_strict_looks_at_the_band_and_mild_at_the_best_so_far() -> None:
    others = [Track("a", False, [3.0, 3.0]), Track("b", False, [4.0, 4.0])]
    risen = Track("risen", True, [1.0, 9.0])
    config = {"type": "hyperband", "max_iter": 4, "s": 1, "eta": 2}
    assert to_stop(read_hyperband(config), [risen, *others], maximize=False) == ["risen"]
    assert to_stop(read_hyperband({**config, "strict": False}), [risen, *others], maximize=False) == []


@pytest.mark.parametrize(("config", "bands"), [
    ({"min_iter": 1, "max_iter": 27}, (1, 3, 9, 27)),  # W&B's own fails on these two without s
    ({"min_iter": 5, "max_iter": 3}, (5,)),
    ({"min_iter": 2.0, "s": 3, "more": 1}, read_hyperband({"type": "hyperband", "min_iter": 2}).bands),
    ({"max_iter": 10, "s": 100, "eta": 1.0001}, (9,)),
])
def test_bands(config: dict[str, Any], bands: tuple[int, ...]) -> None:
    assert read_hyperband({"type": "hyperband", **config}).bands == bands


def test_bands_end() -> None:
    for eta in (1 + 1e-12, 1e15, 10**15):
        bands = read_hyperband({"type": "hyperband", "min_iter": 1, "eta": eta}).bands
        assert len(bands) <= 100
        assert bands[-1] <= 10**15


@pytest.mark.parametrize(("config", "texts"), [
    (["hyperband"], ["mapping"]),
    ({}, ["type", "hyperband"]),
    ({"type": "median", "min_iter": 3}, ["type", "'median'"]),
    ({"type": "hyperband"}, ["min_iter", "max_iter and s"]),
    ({"type": "hyperband", "max_iter": 27}, ["min_iter", "max_iter and s"]),
    ({"type": "hyperband", "s": 2}, ["min_iter", "max_iter and s"]),
    ({"type": "hyperband", "min_iter": 0}, ["min_iter is 0"]),
    ({"type": "hyperband", "min_iter": 2.5}, ["min_iter is 2.5", "whole"]),
    ({"type": "hyperband", "min_iter": True}, ["min_iter is True"]),
    ({"type": "hyperband", "min_iter": "3"}, ["min_iter is '3'"]),
    ({"type": "hyperband", "min_iter": 10**400}, ["min_iter", "bits"]),
    ({"type": "hyperband", "max_iter": math.inf, "s": 2}, ["max_iter is inf"]),
    ({"type": "hyperband", "max_iter": 27, "s": 0}, ["s is 0"]),
    ({"type": "hyperband", "max_iter": 27, "s": 10**9}, ["s is 1000000000", "100"]),
    ({"type": "hyperband", "max_iter": 2, "s": 2}, ["max_iter is 2", "eta"]),
    ({"type": "hyperband", "min_iter": 2, "eta": 1}, ["eta is 1"]),
    ({"type": "hyperband", "min_iter": 2, "eta": math.nan}, ["eta is nan"]),
    ({"type": "hyperband", "min_iter": 2, "eta": [3]}, ["eta is of type list"]),
    ({"type": "hyperband", "min_iter": 2, "strict": "yes"}, ["strict is 'yes'"]),
])
def test_what_is_no_hyperband_is_refused_by_name(config: Any, texts: list[str]) -> None:
    with pytest.raises(BadInput) as caught:
        read_hyperband(config)
    assert all(text in str(caught.value) for text in texts), str(caught.value)
