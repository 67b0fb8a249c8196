"""What a sweep's YAML says: read once when it is stored, checked as far as a client can be helped by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from dumbbell_server.errors import BadInput
from dumbbell_server.json_text import MOST_LEVELS, is_deeper, storable

METHODS = ("grid", "random", "bayes", "custom")
_GOALS = ("minimize", "maximize")
_LONGEST = 1 << 20
_LONGEST_NAME = 512
_FARTHEST = 1e15  # bounds beyond it, and steps below its inverse, make no grid
_ENDLESS = 2**31 - 1  # the most that a GraphQL Int can tell


@dataclass(frozen=True)
class SweepConfig:
    """What the server needs of a config. `expected` is None where the search has no end."""

    text: str
    method: str
    name: str | None
    metric: str | None
    maximize: bool
    expected: int | None
    warnings: tuple[str, ...]


class _Loader(yaml.SafeLoader):
    """No aliases: few of them make a document without end, and clients write none (they pass through JSON first)."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed")
        return super().compose_node(parent, index)


def read_config(text: str) -> SweepConfig:
    """Raises BadInput that names what is wrong; what only looks odd becomes a warning."""
    tree = _tree(text)
    method = tree.get("method")
    if method not in METHODS:
        raise BadInput(f"the sweep config's method is {str(method)[:40]!r}; it must be one of {', '.join(METHODS)}")
    parameters = tree.get("parameters")
    if parameters is not None:
        _check_parameters(parameters)
    metric, maximize = _metric(tree.get("metric"))
    warnings = []
    if not parameters:
        warnings.append("the config has no parameters: every run will be the same")
    if method == "bayes" and metric is None:
        warnings.append("method bayes needs a metric with a name to search by")
    choices = _choices(parameters or {}, "", warnings) if method == "grid" else None
    return SweepConfig(text, method, _name(tree.get("name")), metric, maximize, _expected(choices, tree.get("run_cap")),
                       tuple(warnings))


def _tree(text: str) -> dict[str, Any]:
    if len(text) > _LONGEST:
        raise BadInput(f"the sweep config is {len(text)} characters long; at most {_LONGEST} are kept")
    try:
        tree = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2024-99-99
        raise BadInput(f"the sweep config is not YAML: {' '.join(str(error).split())[:300]}") from None
    except RecursionError:
        raise BadInput("the sweep config is nested too deeply") from None
    if is_deeper(tree, MOST_LEVELS):
        raise BadInput(f"the sweep config is nested too deeply: more than {MOST_LEVELS} levels")
    if not isinstance(tree, dict):
        raise BadInput("the sweep config must be a mapping with at least a method")
    return tree


def _name(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, Mapping | list) or len(str(value)) > _LONGEST_NAME or not storable(str(value)):
        raise BadInput(f"the sweep config's name must be a text of at most {_LONGEST_NAME} characters, no NUL among "
                       "them")
    return str(value)


def _metric(value: object) -> tuple[str | None, bool]:
    if value is None:
        return None, False
    name = value.get("name") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(name, str) or not storable(name):
        raise BadInput("the sweep config's metric must be a mapping with a name, without a NUL, and perhaps a goal")
    goal = value.get("goal") or "minimize"
    if goal not in _GOALS:
        raise BadInput(f"the sweep metric's goal is {str(goal)[:40]!r}; it must be one of {', '.join(_GOALS)}")
    return name, goal == "maximize"


def _check_parameters(parameters: object, path: str = "") -> None:
    if not isinstance(parameters, Mapping):
        raise BadInput(f"the sweep config's parameters{path} must be a mapping from names to what they may be")
    for name, parameter in parameters.items():
        if not isinstance(parameter, Mapping):
            raise BadInput(f"the sweep parameter {str(name)[:80]!r} must be a mapping such as "
                           "{values: [1, 2]}, not " + type(parameter).__name__)
        if "parameters" in parameter:
            _check_parameters(parameter["parameters"], f" of {str(name)[:80]!r}")
        elif "values" in parameter and not (isinstance(parameter["values"], list) and parameter["values"]):
            raise BadInput(f"the values of sweep parameter {str(name)[:80]!r} must be a list that is not empty")


def _choices(parameters: Mapping[str, Any], path: str, warnings: list[str]) -> int | None:
    """How many combinations a grid has; None where a parameter has no end."""
    product: int | None = 1
    for name, parameter in parameters.items():
        if "parameters" in parameter:
            count = _choices(parameter["parameters"], f"{path}{name}.", warnings)
        else:
            count = _count(parameter)
            if count is None:
                warnings.append(f"a grid cannot go through parameter {f'{path}{name}'[:120]!r}: "
                                "give it value, values, or whole-number bounds")
        product = None if product is None or count is None else min(product * count, _ENDLESS)
    return product


def _count(parameter: Mapping[str, Any]) -> int | None:
    if "values" in parameter:
        return len(parameter["values"])
    if "value" in parameter:
        return 1
    low, high, apart = _number(parameter.get("min")), _number(parameter.get("max")), _number(parameter.get("q", 1))
    spaced = parameter.get("distribution") in {"int_uniform", "q_uniform"} or (_whole(low) and _whole(high))
    if low is None or high is None or apart is None or not spaced or apart < 1 / _FARTHEST or high < low:
        return None
    return min(int((high - low) // apart) + 1, _ENDLESS)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_FARTHEST < value < _FARTHEST:
        return None
    return value


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _expected(choices: int | None, cap: object) -> int | None:
    if cap is None:
        return choices
    if not _whole(cap) or not isinstance(cap, int) or cap < 1:
        raise BadInput(f"the sweep config's run_cap is {str(cap)[:40]!r}; it must be a whole number above 0")
    return min(cap, _ENDLESS if choices is None else choices)
