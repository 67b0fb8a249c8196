"""A Gaussian process: Matern 5/2, with a length scale for each axis and some noise, around a mean of 0.

Only this module and `improvement` need numpy. Losses come here with a mean of 0 and a variance of about 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Objective = Callable[[Array], tuple[float, Array]]

_ROOT = math.sqrt(5)
_LEAST_NOISE = 1e-8  # without it a matrix of close points is not positive definite
_LEAST_VARIANCE = 1e-12
# What is thought of the logarithms before there are runs: their means and deviations.
_SCALE = (math.log(0.5), 1.0)
_NOISE = (math.log(1e-4), 3.0)
_FIRST_NOISE = math.log(0.1)  # to begin a fit with: from less than there is, more is not found
_LONGEST_STEP = 2.0
_SHORTEST_STEP = 1e-3  # of the whole one
_CUT = 0.4
_ENOUGH = 1e-4  # of the fall that the slope promises
_STEPS = 30
_CLOSE = 1e-2  # in log likelihood: a better fit than this makes no better suggestion


@dataclass(frozen=True)
class Kernel:
    """Matern 5/2. The noise is a part of the signal's variance, which follows from the losses."""

    scales: Array
    noise: float

    def squared(self, left: Array, right: Array, category: Flags) -> Array:
        """Squared distances between all of `left` and all of `right`; two categories are 1 apart."""
        numbers = slice(None) if not category.any() else ~category
        a, b = left[:, numbers] / self.scales[numbers], right[:, numbers] / self.scales[numbers]
        distances: Array = a @ (-2 * b.T)
        distances += (a * a).sum(1)[:, None]
        distances += (b * b).sum(1)
        np.maximum(distances, 0, out=distances)
        for axis in np.flatnonzero(category):
            distances += (left[:, axis, None] != right[:, axis]) / self.scales[axis] ** 2
        return distances


def matern(distances: Array) -> Array:
    """The covariance at squared distances."""
    far = np.sqrt(distances)
    far *= _ROOT
    covariances = far * far
    covariances /= 3
    covariances += far
    covariances += 1
    covariances *= np.exp(-far)
    return covariances


def fit_kernel(points: Array, losses: Array, category: Flags, before: Kernel | None) -> Kernel:
    """The likeliest one found from what is thought without any run, or from the one before where that is likelier."""
    columns = points.T
    apart = np.where(category[:, None, None], columns[:, :, None] != columns[:, None, :],
                     (columns[:, :, None] - columns[:, None, :]) ** 2).reshape(len(category), -1)
    objective = _Likelihood(apart.astype(np.float64), losses)
    best = _minimized(objective, np.array([_SCALE[0]] * len(category) + [_FIRST_NOISE]))
    if before is not None:
        other = np.append(np.log(before.scales), math.log(before.noise))
        if objective(other)[0] < objective(best)[0]:
            best = _minimized(objective, other)
    return Kernel(np.exp(best[:-1]), math.exp(best[-1]))


class _Likelihood:
    """Minus the logarithm of the posterior of scales and noise, and its gradient, by their logarithms.

    For every kernel the signal's variance is the likeliest one.
    """

    def __init__(self, apart: Array, losses: Array) -> None:
        self.apart = apart  # squared distances: a row for each axis, a column for each pair of runs
        self.losses = losses

    def __call__(self, logs: Array) -> tuple[float, Array]:
        count = len(self.losses)
        weights = np.exp(-2 * logs[:-1])
        noise = math.exp(logs[-1])
        far = _ROOT * np.sqrt(weights @ self.apart)
        decay = np.exp(-far)
        matrix = ((1 + far + far * far / 3) * decay).reshape(count, count)
        matrix.flat[:: count + 1] += noise + _LEAST_NOISE
        try:
            lower = np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            return math.inf, np.zeros_like(logs)
        inverse_lower = np.linalg.inv(lower)
        inverse = inverse_lower.T @ inverse_lower
        solved = inverse @ self.losses
        variance = max(float(self.losses @ solved) / count, _LEAST_VARIANCE)
        value = count / 2 * math.log(variance) + float(np.log(lower.flat[:: count + 1]).sum())
        slope = inverse - np.outer(solved, solved) / variance
        gradient = np.empty_like(logs)
        gradient[:-1] = weights / 2 * (self.apart @ (slope.ravel() * (5 / 3) * (1 + far) * decay))
        gradient[-1] = slope.trace() / 2 * noise
        means = np.array([_SCALE[0]] * (len(logs) - 1) + [_NOISE[0]])
        deviations = np.array([_SCALE[1]] * (len(logs) - 1) + [_NOISE[1]])
        off = (logs - means) / deviations
        return value + float(off @ off) / 2, gradient + off / deviations


def _minimized(objective: Objective, at: Array) -> Array:
    """By BFGS, with steps that are cut until the value falls enough."""
    value, gradient = objective(at)
    bend = np.eye(len(at)) / max(1.0, float(np.linalg.norm(gradient)))
    for number in range(_STEPS):
        step = -bend @ gradient
        if step @ gradient >= 0:
            bend = np.eye(len(at))
            step = -gradient
        step *= min(1.0, _LONGEST_STEP / max(float(np.abs(step).max()), _LEAST_VARIANCE))
        found = _cut(objective, at, value, step, float(step @ gradient))
        if found is None:
            break
        after, value_after, gradient_after = found
        moved, turned, fallen = after - at, gradient_after - gradient, value - value_after
        at, value, gradient = after, value_after, gradient_after
        if fallen < _CLOSE:
            break
        curved = float(moved @ turned)
        if curved > _LEAST_VARIANCE:
            if number == 0:
                bend = np.eye(len(at)) * curved / float(turned @ turned)
            left = np.eye(len(at)) - np.outer(moved, turned) / curved
            bend = left @ bend @ left.T + np.outer(moved, moved) / curved
    return at


def _cut(objective: Objective, at: Array, value: float, step: Array, slope: float
         ) -> tuple[Array, float, Array] | None:
    part = 1.0
    while part > _SHORTEST_STEP:
        after = at + part * step
        value_after, gradient_after = objective(after)
        if value_after <= value + _ENOUGH * part * slope:
            return after, value_after, gradient_after
        part *= _CUT
    return None


class Posterior:
    """What is thought of places once there are losses. Points still pending make it surer and no different."""

    def __init__(self, kernel: Kernel, category: Flags, points: Array, losses: Array, pending: Array) -> None:
        self.kernel = kernel
        self.category = category
        self.points = np.vstack([points, pending])
        self.known = len(points)
        matrix = matern(kernel.squared(self.points, self.points, category))
        lower = _cholesky(matrix, kernel.noise + _LEAST_NOISE)
        self.inverse_lower = np.linalg.inv(lower)
        of_known = self.inverse_lower[: self.known, : self.known]  # a lower triangle's inverse begins with its part's
        self.weights = of_known.T @ (of_known @ losses)
        self.variance = max(float(losses @ self.weights) / max(self.known, 1), _LEAST_VARIANCE)
        self.means: Array = matrix[:, : self.known] @ self.weights  # at the points themselves, pending ones too

    def __call__(self, places: Array) -> tuple[Array, Array, Flags]:
        """Means, deviations without noise, and whether there is a run at the very place."""
        distances = self.kernel.squared(places, self.points, self.category)
        covariances = matern(distances)
        means = covariances[:, : self.known] @ self.weights
        explained = covariances @ self.inverse_lower.T
        variances = np.maximum(1 - (explained * explained).sum(1), _LEAST_VARIANCE) * self.variance
        return means, np.sqrt(variances), distances.min(1) < _LEAST_VARIANCE


def _cholesky(matrix: Array, noise: float) -> Array:
    while True:
        try:
            return np.asarray(np.linalg.cholesky(matrix + np.eye(len(matrix)) * noise), np.float64)
        except np.linalg.LinAlgError:
            noise *= 10
