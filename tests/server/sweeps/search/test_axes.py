"""Parameters as axes: which are in order, which are few, and the way from a value to its place and back."""

from __future__ import annotations

import math
from typing import Any

import pytest

from dumbbell_server.sweeps.search.axes import Axis, axes_of, config_of, places_of
from dumbbell_server.sweeps.search.space import read_space


def axis(**parameter: Any) -> Axis:
    return axes_of(read_space({"x": parameter}, method="bayes"))[0]


def test_numbers_are_in_order_whichever_way_they_are_listed() -> None:
    made = axis(values=[64, 16, 32.0, 128, 16])
    assert not made.category
    assert made.levels == [16, 32.0, 64, 128]
    assert made.places == [0.125, 0.375, 0.625, 0.875]
    assert made.edges == pytest.approx([0.4, 0.6, 0.8])  # 16 is drawn twice as often
    assert made.place(32) == 0.375
    assert made.place(33) is None
    assert [made.value(place) for place in made.places] == made.levels


@pytest.mark.parametrize("values", [["a", "b", "c"], [1, 2], [True, False, 3], [1, 2, "x"], [[1], {"a": 2}, None]])
def test_other_values_are_categories(values: list[Any]) -> None:
    made = axis(values=values)
    assert made.category
    assert [made.place(value) for value in values] == list(range(len(values)))
    assert [made.value(float(number)) for number in range(len(values))] == values
    assert made.place("no such") is None


def test_what_is_never_drawn_is_no_level() -> None:
    made = axis(values=["a", "b", "c"], probabilities=[0.5, 0, 0.5])
    assert made.levels == ["a", "c"]
    assert made.edges == [0.5]


def test_few_whole_numbers_are_levels_and_many_are_not() -> None:
    few, many = axis(min=2, max=5), axis(min=0, max=10**6)
    assert few.levels == [2, 3, 4, 5]
    assert few.edges == [0.25, 0.5, 0.75]
    assert [few.place(level) for level in few.levels] == list(few.places)
    assert many.levels is None
    assert many.value(0.5) == 500_000
    assert many.place(500_000) == pytest.approx(0.5, abs=1e-5)


def test_few_steps_are_levels_and_many_are_not() -> None:
    tenths = axis(min=0, max=1, q=0.1)
    assert tenths.levels == [number / 10 for number in range(11)]
    assert tenths.place(0.3) == pytest.approx(0.3)
    assert tenths.edges[:2] == pytest.approx([0.05, 0.15])
    decades = axis(distribution="q_log_uniform_values", min=10, max=100, q=30)
    assert decades.levels == [0, 30, 60, 90]
    assert decades.places == pytest.approx([-1, math.log10(3), math.log10(6), math.log10(9)])
    assert list(decades.edges) == sorted(decades.edges)
    for q in (1e-6, 1e-300):
        assert axis(min=0, max=1, q=q).levels is None
    assert axis(distribution="q_normal", q=1e300).levels == [0.0]


def test_scales_of_logarithms_are_straight() -> None:
    rate = axis(distribution="log_uniform_values", min=1e-5, max=0.1)
    assert [rate.place(10.0 ** power) for power in (-5, -4, -3, -2, -1)] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert rate.value(0.5) == pytest.approx(1e-3)


def test_what_lies_outside_is_near_the_bounds() -> None:
    made = axis(min=0.0, max=10.0)
    assert [made.place(value) for value in (-4.0, 14.0, -1e200, 1e200)] == pytest.approx([-0.4, 1.4, -1, 2])


def test_a_config_has_places_and_places_a_config() -> None:
    space = read_space({"a": {"min": 0.0, "max": 2.0}, "n": {"parameters": {"b": {"values": ["x", "y"]}}},
                        "k": {"value": {"deep": 1}}}, method="bayes")
    axes = axes_of(space)
    config = {"a": 0.5, "n": {"b": "y"}, "k": {"deep": 1}}
    assert places_of(space, axes, {**config, "other": 1}) == [0.25, 1.0]
    assert config_of(space, axes, [0.25, 1.0]) == config
    for lacking in ({}, {"a": 0.5}, {"a": 0.5, "n": 3}, {"a": "0.5", "n": {"b": "y"}}, {"a": 0.5, "n": {"b": "z"}},
                    {"a": None, "n": {"b": "y"}}, {"a": math.nan, "n": {"b": "y"}}):
        assert places_of(space, axes, lacking) is None
