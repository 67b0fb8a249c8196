"""The searched parameters as axes on which a Gaussian process can measure how far apart two runs are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from dumbbell_server.sweeps.search.canonical import canonical
from dumbbell_server.sweeps.search.distributions import Choice, Distribution, Stepped, Whole, is_number
from dumbbell_server.sweeps.search.parameters import Parameter
from dumbbell_server.sweeps.search.space import MISSING, Space, value_of

_MOST_LEVELS = 256  # an axis of more is as good as continuous
_FEWEST_IN_ORDER = 3
_OUTSIDE = (-1.0, 2.0)  # how far a run of another sweep may lie outside of what is searched
_RARE = 1e-4  # of draws, that levels leave out at both ends


@dataclass(frozen=True)
class Axis:
    """Places of values, from 0 to 1 as they are distributed; or numbers of categories that are all as far apart.

    Where the values are few, `levels` has them with their places in order, and `edges` says which part of all draws
    ends where the next one begins.
    """

    distribution: Distribution
    category: bool = False
    levels: Sequence[Any] | None = None
    places: Sequence[float] = ()
    edges: Sequence[float] = ()

    @cached_property
    def _known(self) -> dict[str, float] | None:
        if not isinstance(self.distribution, Choice):
            return None
        return {canonical(level): place for level, place in zip(self.levels or (), self.places, strict=True)}

    def place(self, value: Any) -> float | None:
        """None for what the parameter cannot be."""
        if self._known is not None:
            return self._known.get(canonical(value))
        place = self.distribution.place(value)
        if place is None or 0 <= place <= 1:
            return place
        return min(max(place, _OUTSIDE[0]), _OUTSIDE[1])

    def value(self, place: float) -> Any:
        """The value of a place that is that of a level, or any where there are none."""
        if self.levels is None:
            return self.distribution.at(min(max(place, 0.0), 1.0))
        return self.levels[min(range(len(self.levels)), key=lambda number: abs(self.places[number] - place))]


def axes_of(space: Space) -> list[Axis]:
    return [_axis(parameter) for parameter in space.searched]


def places_of(space: Space, axes: Sequence[Axis], values: Mapping[str, Any]) -> list[float] | None:
    """A run's places on all axes; None where it has none on one of them."""
    found = []
    for parameter, axis in zip(space.searched, axes, strict=True):
        value = value_of(parameter, values)
        place = None if value is MISSING else axis.place(value)
        if place is None:
            return None
        found.append(place)
    return found


def config_of(space: Space, axes: Sequence[Axis], places: Sequence[float]) -> dict[str, Any]:
    """The way back."""
    chosen = {parameter.path: axis.value(place)
              for parameter, axis, place in zip(space.searched, axes, places, strict=True)}

    def choose(parameter: Parameter) -> Any:
        return chosen[parameter.path] if parameter.path in chosen else parameter.distribution.at(0)
    return space.nested(choose)


def _axis(parameter: Parameter) -> Axis:
    distribution = parameter.distribution
    if isinstance(distribution, Choice):
        return _of_choice(distribution)
    if isinstance(distribution, Whole) and distribution.count() <= _MOST_LEVELS:
        count = distribution.count()
        levels = list(range(distribution.low, distribution.high + 1))
        return Axis(distribution, levels=levels, places=[(number + 0.5) / count for number in range(count)],
                    edges=[number / count for number in range(1, count)])
    if isinstance(distribution, Stepped):
        return _of_steps(distribution)
    return Axis(distribution)


def _of_choice(choice: Choice) -> Axis:
    """Numbers are in order, whichever way they are listed; other values are categories."""
    weights: dict[str, float] = {}
    firsts: dict[str, Any] = {}
    for value, weight in zip(choice.values, choice.probabilities or [1 / len(choice.values)] * len(choice.values),
                             strict=True):
        key = canonical(value)
        weights[key] = weights.get(key, 0) + weight
        firsts.setdefault(key, value)
    keys = [key for key, weight in weights.items() if weight > 0]
    ordered = len(keys) >= _FEWEST_IN_ORDER and all(is_number(firsts[key]) for key in keys)
    if ordered:
        keys.sort(key=lambda key: float(firsts[key]))
    places = [(number + 0.5) / len(keys) if ordered else float(number) for number in range(len(keys))]
    edges, total = [], 0.0
    for key in keys[:-1]:
        total += weights[key]
        edges.append(total)
    return Axis(choice, not ordered, [firsts[key] for key in keys], places, edges)


def _of_steps(stepped: Stepped) -> Axis:
    axis = Axis(stepped)
    low, high = stepped.shape.at(_RARE) / stepped.q, stepped.shape.at(1 - _RARE) / stepped.q
    if not high - low < _MOST_LEVELS or not max(abs(low), abs(high)) < 2**53:
        return axis
    multiples = range(round(low), round(high) + 1)
    levels = [stepped.multiple(number) for number in multiples]
    places = [axis.place(level) for level in levels]
    edges = [stepped.shape.place((number + 0.5) * stepped.q) for number in multiples[:-1]]
    return replace(axis, levels=levels, places=[math.nan if place is None else place for place in places], edges=edges)
