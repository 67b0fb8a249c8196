"""Formulas of histories: values, noise that repeats, and nothing but arithmetic."""

from __future__ import annotations

import math

import pytest

from dumbbell_server.errors import BadInput
from dumbbell_server.seeding.made.formula import noise, read_formula


def at(text: str, step: int, seed: str = "x") -> float:
    return read_formula(text).values(step + 1, seed)[step]


def test_formulas_have_values() -> None:
    assert at("1 / (1 + 0.1 * step)", 10) == 0.5
    assert at("-sin(step) ** 2 + max(1, sqrt(4), 0)", 1) == round(2 - math.sin(1) ** 2, 6)
    assert at("step % 3", 8) == 2
    assert read_formula("7").values(3, "x") == [7.0, 7.0, 7.0]


def test_noise_repeats_for_the_same_seed_and_step() -> None:
    assert at("noise", 3, "a") == at("noise", 3, "a") != at("noise", 3, "b")
    assert read_formula("noise").values(5, "a") == read_formula("noise").values(9, "a")[:5]
    assert at("noise(0.01)", 3) == round(float(noise("x", 4)[3]) * 0.01, 6)
    drawn = noise("a", 20_000)
    assert -1 <= drawn.min() < -0.99 < 0.99 < drawn.max() <= 1
    assert abs(drawn.mean()) < 0.02
    assert noise("a", 2).tolist() == [-0.8063246398842242, 0.6406304065461668]  # on every machine


@pytest.mark.parametrize("text", [
    "__import__('os')", "().__class__", "9**9**9", "step.real", "open", "exp", "lambda: 1", "'a' * 9", "[1]", "True",
    "1j", "1 if step else 2", "min(1)", "exp(1, 2)", "exp(*step)", "(-1) ** 0.5", "1e308 * 10", "9" * 400, "step(1)",
    "1 +" * 120 + "1", "(" * 240 + "1" + ")" * 240, "", "x := 1", "noise()", "1 / step",
])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        read_formula(text).values(2, "x")
