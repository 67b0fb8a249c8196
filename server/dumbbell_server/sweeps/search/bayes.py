"""Searching by a Gaussian process: what runs have shown says where the next one is likely to be better.

numpy is imported when the first suggestion is made.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dumbbell_server.sweeps.search.axes import Axis, axes_of, config_of, places_of
from dumbbell_server.sweeps.search.space import Space

_MOST = 1000  # runs that are learned from: the best and the newest
_MOST_PENDING = 200
_FIRST = (3, 6)  # at least and at most so many runs before there is something to learn from
_LARGEST = 1e150  # whose square is a number


@dataclass(frozen=True)
class Observation:
    """A run's config, and what it has come to: None where it still runs, or has no finite number of the metric.

    A run that failed is best given the worst loss there is, so that the search stays away from it.
    """

    values: Mapping[str, Any]
    loss: float | None


@dataclass(frozen=True)
class Fit:
    """A length scale for each searched parameter, and the noise, as they were fitted to so many runs."""

    scales: tuple[float, ...]
    noise: float
    count: int


def suggest(space: Space, observations: Sequence[Observation], random: random.Random, *, maximize: bool,
            fit: Fit | None = None) -> tuple[dict[str, Any], Fit | None]:
    """The config of the next run, and the fit to hand in with the next call.

    Runs whose values are not of this space teach nothing. The same random numbers give the same suggestion.
    """
    if not space.searched:
        return space.sample(random), None
    # of numpy's, before it is imported: threads that wait for each other treble the CPU and end no sooner
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from dumbbell_server.sweeps.search import improvement  # noqa: PLC0415 - numpy takes memory and a tenth of a second

    axes = axes_of(space)
    points, losses, pending = _placed(space, axes, observations, maximize=maximize)
    runs = improvement.Runs.of(len(axes), points, losses, pending)
    sampler = improvement.Sampler(axes, random.getrandbits(64))
    few = len(points) < min(max(_FIRST[0], len(axes) + 1), _FIRST[1])
    relative = None if few else improvement.standardized(runs.losses)
    if relative is None:  # nothing to learn from so far
        return config_of(space, axes, improvement.spread(sampler, runs).tolist()), fit
    kernel = None if fit is None or len(fit.scales) != len(axes) else improvement.kernel_of(fit.scales, fit.noise)
    if kernel is None or fit is None or _far_apart(fit.count, len(points)):
        kernel = improvement.fitted(sampler, runs, relative, kernel)
        fit = Fit(tuple(kernel.scales.tolist()), kernel.noise, len(points))
    return config_of(space, axes, improvement.most_promising(sampler, kernel, runs, relative).tolist()), fit


def _placed(space: Space, axes: Sequence[Axis], observations: Sequence[Observation], *, maximize: bool
            ) -> tuple[list[list[float]], list[float], list[list[float]]]:
    """Places of runs, their losses, and places of those that have none; not all where there are very many."""
    known, unknown = [], []
    for number, loss in enumerate(_losses(observations, maximize=maximize)):
        if loss is None:
            unknown.append(number)
        else:
            known.append((loss, number))
    if len(known) > _MOST:
        known = sorted({*sorted(known)[:_MOST // 2], *known[-_MOST // 2:]}, key=lambda each: each[1])
    points, losses = [], []
    for loss, number in known:
        places = places_of(space, axes, observations[number].values)
        if places is not None:
            points.append(places)
            losses.append(loss)
    pending = [places_of(space, axes, observations[number].values) for number in unknown[-_MOST_PENDING:]]
    return points, losses, [places for places in pending if places is not None]


def _losses(observations: Sequence[Observation], *, maximize: bool) -> list[float | None]:
    """To be minimized. Numbers that are none count as the worst, once there is one."""
    sign = -1 if maximize else 1
    losses = [None if each.loss is None else sign * min(max(each.loss, -_LARGEST), _LARGEST)
              if _is_finite(each.loss) else math.nan for each in observations]
    worst = max((loss for loss in losses if loss is not None and not math.isnan(loss)), default=None)
    return [worst if loss is not None and math.isnan(loss) else loss for loss in losses]


def _far_apart(before: int, now: int) -> bool:
    """Whether one is more than the other by a tenth or more."""
    return 10 * max(before, now) >= 11 * min(before, now)


def _is_finite(loss: float) -> bool:
    return -math.inf < loss < math.inf
