"""How the values of a parameter are distributed: each by its inverse distribution function, as W&B defines it.

`at(u)` is the value below which the part `u` of all draws lies; `place(value)` is the way back. The search by a
Gaussian process works on places.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from statistics import NormalDist
from typing import Any, Protocol

from dumbbell_server.sweeps.search.canonical import canonical

LARGEST = 1e300  # of the numbers that a config may give; sums and steps beyond them are still numbers
LARGEST_EXPONENT = 690.0  # e to this power is about as large
_SMALLEST_EXPONENT = -740.0  # and to this power about the least that is more than 0
_TELLABLE = 2**53  # more steps than this cannot be told apart by a float
_EDGE = 2.0**-53
_HALVINGS = 60


class Shape(Protocol):
    """A distribution of real numbers."""

    def at(self, u: float) -> float: ...

    def place(self, value: float) -> float: ...


class Distribution(Protocol):
    """What a parameter may be."""

    def at(self, u: float) -> Any: ...

    def place(self, value: Any) -> float | None:
        """Where it lies between 0 and 1, or beyond them; None for what is no value of this kind."""

    def count(self) -> int | None:
        """How many values there are for a grid; None where they have no end."""

    def nth(self, number: int) -> Any: ...


@dataclass(frozen=True)
class Uniform:
    low: float
    high: float

    def at(self, u: float) -> float:
        return self.low * (1 - u) + self.high * u

    def place(self, value: float) -> float:
        span = self.high - self.low
        return (value - self.low) / span if span else 0.5  # logarithms of bounds may be the same


@dataclass(frozen=True)
class Normal:
    mu: float
    sigma: float

    def at(self, u: float) -> float:
        return NormalDist(self.mu, self.sigma).inv_cdf(min(max(u, _EDGE), 1 - _EDGE))

    def place(self, value: float) -> float:
        return NormalDist(self.mu, self.sigma).cdf(value)


@dataclass(frozen=True)
class Exponential:
    """e to the power of what another shape draws."""

    power: Shape

    def at(self, u: float) -> float:
        return math.exp(min(max(self.power.at(u), _SMALLEST_EXPONENT), LARGEST_EXPONENT))

    def place(self, value: float) -> float:
        return self.power.place(math.log(value) if value > 0 else _SMALLEST_EXPONENT)


@dataclass(frozen=True)
class Beta:
    a: float
    b: float

    def at(self, u: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if self.place(middle) < u:
                low = middle
            else:
                high = middle
        return (low + high) / 2

    def place(self, value: float) -> float:
        """The regularized incomplete beta function, by its continued fraction."""
        if not 0 < value < 1:
            return float(value >= 1)
        a, b = self.a, self.b
        front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
                         + a * math.log(value) + b * math.log1p(-value))
        if value < (a + 1) / (a + b + 2):
            return front * _beta_fraction(a, b, value) / a
        return 1 - front * _beta_fraction(b, a, 1 - value) / b


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Lentz's method; it ends after about as many steps as the root of the larger parameter."""
    tiny, close = 1e-300, 1e-15
    c, d = 1.0, 1 / ((1 - (a + b) * x / (a + 1)) or tiny)
    product = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for numerator in (even, odd):
            d = 1 / ((1 + numerator * d) or tiny)
            c = (1 + numerator / c) or tiny
            product *= c * d
        if abs(c * d - 1) < close:
            break
    return product


@dataclass(frozen=True)
class Real:
    """Any number of a shape."""

    shape: Shape

    def at(self, u: float) -> float:
        return self.shape.at(u)

    def place(self, value: Any) -> float | None:
        return self.shape.place(value) if is_number(value) else None

    def count(self) -> int | None:
        return None

    def nth(self, number: int) -> Any:
        raise IndexError(number)


@dataclass(frozen=True)
class Stepped:
    """The numbers of a shape rounded to multiples of q, which are whole where q is given as a whole number.

    A grid of them begins at the lower bound, multiple or not, and ends at the upper one.
    """

    shape: Shape
    q: float

    @cached_property
    def step(self) -> Fraction:
        return exact(self.q)

    def at(self, u: float) -> float:
        value = self.shape.at(u)
        multiple = value / self.q
        return self.multiple(round(multiple)) if abs(multiple) < _TELLABLE else value

    def multiple(self, number: int) -> float:
        """As it is written: three tenths are 0.3."""
        product = self.step * number
        return int(product) if isinstance(self.q, int) else float(product)

    def place(self, value: Any) -> float | None:
        return self.shape.place(value) if is_number(value) else None

    def count(self) -> int | None:
        if not isinstance(self.shape, Uniform):
            return None
        count = (exact(self.shape.high) - exact(self.shape.low)) // self.step + 1
        return count if count < _TELLABLE else None

    def nth(self, number: int) -> Any:
        if not isinstance(self.shape, Uniform):
            raise IndexError(number)
        value = exact(self.shape.low) + self.step * number
        return int(value) if isinstance(self.q, int) and isinstance(self.shape.low, int) else float(value)


@dataclass(frozen=True)
class Whole:
    """Whole numbers, all equally likely, both bounds among them."""

    low: int
    high: int

    def at(self, u: float) -> int:
        return min(self.low + int(u * self.count()), self.high)

    def place(self, value: Any) -> float | None:
        return (value - self.low + 0.5) / self.count() if is_number(value) else None

    def count(self) -> int:
        return self.high - self.low + 1

    def nth(self, number: int) -> int:
        return self.low + number


@dataclass(frozen=True)
class Choice:
    """One of several values, of any kind."""

    values: Sequence[Any]
    probabilities: Sequence[float] | None = None

    @cached_property
    def _sums(self) -> list[float]:
        return list(accumulate(self.probabilities or ()))

    @cached_property
    def _indices(self) -> dict[str, int]:
        """Which is the first of equal values."""
        return {canonical(value): number for number, value in reversed(list(enumerate(self.values)))}

    @cached_property
    def keys(self) -> frozenset[str]:
        """Of those values that are mappings: a run's may have more."""
        return frozenset(key for value in self.values if isinstance(value, dict) for key in value)

    def at(self, u: float) -> Any:
        if self.probabilities is None:
            return self.values[min(int(u * len(self.values)), len(self.values) - 1)]
        number = min(bisect_right(self._sums, u), len(self.values) - 1)
        while number and not self.probabilities[number]:  # the sum may fall short of 1 by a rounding
            number -= 1
        return self.values[number]

    def place(self, value: Any) -> float | None:
        index = self._indices.get(canonical(value))
        return None if index is None else (index + 0.5) / len(self.values)

    def count(self) -> int:
        return len(self.values)

    def nth(self, number: int) -> Any:
        return self.values[number]


@dataclass(frozen=True)
class Constant:
    """Always the same: no part of the search."""

    value: Any

    def at(self, u: float) -> Any:  # noqa: ARG002 - the others need it
        return self.value

    def place(self, value: Any) -> float | None:  # noqa: ARG002
        return None

    def count(self) -> int:
        return 1

    def nth(self, number: int) -> Any:  # noqa: ARG002
        return self.value


def is_number(value: Any) -> bool:
    """Whether it is a finite number that a float can hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST


def exact(value: float) -> Fraction:
    """The number as it is written: 0.1 is a tenth."""
    return Fraction(repr(value))
