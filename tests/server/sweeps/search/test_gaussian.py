"""The Gaussian process, and the improvement that it expects."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dumbbell_server.sweeps.search import gaussian, improvement
from dumbbell_server.sweeps.search.axes import axes_of
from dumbbell_server.sweeps.search.gaussian import Array, Kernel, Posterior, fit_kernel
from dumbbell_server.sweeps.search.space import read_space

CHANCE = np.random.default_rng(7)
NUMBERS = np.array([False, False])


def _wave(points: Array) -> Array:
    losses = np.sin(9 * points[:, 0]) + 0.1 * points[:, 1]
    return np.asarray((losses - losses.mean()) / losses.std())


def test_the_gradient_is_that_of_the_likelihood() -> None:
    points = CHANCE.random((15, 3))
    apart = np.stack([(column[:, None] - column) ** 2 for column in points.T]).reshape(3, -1)
    likelihood = gaussian._Likelihood(apart, CHANCE.standard_normal(15))
    logs = np.array([-0.5, 0.2, -1.0, -3.0])
    step = 1e-5
    measured = [(likelihood(logs + step * unit)[0] - likelihood(logs - step * unit)[0]) / (2 * step)
                for unit in np.eye(4)]
    assert likelihood(logs)[1] == pytest.approx(measured, rel=1e-5)


def test_a_fit_is_a_lowest_point() -> None:
    points = CHANCE.random((40, 2))
    losses = _wave(points) + 0.3 * CHANCE.standard_normal(40)
    apart = np.stack([(column[:, None] - column) ** 2 for column in points.T]).reshape(2, -1)
    kernel = fit_kernel(points, losses, NUMBERS, None)
    at = np.append(np.log(kernel.scales), math.log(kernel.noise))
    value, _ = gaussian._Likelihood(apart, losses)(at)
    for _ in range(50):
        assert gaussian._Likelihood(apart, losses)(at + 0.3 * CHANCE.standard_normal(3))[0] > value - 0.02


def test_a_fit_tells_what_matters_and_how_much_is_noise() -> None:
    points = CHANCE.random((60, 2))
    clean = fit_kernel(points, _wave(points), NUMBERS, None)
    assert clean.scales[0] * 3 < clean.scales[1]
    assert clean.noise < 1e-3
    noisy = fit_kernel(points, _wave(points) + 0.5 * CHANCE.standard_normal(60), NUMBERS, clean)
    assert noisy.noise > 0.02


def test_a_fit_tells_categories_apart() -> None:
    points = np.column_stack([CHANCE.random(40), CHANCE.integers(0, 4, 40).astype(float)])
    category = np.array([False, True])
    by_category = np.array([0.0, 3.0, -1.0, 0.5])[points[:, 1].astype(int)]
    kernel = fit_kernel(points, (by_category - by_category.mean()) / by_category.std(), category, None)
    assert kernel.scales[1] < kernel.scales[0]
    one = kernel.squared(np.array([[0.0, 0.0]]), np.array([[0.0, 1.0], [0.0, 3.0], [0.0, 0.0]]), category)
    assert one[0, 0] == one[0, 1] == pytest.approx(kernel.scales[1] ** -2)
    assert one[0, 2] == 0


def test_a_posterior_goes_through_what_is_known_and_is_sure_there() -> None:
    points = CHANCE.random((12, 2))
    losses = _wave(points)
    posterior = Posterior(Kernel(np.array([0.3, 1.0]), 1e-8), NUMBERS, points, losses, np.empty((0, 2)))
    means, deviations, taken = posterior(np.vstack([points, [[5.0, 5.0]]]))
    assert means[:-1] == pytest.approx(losses, abs=1e-3)
    assert deviations[:-1].max() < 1e-2 * deviations[-1]
    assert taken.tolist() == [True] * 12 + [False]
    assert abs(means[-1]) < 1e-3


def test_what_is_pending_makes_it_surer_and_no_different() -> None:
    points, place = CHANCE.random((12, 2)), np.array([[0.4, 0.6]])
    losses = _wave(points)
    kernel = Kernel(np.array([0.3, 1.0]), 1e-4)
    before = Posterior(kernel, NUMBERS, points, losses, np.empty((0, 2)))(place + 0.01)
    after = Posterior(kernel, NUMBERS, points, losses, place)(place + 0.01)
    assert after[0] == pytest.approx(before[0])
    assert after[1][0] < before[1][0] / 3


def test_points_on_top_of_each_other_break_nothing() -> None:
    points = np.vstack([np.full((30, 2), 0.5), CHANCE.random((3, 2))])
    losses = np.append(CHANCE.standard_normal(30), [0.0, 1.0, 2.0])
    kernel = fit_kernel(points, losses, NUMBERS, None)
    means, deviations, _ = Posterior(kernel, NUMBERS, points, losses, points)(points)
    assert np.isfinite(means).all()
    assert np.isfinite(deviations).all()


def test_the_expected_improvement_is_that_of_many_draws() -> None:
    means, deviations = np.array([0.0, 1.0, -1.0, 2.0]), np.array([1.0, 0.5, 0.1, 1.0])
    expected = np.exp(improvement._log_expected_improvement(means, deviations, 0.3))
    draws = means + deviations * np.random.default_rng(1).standard_normal((400_000, 4))
    assert expected == pytest.approx(np.maximum(0.3 - draws, 0).mean(0), rel=0.05)


def test_improvements_that_are_next_to_nothing_still_compare() -> None:
    means = np.arange(0.0, 200.0)
    scores = improvement._log_expected_improvement(means, np.ones(200), 0.0)
    assert np.isfinite(scores).all()
    assert (np.diff(scores) < 0).all()


def test_losses_are_centered_and_the_worst_cut() -> None:
    plain = improvement.standardized(np.array([1.0, 2.0, 3.0, 4.0]))
    assert plain is not None
    assert plain.mean() == pytest.approx(0)
    assert plain.std() == pytest.approx(1)
    cut = improvement.standardized(np.array([1.0, 2.0, 3.0, 4.0, 1e300]))
    assert cut is not None
    assert cut[3] - cut[0] > 0.2
    assert np.isfinite(cut).all()
    for same in ([2.0], [0.0, 0.0], [1e9, 1e9, 1e9 + 1e-6], [1e300, 1e301]):
        assert improvement.standardized(np.array(same)) is None


def test_a_matrix_that_rounding_spoiled_is_made_positive() -> None:
    spoiled = np.array([[1.0, 1.0], [1.0, 0.999]])
    lower = gaussian._cholesky(spoiled, 1e-8)
    assert lower @ lower.T == pytest.approx(spoiled, abs=0.02)


def test_near_a_place_are_the_next_levels_and_other_categories() -> None:
    space = read_space({"n": {"min": 1, "max": 4}, "kind": {"values": ["a", "b", "c"]}, "x": {"min": 0.0, "max": 1.0}},
                       method="bayes")
    sampler = improvement.Sampler(axes_of(space), 1)
    found = sampler.near(np.repeat([[0.375, 1.0, 0.5]], 400, 0), np.full(3, 1e-3))
    assert set(found[:, 0]) == {0.125, 0.375, 0.625, 0.875}
    assert set(found[:, 1]) == {0.0, 1.0, 2.0}
    assert (found[:, 1] == 1).mean() > 0.7
    assert 0 < abs(found[:, 2] - 0.5).max() < 0.01
    assert (found[:, 2] == 0.5).any()
