"""Where the improvement to be expected is largest: among places by chance, and near those that are best so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dumbbell_server.sweeps.search.axes import Axis
from dumbbell_server.sweeps.search.gaussian import Array, Flags, Kernel, Posterior, fit_kernel

_BY_CHANCE = 256
_TO_SPREAD = 3  # more of them would begin in the corners
_NEAR = 12  # places near each of the best runs, at each distance
_BEST = 5
_DISTANCES = (0.1, 0.02)
_ROUNDS = 3
_LEFT = 5  # of the best places, that the next round looks around
_AROUND = 12
_FIRST_STEP = 0.1  # in length scales
_SHRINK = 0.25
_MOVED = 0.5  # of the axes in one step
_RECATEGORIZED = 0.15
_MOST_FITTED = 300
_CAP = 10.0  # worse losses are cut at so many distances between the best and the median
_LARGEST = 1e150  # whose square is a number
_FLAT = 1e-12
_FAR = -25.0  # deviations below the best from which on a series is exact enough


@dataclass(frozen=True)
class Runs:
    """Places of runs and their losses, and places of those that have none."""

    points: Array
    losses: Array
    pending: Array

    @staticmethod
    def of(axes: int, points: Sequence[Sequence[float]], losses: Sequence[float],
           pending: Sequence[Sequence[float]]) -> Runs:
        return Runs(np.reshape(np.array(points, np.float64), (-1, axes)), np.array(losses, np.float64),
                    np.reshape(np.array(pending, np.float64), (-1, axes)))


class Sampler:
    """Places by chance on all axes."""

    def __init__(self, axes: Sequence[Axis], seed: int) -> None:
        self.axes = axes
        self.random = np.random.default_rng(seed)
        self.category: Flags = np.array([axis.category for axis in axes], dtype=np.bool_)
        self.places = [np.array(axis.places) for axis in axes]
        self.edges = [np.array(axis.edges) for axis in axes]
        self.spacing = np.array([1 / len(axis.levels) if axis.levels else 0.0 for axis in axes])

    def anywhere(self, count: int) -> Array:
        """As the parameters are distributed."""
        return self._on_levels(self.random.random((count, len(self.axes))))

    def near(self, places: Array, steps: Array) -> Array:
        """Each of the places moved by about a step along some axes, and now and then to another category."""
        moved = self.random.random(places.shape) < (_MOVED if len(self.axes) > 1 else 1)
        shifts = self.random.standard_normal(places.shape) * np.maximum(steps, self.spacing)
        found = self._on_levels(np.clip(places + np.where(moved, shifts, 0), 0, 1))
        if self.category.any():
            again = self.random.random(places.shape) < _RECATEGORIZED
            found = np.where(self.category, np.where(again, self.anywhere(len(places)), places), found)
        return found

    def _on_levels(self, draws: Array) -> Array:
        """The places of the levels that these parts of all draws fall on, in the same array."""
        for number, axis in enumerate(self.axes):
            if axis.levels is not None:
                draws[:, number] = self.places[number][self.edges[number].searchsorted(draws[:, number], "right")]
        return draws


def spread(sampler: Sampler, runs: Runs) -> Array:
    """Of some places by chance the one that is farthest from all runs."""
    places = sampler.anywhere(_TO_SPREAD)
    taken = np.vstack([runs.points, runs.pending])
    chosen = 0
    if len(taken):
        even = Kernel(np.ones(len(sampler.axes)), 0)
        chosen = int(even.squared(places, taken, sampler.category).min(1).argmax())
    found: Array = places[chosen]
    return found


def kernel_of(scales: Sequence[float], noise: float) -> Kernel:
    return Kernel(np.array(scales, np.float64), noise)


def standardized(losses: Array) -> Array | None:
    """With a mean of 0 and a variance of 1, the worst cut; None where they are all the same."""
    losses = np.clip(losses, -_LARGEST, _LARGEST)
    best, median = float(losses.min()), float(np.median(losses))
    if median > best:
        losses = np.minimum(losses, median + _CAP * (median - best))
    deviation = float(losses.std())
    if deviation <= _FLAT * max(abs(best), abs(median)):
        return None
    centered: Array = (losses - losses.mean()) / deviation
    return centered


def fitted(sampler: Sampler, runs: Runs, losses: Array, before: Kernel | None) -> Kernel:
    """A kernel that is likely for some of the runs."""
    points = runs.points
    if len(points) > _MOST_FITTED:
        chosen = sampler.random.choice(len(points), _MOST_FITTED, replace=False)
        points, losses = points[chosen], losses[chosen]
    return fit_kernel(points, losses, sampler.category, before)


def most_promising(sampler: Sampler, kernel: Kernel, runs: Runs, losses: Array) -> Array:
    """The place to try next, and no place again that has a run as long as there are others."""
    posterior = Posterior(kernel, sampler.category, runs.points, losses, runs.pending)
    # not the best loss, which may have been luck; and what is pending is taken for as good as it is thought to be
    best = float(posterior.means.min())

    def score(places: Array) -> Array:
        means, deviations, taken = posterior(places)
        return np.where(taken, -np.inf, _log_expected_improvement(means, deviations, best))
    tops = np.repeat(posterior.points[np.argsort(posterior.means)[:_BEST]], _NEAR, 0)
    near = [sampler.near(tops, np.full(len(sampler.axes), distance)) for distance in _DISTANCES]
    places = np.vstack([sampler.anywhere(_BY_CHANCE), *near])
    scores = score(places)
    steps = _FIRST_STEP * np.minimum(kernel.scales, 1)
    for _ in range(_ROUNDS):
        order = np.argsort(-scores)[:_LEFT]
        around = sampler.near(np.repeat(places[order], _AROUND, 0), steps)
        places, scores = np.vstack([places[order], around]), np.append(scores[order], score(around))
        steps = steps * _SHRINK
    found: Array = places[scores.argmax()]
    return found


def _log_expected_improvement(means: Array, deviations: Array, best: float) -> Array:
    """Its logarithm, so that places where it is next to nothing still compare."""
    z = (best - means) / deviations
    log_density = -z * z / 2 - math.log(2 * math.pi) / 2
    below = np.asarray(_erfc(-z / math.sqrt(2)), np.float64) / 2
    near = np.log(np.maximum(np.exp(log_density) + z * below, 1e-300))
    far = log_density - 2 * np.log(np.maximum(-z, 1))
    scores: Array = np.log(deviations) + np.where(z < _FAR, far, near)
    return scores


_erfc = np.frompyfunc(math.erfc, 1, 1)  # numpy has none
