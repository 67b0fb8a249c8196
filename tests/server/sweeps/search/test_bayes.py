"""What the search by a Gaussian process suggests, and that nothing that runs come to breaks it."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import pytest

from dumbbell_server.sweeps.search import improvement
from dumbbell_server.sweeps.search.bayes import Fit, Observation, suggest
from dumbbell_server.sweeps.search.space import Space, read_space

Config = dict[str, Any]
PLANE = {"x": {"min": -5.0, "max": 10.0}, "y": {"min": 0.0, "max": 15.0}}


def space(parameters: Mapping[str, Any]) -> Space:
    return read_space(parameters, method="bayes")


def branin(config: Config) -> float:
    """Of which the least is 0, at three places."""
    x, y = config["x"], config["y"]
    bent = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return float(bent**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.397887)


def searched(parameters: Mapping[str, Any], loss: Callable[[Config], float | None], runs: int, *, seed: int = 1,
             pending: int = 0, maximize: bool = False) -> list[Config]:
    """The configs of a sweep in which so many runs are always pending."""
    made, chance, fit = space(parameters), random.Random(seed), None
    configs: list[Config] = []
    for _ in range(runs):
        known = max(len(configs) - pending, 0)
        observations = [Observation(config, loss(config) if number < known else None)
                        for number, config in enumerate(configs)]
        config, fit = suggest(made, observations, chance, maximize=maximize, fit=fit)
        configs.append(config)
    return configs


def test_it_finds_what_is_best_much_sooner_than_chance() -> None:
    found = [min(map(branin, searched(PLANE, branin, 25, seed=seed))) for seed in range(5)]
    by_chance = [min(branin(space(PLANE).sample(random.Random(100 * seed + number))) for number in range(25))
                 for seed in range(5)]
    assert median(found) < 0.05 < median(by_chance)


def test_four_agents_at_once_find_it_too() -> None:
    found = [min(map(branin, searched(PLANE, branin, 28, seed=seed, pending=3))) for seed in range(5)]
    assert median(found) < 0.1


def test_to_maximize_is_to_minimize_what_is_turned_round() -> None:
    low = searched(PLANE, branin, 12)
    assert searched(PLANE, lambda config: -branin(config), 12, maximize=True) == low
    assert searched(PLANE, branin, 12, maximize=True) != low


def test_the_same_numbers_give_the_same_suggestions() -> None:
    assert searched(PLANE, branin, 15, seed=3) == searched(PLANE, branin, 15, seed=3)
    assert searched(PLANE, branin, 3, seed=3) != searched(PLANE, branin, 3, seed=4)


def test_what_is_pending_is_not_suggested_again() -> None:
    known = _known(12)
    pending: list[Observation] = []
    for _ in range(4):
        config, _ = suggest(space(PLANE), [*known, *pending], random.Random(1), maximize=False)
        assert all(math.dist(config.values(), each.values.values()) > 0.3 for each in pending)
        pending.append(Observation(config, None))


def test_categories_steps_and_logarithms_are_learned() -> None:
    parameters = {"kind": {"values": ["a", "b", "c", "d"]}, "n": {"parameters": {"layers": {"min": 1, "max": 8}}},
                  "rate": {"distribution": "log_uniform_values", "min": 1e-6, "max": 1.0},
                  "batch": {"values": [64, 16, 32, 128]}}

    def loss(config: Config) -> float:
        return float("cdba".index(config["kind"]) + abs(config["n"]["layers"] - 6) / 2
                     + abs(math.log10(config["rate"]) + 3) + abs(math.log2(config["batch"]) - 5))
    found = [min(loss(config) for config in searched(parameters, loss, 30, seed=seed)) for seed in range(5)]
    assert median(found) < 0.7
    last = searched(parameters, loss, 30, seed=1)[-8:]
    assert sum(config["kind"] == "c" for config in last) >= 4


def test_where_there_are_few_each_is_tried_once_before_any_is_tried_again() -> None:
    parameters = {"a": {"values": ["x", "y", "z"]}, "b": {"min": 1, "max": 4}}
    made = space(parameters)
    configs = searched(parameters, lambda config: config["b"], 16)
    later = configs[4:12]  # the first are by chance
    assert len({made.key(config) for config in later} - {made.key(config) for config in configs[:4]}) == 8
    assert len({made.key(config) for config in configs}) == 12


@pytest.mark.parametrize("loss", [
    lambda _: 1.0, lambda _: None, lambda _: math.nan, lambda _: -math.inf, lambda _: 1e308, lambda _: 10**400,
    lambda config: None if config["x"] > 0.5 else config["x"],
    lambda config: math.nan if config["x"] > 0.5 else 1.0,
    lambda config: 1e308 if config["x"] > 0.5 else -1e308,
    lambda config: 10 ** (300 * config["x"]),
    lambda config: math.inf if config["x"] > 0.5 else config["x"],
    lambda config: 1e-320 * config["x"],
    lambda config: 1e6 + 1e-9 * config["x"],
])
@pytest.mark.parametrize("maximize", [True, False])
def test_no_loss_breaks_it(loss: Callable[[Config], float | None], maximize: bool) -> None:
    configs = searched({"x": {"min": 0.0, "max": 1.0}, "y": {"values": ["a", "b"]}}, loss, 14, maximize=maximize)
    assert all(0 <= config["x"] <= 1 for config in configs)
    assert len({json.dumps(config) for config in configs}) == 14


def test_runs_that_came_to_no_number_count_as_the_worst() -> None:
    def loss(config: Config) -> float:
        return math.nan if config["x"] > 0.5 else 1 - config["x"]
    configs = searched({"x": {"min": 0.0, "max": 1.0}}, loss, 25)
    assert sum(config["x"] > 0.6 for config in configs[10:]) <= 5
    assert max(config["x"] for config in configs if config["x"] <= 0.5) > 0.4


def test_the_same_run_over_and_over_breaks_nothing() -> None:
    made = space(PLANE)
    observations = [Observation({"x": 1.0, "y": 2.0}, 3.0 + number % 2) for number in range(40)]
    config, fit = suggest(made, observations, random.Random(1), maximize=False)
    assert fit is not None
    assert config != {"x": 1.0, "y": 2.0}


def test_runs_of_another_space_teach_nothing() -> None:
    known = [Observation(config, branin(config)) for config in searched(PLANE, branin, 10)]
    strange = [{}, {"x": 1.0}, {"x": "1", "y": 2.0}, {"x": None, "y": 2.0}, {"x": math.nan, "y": 2.0},
               {"x": 10**400, "y": 2.0}, {"x": {"y": 2.0}, "y": 2.0}, {"x": True, "y": 2.0}]
    more = [Observation(values, loss) for values in strange for loss in (-1e9, None)]
    assert suggest(space(PLANE), [*known, *more], random.Random(1), maximize=False) \
        == suggest(space(PLANE), known, random.Random(1), maximize=False)


def _known(count: int) -> list[Observation]:
    chance = random.Random(5)
    configs = [space(PLANE).sample(chance) for _ in range(count)]
    return [Observation(config, branin(config)) for config in configs]


def test_it_is_fitted_again_when_a_tenth_more_runs_are_there() -> None:
    made, known = space(PLANE), _known(60)
    _, fit = suggest(made, known[:50], random.Random(1), maximize=False)
    assert fit is not None
    assert fit.count == 50
    for count, again in ((50, False), (54, False), (46, False), (55, True), (45, True)):
        _, after = suggest(made, known[:count], random.Random(1), maximize=False, fit=fit)
        assert after is not None
        assert (after != fit) == again
        assert after.count == (count if again else 50)


def test_a_fit_of_another_space_is_not_used() -> None:
    made, known = space(PLANE), _known(20)
    fresh = suggest(made, known, random.Random(1), maximize=False)
    assert suggest(made, known, random.Random(1), maximize=False, fit=Fit((1.0,), 0.1, 20)) == fresh


def test_very_many_runs_are_not_all_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    whole, fit_kernel = improvement.Runs.of, improvement.fit_kernel

    def of(axes: int, points: Any, losses: Any, pending: Any) -> improvement.Runs:
        seen.extend([len(points), len(pending), int(min(losses) == best)])
        return whole(axes, points, losses, pending)

    def fitting(points: Any, *more: Any) -> Any:
        seen.append(len(points))
        return fit_kernel(points, *more)
    monkeypatch.setattr(improvement.Runs, "of", of)
    monkeypatch.setattr(improvement, "fit_kernel", fitting)
    known = _known(1200)
    best = min(each.loss for each in known if each.loss is not None)
    suggest(space(PLANE), known + [Observation(each.values, None) for each in known], random.Random(1), maximize=False)
    assert 500 < seen[0] <= 1000
    assert seen[1:] == [200, 1, 300]


def test_without_anything_to_search_it_is_always_the_same() -> None:
    made = space({"a": {"value": 1}, "n": {"parameters": {"b": {"value": [2]}}}})
    assert suggest(made, [Observation({}, 1.0)], random.Random(1), maximize=False) == ({"a": 1, "n": {"b": [2]}}, None)


EVERY: list[tuple[dict[str, Any], Callable[[Any], bool]]] = [
    ({"values": ["a", [1], {"b": 2}]}, lambda value: value in ["a", [1], {"b": 2}]),
    ({"values": [3, 1, 2], "probabilities": [0.5, 0.5, 0]}, lambda value: value in {1, 3}),
    ({"min": 3, "max": 5}, lambda value: type(value) is int and 3 <= value <= 5),
    ({"min": -(2**62), "max": 2**62}, lambda value: type(value) is int and abs(value) <= 2**62),
    ({"min": -1.0, "max": 1.0}, lambda value: -1 <= value <= 1),
    ({"min": -1e300, "max": 1e300}, math.isfinite),
    ({"min": 0, "max": 1, "q": 0.25}, lambda value: value in {0.0, 0.25, 0.5, 0.75, 1.0}),
    ({"min": 0, "max": 1000, "q": 1}, lambda value: type(value) is int and 0 <= value <= 1000),
    ({"distribution": "log_uniform", "min": -3, "max": 0}, lambda value: math.exp(-3) <= value <= 1),
    ({"distribution": "log_uniform_values", "min": 1e-300, "max": 1e300}, lambda value: value > 0),
    ({"distribution": "q_log_uniform", "min": 0, "max": 5, "q": 10}, lambda value: value % 10 == 0),
    ({"distribution": "q_log_uniform_values", "min": 1, "max": 1e6, "q": 3}, lambda value: value % 3 == 0),
    ({"distribution": "inv_log_uniform", "min": 0, "max": 3}, lambda value: math.exp(-3) <= value * 1.001 <= 1.1),
    ({"distribution": "inv_log_uniform_values", "min": 0.1, "max": 3}, lambda value: 0.09 <= value <= 3.1),
    ({"distribution": "normal", "mu": 5, "sigma": 0.1}, lambda value: 4 < value < 6),
    ({"distribution": "q_normal", "sigma": 30, "q": 7}, lambda value: value % 7 == 0),
    ({"distribution": "log_normal"}, lambda value: value > 0),
    ({"distribution": "q_log_normal", "mu": 10, "sigma": 3}, lambda value: value >= 0),
    ({"distribution": "beta", "a": 0.1, "b": 50}, lambda value: 0 <= value <= 1),
    ({"distribution": "q_beta", "q": 0.5}, lambda value: value in {0.0, 0.5, 1.0}),
]


@pytest.mark.parametrize(("parameter", "fits"), EVERY)
def test_every_distribution_can_be_searched(parameter: dict[str, Any], fits: Callable[[Any], bool]) -> None:
    made = space({"p": parameter, "q": {"min": 0.0, "max": 1.0}})
    distribution = made.parameters[0].distribution
    configs = searched({"p": parameter, "q": {"min": 0.0, "max": 1.0}},
                       lambda config: (distribution.place(config["p"]) or 0) + config["q"], 10)
    assert all(fits(config["p"]) for config in configs)
    json.dumps(configs)  # nothing of numpy's


def test_a_search_imports_numpy_with_its_first_suggestion() -> None:
    source = """if True:
        import random, sys
        from dumbbell_server.sweeps.search import bayes, hyperband, space
        assert "numpy" not in sys.modules
        bayes.suggest(space.read_space({"a": {"min": 0.0, "max": 1.0}}, method="bayes"), [], random.Random(1),
                      maximize=False)
        assert "numpy" in sys.modules
    """
    subprocess.run([sys.executable, "-c", source], check=True, timeout=60)
