"""What a parameter of a sweep's config says, by the rules of W&B: https://docs.wandb.ai/models/sweeps/sweep-config-keys."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dumbbell_server.errors import BadInput
from dumbbell_server.sweeps.search.canonical import canonical, plain
from dumbbell_server.sweeps.search.distributions import (
    LARGEST,
    LARGEST_EXPONENT,
    Beta,
    Choice,
    Constant,
    Distribution,
    Exponential,
    Normal,
    Real,
    Shape,
    Stepped,
    Uniform,
    Whole,
    is_number,
)

_LARGEST_WHOLE = 2**63
_BETA = (1e-3, 1e6)  # beyond them its function takes long to compute
_FAR_FROM_ONE = 1e-5  # what probabilities may sum up to beside 1
_SHOWN = 80


@dataclass(frozen=True)
class Parameter:
    """One that is not nested any further; its path are the names of those it is in, and its own."""

    path: tuple[str, ...]
    distribution: Distribution
    warning: str | None = None

    @property
    def name(self) -> str:
        return ".".join(self.path)


class Fields:
    """The keys of one parameter; what is wrong with one is said with the parameter's name."""

    def __init__(self, path: tuple[str, ...], given: Mapping[str, Any]) -> None:
        self.path = path
        self.given = given

    def bad(self, problem: str) -> BadInput:
        return BadInput(f"sweep parameter {shown('.'.join(self.path))}: {problem}")

    def number(self, key: str, default: float | None = None, *, above: float | None = None,
               upto: float = LARGEST) -> float:
        value = self.given.get(key, default)
        if not is_number(value):
            hint = "; YAML reads it as a text, write 1.0e-5 for 1e-5" if _reads_as_number(value) else ""
            raise self.bad(f"{key} is {shown(value)}; it must be a finite number{hint}")
        number: float = value
        if number > upto or (above is not None and number <= above):
            raise self.bad(f"{key} is {shown(number)}; it must be above {above:g} and at most {upto:g}")
        return number

    def bounds(self, *, above: float | None = None, upto: float = LARGEST) -> tuple[float, float]:
        low = self.number("min", above=above, upto=upto)
        high = self.number("max", above=above, upto=upto)
        if low >= high:
            raise self.bad(f"min is {shown(low)} and max {shown(high)}; min must be less than max")
        return low, high

    def whole_bounds(self) -> tuple[int, int]:
        low, high = self.bounds()
        for key, value in (("min", low), ("max", high)):
            if value != int(value) or abs(value) > _LARGEST_WHOLE:
                raise self.bad(f"{key} is {shown(value)}; int_uniform needs a whole number of at most 64 bits")
        return int(low), int(high)

    def values(self) -> list[Any]:
        values = self.given["values"]
        if not isinstance(values, list) or not values:
            raise self.bad(f"values is {shown(values)}; it must be a list that is not empty")
        return [self.json("values", value) for value in values]

    def json(self, key: str, value: Any) -> Any:
        try:
            return plain(value)
        except ValueError as error:
            raise self.bad(f"{key} holds what JSON cannot: {error}") from None

    def probabilities(self, count: int) -> list[float]:
        parts = self.given["probabilities"]
        if not isinstance(parts, list) or not all(is_number(part) and part >= 0 for part in parts):
            raise self.bad("probabilities must be a list of numbers that are 0 or more")
        if len(parts) != count:
            raise self.bad(f"there are {count} values and {len(parts)} probabilities; each value needs one")
        if not math.isclose(math.fsum(parts), 1, rel_tol=0, abs_tol=_FAR_FROM_ONE):
            raise self.bad(f"the probabilities sum up to {math.fsum(parts):g}; they must sum up to 1")
        return parts


def shown(value: Any) -> str:
    """The value in a text of errors, where it is neither long nor takes long to write."""
    if isinstance(value, int) and value.bit_length() > _SHOWN:
        return f"a whole number of {value.bit_length()} bits"
    text = repr(value) if isinstance(value, str | int | float | None) else f"of type {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _reads_as_number(value: Any) -> bool:
    try:
        return isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False


def _uniform(fields: Fields) -> Shape:
    return Uniform(*fields.bounds())


def _of_exponents(fields: Fields) -> Shape:
    return Exponential(Uniform(*fields.bounds(above=-LARGEST_EXPONENT, upto=LARGEST_EXPONENT)))


def _of_inverse_exponents(fields: Fields) -> Shape:
    low, high = fields.bounds(above=-LARGEST_EXPONENT, upto=LARGEST_EXPONENT)
    return Exponential(Uniform(-high, -low))


def _of_positive(fields: Fields) -> Shape:
    low, high = fields.bounds(above=0)
    return Exponential(Uniform(math.log(low), math.log(high)))


def _normal(fields: Fields) -> Shape:
    return Normal(fields.number("mu", 0), fields.number("sigma", 1, above=0))


def _log_normal(fields: Fields) -> Shape:
    mu = fields.number("mu", 0, above=-LARGEST_EXPONENT, upto=LARGEST_EXPONENT)
    return Exponential(Normal(mu, fields.number("sigma", 1, above=0)))


def _beta(fields: Fields) -> Shape:
    lowest, largest = _BETA
    return Beta(fields.number("a", 1, above=lowest, upto=largest), fields.number("b", 1, above=lowest, upto=largest))


def _constant(fields: Fields) -> Distribution:
    return Constant(fields.json("value", fields.given["value"]))


def _categorical(fields: Fields) -> Distribution:
    return Choice(fields.values())


def _weighted(fields: Fields) -> Distribution:
    values = fields.values()
    return Choice(values, fields.probabilities(len(values)))


def _int_uniform(fields: Fields) -> Distribution:
    return Whole(*fields.whole_bounds())


def _real(shape: Callable[[Fields], Shape]) -> Callable[[Fields], Distribution]:
    return lambda fields: Real(shape(fields))


def _stepped(shape: Callable[[Fields], Shape]) -> Callable[[Fields], Distribution]:
    return lambda fields: Stepped(shape(fields), fields.number("q", 1, above=0))


@dataclass(frozen=True)
class _Kind:
    """A distribution: the keys that it needs, those that it may have, and how it is made."""

    needed: tuple[str, ...]
    optional: tuple[str, ...]
    make: Callable[[Fields], Distribution]


_BOUNDS = ("min", "max")
KINDS: dict[str, _Kind] = {
    "constant": _Kind(("value",), (), _constant),
    "categorical": _Kind(("values",), (), _categorical),
    "categorical_w_probabilities": _Kind(("values", "probabilities"), (), _weighted),
    "int_uniform": _Kind(_BOUNDS, (), _int_uniform),
    "uniform": _Kind(_BOUNDS, (), _real(_uniform)),
    "q_uniform": _Kind(_BOUNDS, ("q",), _stepped(_uniform)),
    "log_uniform": _Kind(_BOUNDS, (), _real(_of_exponents)),
    "log_uniform_values": _Kind(_BOUNDS, (), _real(_of_positive)),
    "q_log_uniform": _Kind(_BOUNDS, ("q",), _stepped(_of_exponents)),
    "q_log_uniform_values": _Kind(_BOUNDS, ("q",), _stepped(_of_positive)),
    "inv_log_uniform": _Kind(_BOUNDS, (), _real(_of_inverse_exponents)),
    "inv_log_uniform_values": _Kind(_BOUNDS, (), _real(_of_positive)),
    "normal": _Kind((), ("mu", "sigma"), _real(_normal)),
    "q_normal": _Kind((), ("mu", "sigma", "q"), _stepped(_normal)),
    "log_normal": _Kind((), ("mu", "sigma"), _real(_log_normal)),
    "q_log_normal": _Kind((), ("mu", "sigma", "q"), _stepped(_log_normal)),
    "beta": _Kind((), ("a", "b"), _real(_beta)),
    "q_beta": _Kind((), ("a", "b", "q"), _stepped(_beta)),
}
_OF_EXPONENTS = {"log_uniform", "q_log_uniform", "inv_log_uniform"}


def read_parameter(path: tuple[str, ...], given: Mapping[str, Any], *, grid: bool) -> Parameter:
    """Raises BadInput. In a grid equal values of a list are one."""
    fields = Fields(path, given)
    name = given["distribution"] if "distribution" in given else _inferred(fields)
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise fields.bad(f"its distribution is {shown(name)}; it must be one of {', '.join(KINDS)}")
    _check_keys(fields, name, kind)
    distribution = kind.make(fields)
    warning = None
    if name in _OF_EXPONENTS:
        warning = (f"sweep parameter {shown('.'.join(path))}: min and max of {name} are exponents of e; "
                   f"{name}_values takes the values themselves")
    if grid and isinstance(distribution, Choice):
        distribution = Choice(list({canonical(value): value for value in reversed(distribution.values)}.values())[::-1])
    return Parameter(path, distribution, warning)


def _inferred(fields: Fields) -> str:
    """The name of the distribution where the config leaves it out."""
    given = fields.given
    if "value" in given:
        return "constant"
    if "values" in given:
        return "categorical_w_probabilities" if "probabilities" in given else "categorical"
    if "min" in given and "max" in given:
        if "q" in given:
            return "q_uniform"
        bounds = (given["min"], given["max"])
        return "uniform" if any(isinstance(bound, float) for bound in bounds) else "int_uniform"
    raise fields.bad("it needs a value, values, min and max, parameters of its own, or the name of a distribution")


def _check_keys(fields: Fields, name: str, kind: _Kind) -> None:
    for key in kind.needed:
        if key not in fields.given:
            raise fields.bad(f"{name} needs {' and '.join(kind.needed)}, and there is no {key}")
    known = ("distribution", *kind.needed, *kind.optional)
    for key in fields.given:
        if key not in known:
            raise fields.bad(f"{name} has no {shown(key)}; it takes {', '.join(known)}")
