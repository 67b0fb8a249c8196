"""What a sweep searches through: the parameters of its config, nested ones too."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dumbbell_server.errors import BadInput
from dumbbell_server.sweeps.search.canonical import canonical
from dumbbell_server.sweeps.search.distributions import Choice, Constant
from dumbbell_server.sweeps.search.parameters import Parameter, read_parameter, shown

_MOST_LEVELS = 50
_ENDLESS = 2**63 - 1  # a longer grid ends no more than this one
MISSING = object()
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


@dataclass(frozen=True)
class Space:
    """Parameters in the order of the config. Lists and mappings in its answers are the config's own."""

    parameters: tuple[Parameter, ...]

    @cached_property
    def searched(self) -> tuple[Parameter, ...]:
        """Without those that are always the same."""
        return tuple(each for each in self.parameters if not isinstance(each.distribution, Constant))

    @cached_property
    def endless(self) -> tuple[str, ...]:
        """The parameters that a grid cannot go through."""
        return tuple(each.name for each in self.parameters if each.distribution.count() is None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed, and yet likely a mistake."""
        return tuple(each.warning for each in self.parameters if each.warning)

    def count(self) -> int | None:
        """How many combinations a grid has, 2**63 - 1 at most; None where a parameter has no end."""
        product = 1
        for parameter in self.searched:
            count = parameter.distribution.count()
            if count is None:
                return None
            product = min(product * count, _ENDLESS)
        return product

    def combination(self, number: int) -> dict[str, Any]:
        """One of the grid, from 0; the last parameter changes first."""
        left = number
        places: dict[tuple[str, ...], int] = {}
        for parameter in reversed(self.searched):
            left, places[parameter.path] = divmod(left, parameter.distribution.count() or 1)
        if left or self.endless:
            raise IndexError(f"the grid has no combination {number}")
        return self.nested(lambda parameter: parameter.distribution.nth(places.get(parameter.path, 0)))

    def sample(self, random: random.Random) -> dict[str, Any]:
        """One of them by chance, as the parameters are distributed."""
        return self.nested(lambda parameter: parameter.distribution.at(
            0 if isinstance(parameter.distribution, Constant) else random.random()))

    def nested(self, choose: Callable[[Parameter], Any]) -> dict[str, Any]:
        """What is chosen for each parameter, as a run's config has it."""
        config: dict[str, Any] = {}
        for parameter in self.parameters:
            inner = config
            for name in parameter.path[:-1]:
                inner = inner.setdefault(name, {})
            inner[parameter.path[-1]] = choose(parameter)
        return config

    def key(self, values: Mapping[str, Any]) -> str:
        """The same text for configs that agree in all that is searched, and only for them.

        1 is 1.0. What else the config has is ignored, in mappings among a parameter's values too. A config that lacks
        a parameter has a key that no combination has.
        """
        return ",".join(_key(parameter, value_of(parameter, values)) for parameter in self.searched)


def value_of(parameter: Parameter, values: Mapping[str, Any]) -> Any:
    """The parameter's value in a run's config, or MISSING."""
    found: Any = values
    for name in parameter.path:
        if not isinstance(found, dict) or name not in found:
            return MISSING
        found = found[name]
    return found


def _key(parameter: Parameter, value: Any) -> str:
    if value is MISSING:
        return "?"
    known = parameter.distribution.keys if isinstance(parameter.distribution, Choice) else None
    if known and isinstance(value, Mapping):
        value = {name: each for name, each in value.items() if name in known}
    return canonical(value)


def read_space(parameters: Mapping[str, Any], *, method: str) -> Space:
    """Raises BadInput that names the parameter and says what would be right."""
    return Space(tuple(_read(parameters, (), grid=method == "grid")))


def _read(parameters: Any, path: tuple[str, ...], *, grid: bool) -> Iterator[Parameter]:
    where = f" of {shown('.'.join(path))}" if path else ""
    if not isinstance(parameters, Mapping) or (path and not parameters):
        raise BadInput(f"the sweep parameters{where} must be a mapping from names to what they may be")
    if len(path) > _MOST_LEVELS:
        raise BadInput(f"the sweep parameters{where} are nested more than {_MOST_LEVELS} levels deep")
    for name, given in parameters.items():
        if not isinstance(name, str) or not name or _UNSTORABLE.search(name):
            raise BadInput(f"a sweep parameter{where} is called {shown(name)}; a name must be a text without a NUL, "
                           "such as 'lr'")
        inner = (*path, name)
        if not isinstance(given, Mapping):
            raise BadInput(f"sweep parameter {shown('.'.join(inner))} must be a mapping such as {{values: [1, 2]}}, "
                           f"not {type(given).__name__}")
        if "parameters" not in given:
            yield read_parameter(inner, given, grid=grid)
        elif len(given) > 1:
            more = next(key for key in given if key != "parameters")
            raise BadInput(f"sweep parameter {shown('.'.join(inner))}: what has parameters of its own can have nothing "
                           f"else, such as {shown(more)}")
        else:
            yield from _read(given["parameters"], inner, grid=grid)
