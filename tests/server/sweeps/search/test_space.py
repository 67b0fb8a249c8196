"""What a sweep's parameters mean, with values that W&B's own `sweeps` 0.3.0 gives for the same."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
import yaml

from dumbbell_server.errors import BadInput
from dumbbell_server.sweeps.search.distributions import Real, Whole
from dumbbell_server.sweeps.search.space import Space, read_space

HUGE = 10**300


def space(parameters: Mapping[str, Any], method: str = "random") -> Space:
    return read_space(parameters, method=method)


def grid(parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    made = space(parameters, "grid")
    return [made.combination(number) for number in range(made.count() or 0)]


# What sweeps.params.HyperParameter.ppf answers at these parts of all draws.
AT = [0.001, 0.03, 0.26, 0.51, 0.77, 0.999]
MEANINGS: list[tuple[dict[str, Any], list[Any]]] = [
    ({"distribution": "int_uniform", "min": -3, "max": 7}, [-3, -3, -1, 2, 5, 7]),
    ({"min": 1, "max": 6}, [1, 1, 2, 4, 5, 6]),
    ({"min": 1, "max": 6.0}, [1.005, 1.15, 2.3, 3.55, 4.85, 5.995]),
    ({"min": -2.5, "max": 6}, [-2.4915, -2.245, -0.29, 1.835, 4.045, 5.9915]),
    ({"distribution": "uniform", "min": 1, "max": 5}, [1.004, 1.12, 2.04, 3.04, 4.08, 4.996]),
    ({"distribution": "q_uniform", "min": 1, "max": 10, "q": 4}, [0, 0, 4, 4, 8, 8]),
    ({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.1}, [0.0, 0.0, 0.3, 0.5, 0.8, 1.0]),
    ({"distribution": "q_uniform", "min": 0.5, "max": 9.5}, [1.0, 1.0, 3.0, 5.0, 7.0, 9.0]),
    ({"distribution": "log_uniform", "min": -9.2, "max": 0},
     [0.000101973253465, 0.000133154559894, 0.00110490049261, 0.0110204791078, 0.12051271656, 0.990842190517]),
    ({"distribution": "log_uniform_values", "min": 1e-05, "max": 0.1},
     [1.00925288608e-05, 1.31825673856e-05, 0.000109647819614, 0.00109647819614, 0.0120226443462, 0.0990831944893]),
    ({"distribution": "q_log_uniform", "min": 0, "max": 5, "q": 2}, [2, 2, 4, 12, 46, 148]),
    ({"distribution": "q_log_uniform_values", "min": 1, "max": 300, "q": 0.5}, [1.0, 1.0, 4.5, 18.5, 81.0, 298.5]),
    ({"distribution": "inv_log_uniform", "min": 1, "max": 4},
     [0.0183706683083, 0.0200405010617, 0.0399550582607, 0.0845848590016, 0.184519523993, 0.366777456651]),
    ({"distribution": "inv_log_uniform_values", "min": 0.01, "max": 4},
     [0.0100600944927, 0.011969108386, 0.0474827209431, 0.212349183571, 1.0082917026, 3.97610579393]),
    ({"distribution": "normal"},
     [-3.09023230617, -1.88079360815, -0.643345405393, 0.0250689082587, 0.738846849185, 3.09023230617]),
    ({"distribution": "normal", "mu": 3, "sigma": 0.2},
     [2.38195353877, 2.62384127837, 2.87133091892, 3.00501378165, 3.14776936984, 3.61804646123]),
    ({"distribution": "q_normal", "mu": 10, "sigma": 5, "q": 3}, [-6, 0, 6, 9, 15, 24]),
    ({"distribution": "log_normal", "mu": 1, "sigma": 0.5},
     [0.57977443684, 1.06141528906, 1.97057878148, 2.75256844043, 3.93308232305, 12.7447083373]),
    ({"distribution": "q_log_normal", "mu": 3, "q": 5}, [0, 5, 10, 20, 40, 440]),
    ({"distribution": "beta"}, [0.001, 0.03, 0.26, 0.51, 0.77, 0.999]),
    ({"distribution": "beta", "a": 0.5, "b": 2.5},
     [3.4697840012e-07, 0.000312378019588, 0.0240275240031, 0.0998210990705, 0.271939838013, 0.904179276832]),
    ({"distribution": "beta", "a": 30, "b": 4},
     [0.65993078717, 0.763022081401, 0.852077682815, 0.89119506491, 0.925351635233, 0.986478097948]),
    ({"distribution": "q_beta", "a": 2, "b": 3, "q": 0.05}, [0.0, 0.05, 0.25, 0.4, 0.55, 0.95]),
    ({"values": ["a", "b", 3]}, ["a", "a", "a", "b", 3, 3]),
    ({"values": ["a", "b", "c"], "probabilities": [0.2, 0.7, 0.1]}, ["a", "a", "b", "b", "b", "c"]),
    ({"value": [1, 2]}, [[1, 2]] * 6),
]


def _about(expected: Any) -> Any:
    return pytest.approx(expected, rel=1e-9) if isinstance(expected, int | float) else expected


@pytest.mark.parametrize(("parameter", "expected"), MEANINGS)
def test_a_distribution_means_what_it_means_to_wandb(parameter: dict[str, Any], expected: list[Any]) -> None:
    distribution = space({"x": parameter}).parameters[0].distribution
    found = [distribution.at(u) for u in AT]
    assert found == [_about(each) for each in expected]
    whole = {"int_uniform", "q_uniform", "q_log_uniform", "q_normal", "q_log_normal"}
    if parameter.get("distribution") in whole and parameter.get("q", 1) >= 1:
        assert {type(each) for each in found} == {int}


@pytest.mark.parametrize("parameter", [parameter for parameter, _ in MEANINGS])
def test_a_place_is_the_way_back(parameter: dict[str, Any]) -> None:
    distribution = space({"x": parameter}).parameters[0].distribution
    places = [distribution.place(distribution.at(u)) for u in AT]
    if isinstance(distribution, Real):
        assert places == pytest.approx(AT, rel=1e-6)
    elif isinstance(distribution, Whole):
        assert all(distribution.at(place) == distribution.at(u) for place, u in zip(places, AT, strict=True))
    for value in ("text", None, True, math.nan, HUGE * 10**10):
        assert distribution.place(value) is None


def test_steps_are_written_as_a_person_writes_them() -> None:
    tenths = space({"x": {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.1}}, "grid")
    assert [repr(tenths.combination(number)["x"]) for number in range(11)] == [repr(n / 10) for n in range(11)]
    assert tenths.parameters[0].distribution.at(0.3) == 0.3


def test_draws_stay_where_they_belong() -> None:
    made = space({"a": {"min": 2, "max": 4}, "b": {"parameters": {"c": {"values": ["x", {"y": [1]}]}}},
                  "d": {"value": 7}, "e": {"values": [1, 2, 3], "probabilities": [0, 1, 0]}})
    draws = [made.sample(random.Random(seed)) for seed in range(60)]
    assert {draw["a"] for draw in draws} == {2, 3, 4}
    assert {json.dumps(draw["b"]) for draw in draws} == {'{"c": "x"}', '{"c": {"y": [1]}}'}
    assert {(draw["d"], draw["e"]) for draw in draws} == {(7, 2)}
    assert draws == [made.sample(random.Random(seed)) for seed in range(60)]


@pytest.mark.parametrize("parameter", [parameter for parameter, _ in MEANINGS])
@pytest.mark.parametrize("u", [0.0, 1 - 2**-53])
def test_the_ends_of_all_draws_are_values_too(parameter: dict[str, Any], u: float) -> None:
    value = space({"x": parameter}).parameters[0].distribution.at(u)
    assert not isinstance(value, float) or math.isfinite(value)


def test_a_grid_goes_through_values_in_their_order_and_the_last_parameter_first() -> None:
    found = grid({"b": {"values": [3, 1]}, "n": {"parameters": {"c": {"values": ["x", "y"]}, "k": {"value": None}}},
                  "a": {"distribution": "q_uniform", "min": 1, "max": 10, "q": 4}})
    assert found == [{"b": b, "n": {"c": c, "k": None}, "a": a} for b, c, a in product([3, 1], ["x", "y"], [1, 5, 9])]
    assert list(found[0]) == ["b", "n", "a"]


@pytest.mark.parametrize(("parameters", "count"), [
    ({}, 1),
    ({"a": {"value": 1}}, 1),
    ({"a": {"values": [1, 2, 3]}, "b": {"parameters": {"c": {"values": [4, 5, 6]}}}}, 9),
    ({"a": {"min": 1, "max": 5, "distribution": "int_uniform"}}, 5),
    ({"a": {"min": -2, "max": 2}}, 5),
    ({"a": {"min": 0.0, "max": 1.0, "q": 0.25, "distribution": "q_uniform"}}, 5),
    ({"a": {"min": 0, "max": 0.3, "q": 0.1}}, 4),
    ({"a": {"min": 0, "max": 0.35, "q": 0.1}}, 4),
    ({"a": {"values": [1, 1.0, True, "1", [1], [1.0], {"x": 1, "y": 2}, {"y": 2, "x": 1}]}}, 5),
    ({"a": {"values": [1, 2], "probabilities": [0.5, 0.5]}}, 2),
    ({"a": {"min": 0.0, "max": 1.0}}, None),
    ({"a": {"min": 1, "max": 5, "distribution": "uniform"}}, None),
    ({"a": {"values": [1]}, "b": {"parameters": {"c": {"distribution": "normal"}}}}, None),
    ({"a": {"min": 1, "max": 5, "distribution": "q_log_uniform_values"}}, None),
    ({"a": {"min": 0, "max": 1, "q": 5e-324}}, None),
    ({f"p{number}": {"min": 0, "max": 10**9} for number in range(1000)}, 2**63 - 1),
])
def test_a_grid_has_so_many_combinations(parameters: dict[str, Any], count: int | None) -> None:
    assert space(parameters, "grid").count() == count


def test_equal_values_are_one_in_a_grid_and_weigh_double_elsewhere() -> None:
    assert grid({"a": {"values": [2, 1, 2.0, 1]}}) == [{"a": 2}, {"a": 1}]
    draws = [space({"a": {"values": [1, 1, 1, 2]}}).sample(random.Random(seed))["a"] for seed in range(400)]
    assert 250 < draws.count(1) < 350


def test_what_a_grid_cannot_go_through_is_named() -> None:
    made = space({"a": {"values": [1]}, "n": {"parameters": {"c": {"distribution": "normal"}}}}, "grid")
    assert made.endless == ("n.c",)
    with pytest.raises(IndexError):
        made.combination(0)
    with pytest.raises(IndexError):
        space({"a": {"values": [1, 2]}}, "grid").combination(2)


def test_a_grid_is_never_listed() -> None:
    """Or this would not end."""
    made = space({"a": {"min": 0, "max": 10**9 - 1}, "b": {"min": 1e-300, "max": 1e300, "q": 1e295},
                  "c": {"min": -(2**63), "max": 2**63}}, "grid")
    assert made.count() == 2**63 - 1
    assert made.combination(3) == {"a": 0, "b": 1e-300, "c": 3 - 2**63}
    assert made.combination(2**64 + 5)["b"] == 1e295
    assert made.combination((2**64 + 1) * 100_001)["a"] == 1
    assert made.sample(random.Random(1)).keys() == {"a", "b", "c"}


def test_the_key_is_that_of_what_is_searched() -> None:
    made = space({"a": {"values": [1, 2]}, "n": {"parameters": {"c": {"values": [[1, 2], {"x": 1.5}]}}},
                  "k": {"value": 3}})
    key = made.key({"a": 1, "n": {"c": {"x": 1.5}}, "k": 3})
    same = [{"a": 1.0, "n": {"c": {"x": 1.5}}}, {"n": {"c": {"x": 1.5, "added": 1}, "more": 2}, "a": 1, "other": 3}]
    assert [made.key(each) for each in same] == [key, key]
    others = [{"a": True, "n": {"c": {"x": 1.5}}}, {"a": 2, "n": {"c": {"x": 1.5}}},
              {"a": "1", "n": {"c": {"x": 1.5}}}, {"a": 1, "n": {"c": [1, 2]}}, {"a": 1, "n": {"c": {}}},
              {"n": {"c": {"x": 1.5}}}, {}, {"a": 1}, {"a": 1, "n": 4}]
    keys = [made.key(each) for each in others]
    assert len({key, *keys}) == 9  # the two without "c" agree in all that they have
    assert made.key({"a": 1, "n": {"c": [1.0, 2.0]}}) == keys[3]


def test_the_keys_of_a_grid_are_as_many_as_its_combinations() -> None:
    values = [0, False, None, "", "null", "0x1", 1, -1, 0.5, [], {}, [[]], {"x": None}, "a,b", "?"]
    parameters = {"a": {"values": values}, "b": {"values": ["a", ",", '"', "a,b", HUGE % 2**60]}}
    made = space(parameters, "grid")
    keys = {made.key(json.loads(json.dumps(each))) for each in grid(parameters)}
    assert len(keys) == made.count() == 75
    assert made.key({"a": 0}) not in keys


def test_values_are_what_json_makes_of_them() -> None:
    read = yaml.safe_load("{a: {values: [2024-01-02, 2024-01-02 03:04:05, {2: x, true: y, null: z}]}}")
    assert [each["a"] for each in grid(read)] == [
        "2024-01-02", "2024-01-02T03:04:05", {"2": "x", "true": "y", "null": "z"}]


@pytest.mark.parametrize(("parameters", "texts"), [
    ({"a": 1}, ["'a'", "mapping", "int"]),
    ({"a": {}}, ["'a'", "values", "distribution"]),
    ({1: {"value": 1}}, ["1", "text"]),
    ({"": {"value": 1}}, ["''", "text"]),
    ({"a\0": {"value": 1}}, ["NUL"]),
    ({"n": {"parameters": {None: {"value": 1}}}}, ["'n'", "None"]),
    ({"n": {"parameters": {}}}, ["'n'", "mapping"]),
    ({"n": {"parameters": [1]}}, ["'n'", "mapping"]),
    ({"n": {"parameters": {"b": 2}}}, ["'n.b'"]),
    ({"n": {"parameters": {"b": {"value": 2}}, "value": 1}}, ["'n'", "'value'"]),
    ({"n": {"parameters": {"b": {"values": []}}}}, ["'n.b'", "values", "empty"]),
    ({"a": {"values": "abc"}}, ["values", "list", "'abc'"]),
    ({"a": {"values": [1, math.nan]}}, ["values", "JSON", "nan"]),
    ({"a": {"values": [1, {"x": HUGE}]}}, ["values", "64 bits"]),
    ({"a": {"values": [b"x"]}}, ["values", "bytes"]),
    ({"a": {"values": ["\ud800"]}}, ["values", "surrogate"]),
    ({"a": {"values": [{(1, 2): 1}]}}, ["values", "tuple"]),
    ({"a": {"value": {1, 2}}}, ["value", "set"]),
    ({"a": {"value": 1, "values": [1]}}, ["'values'", "constant"]),
    ({"a": {"values": [1], "desc": "x"}}, ["'desc'", "values"]),
    ({"a": {"values": [1, 2], "probabilities": [0.5, 0.6]}}, ["probabilities", "1.1"]),
    ({"a": {"values": [1, 2], "probabilities": [1]}}, ["2 values", "1 prob"]),
    ({"a": {"values": [1, 2], "probabilities": [-1, 2]}}, ["probabilities"]),
    ({"a": {"values": [1, 2], "probabilities": [math.nan, 1]}}, ["probabilities"]),
    ({"a": {"values": [1, 2], "probabilities": 1}}, ["probabilities"]),
    ({"a": {"distribution": "categorical", "values": [1], "probabilities": [1]}}, ["categorical", "'probabilities'"]),
    ({"a": {"min": 1}}, ["'a'", "max"]),
    ({"a": {"min": 1, "max": 1}}, ["min", "less than max"]),
    ({"a": {"min": 5, "max": 1.0}}, ["min is 5", "max 1.0"]),
    ({"a": {"min": math.nan, "max": 1.0}}, ["min is nan", "finite"]),
    ({"a": {"min": 0.0, "max": math.inf}}, ["max is inf", "finite"]),
    ({"a": {"min": None, "max": 1}}, ["min is None"]),
    ({"a": {"min": True, "max": 4}}, ["min is True"]),
    ({"a": {"min": "1e-5", "max": 1.0}}, ["'1e-5'", "1.0e-5"]),
    ({"a": {"min": [1], "max": 1.0}}, ["min is of type list"]),
    ({"a": {"min": 0, "max": 10**400}}, ["max", "bits"]),
    ({"a": {"min": 0, "max": 10**40}}, ["max", "64 bits"]),
    ({"a": {"min": 0, "max": 1.5e300}}, ["max", "1.5e+300"]),
    ({"a": {"min": 0.5, "max": 4, "distribution": "int_uniform"}}, ["min is 0.5", "whole"]),
    ({"a": {"min": 0, "max": 1, "q": 0}}, ["q is 0"]),
    ({"a": {"min": 0, "max": 1, "q": -0.1}}, ["q is -0.1"]),
    ({"a": {"min": 0, "max": 1, "q": math.nan}}, ["q is nan"]),
    ({"a": {"distribution": "log_uniform_values", "min": 0, "max": 1}}, ["min is 0", "above"]),
    ({"a": {"distribution": "log_uniform", "min": 0, "max": 1000}}, ["max is 1000", "690"]),
    ({"a": {"distribution": "inv_log_uniform_values", "min": -1, "max": 1}}, ["min is -1"]),
    ({"a": {"distribution": "normal", "sigma": 0}}, ["sigma is 0"]),
    ({"a": {"distribution": "normal", "sigma": math.inf}}, ["sigma is inf"]),
    ({"a": {"distribution": "log_normal", "mu": 1e6}}, ["mu is 1000000.0"]),
    ({"a": {"distribution": "beta", "a": 0}}, ["a is 0"]),
    ({"a": {"distribution": "q_beta", "b": 1e9}}, ["b is 1000000000.0"]),
    ({"a": {"distribution": "normal", "min": 0}}, ["normal", "'min'", "sigma"]),
    ({"a": {"mu": 0, "sigma": 1}}, ["distribution"]),
    ({"a": {"distribution": "zipf"}}, ["'zipf'", "q_uniform"]),
    ({"a": {"distribution": None, "value": 1}}, ["None"]),
    ({"a": {"distribution": ["normal"]}}, ["list"]),
    ({"a": {"distribution": "constant"}}, ["constant", "value"]),
    ({"x" * 500: {"values": []}}, ["'xxx"]),
])
def test_what_is_no_parameter_is_refused_by_name(parameters: dict[Any, Any], texts: list[str]) -> None:
    with pytest.raises(BadInput) as caught:
        space(parameters)
    assert all(text in str(caught.value) for text in texts), str(caught.value)
    assert len(str(caught.value)) < 500


def test_parameters_without_end_in_themselves_are_refused() -> None:
    deep: dict[str, Any] = {"value": 1}
    for _ in range(200):
        deep = {"parameters": {"a": deep}}
    with pytest.raises(BadInput, match="levels"):
        space({"a": deep})


def test_exponents_where_values_may_be_meant_are_warned_of() -> None:
    made = space({"lr": {"distribution": "log_uniform", "min": -9, "max": -1}, "b": {"values": [1]}})
    assert len(made.warnings) == 1
    assert "log_uniform_values" in made.warnings[0]
    assert space({"lr": {"distribution": "log_uniform_values", "min": 0.1, "max": 1}}).warnings == ()


def test_bounds_of_any_size_break_nothing() -> None:
    for low, high in ((-1e300, 1e300), (0.0, 5e-324), (1e-300, 1e300), (-5e-324, 5e-324)):
        distribution = space({"a": {"min": low, "max": high}}).parameters[0].distribution
        assert all(low <= distribution.at(u) <= high for u in (0.0, 0.3, 0.9))
        assert distribution.place(1.0) is not None
    for kind in ("q_normal", "q_log_normal", "q_beta"):
        for q in (1e-300, 1e300, 5e-324, 10**300):
            value = space({"a": {"distribution": kind, "q": q}}).parameters[0].distribution.at(0.9)
            assert math.isfinite(float(value))


def test_bounds_that_lie_close_together_break_nothing() -> None:
    for kind in ("uniform", "log_uniform_values"):
        for low, high in ((1e10, math.nextafter(1e10, math.inf)), (5e-324, 1e-323)):
            distribution = space({"a": {"distribution": kind, "min": low, "max": high}}).parameters[0].distribution
            assert distribution.at(0.5) == pytest.approx(low, rel=1e-9, abs=1e-300)
            assert distribution.place(low) is not None
