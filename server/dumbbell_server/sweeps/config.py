"""What a sweep's YAML says: read once when it is stored, checked as far as a client can be helped by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from dumbbell_server.errors import BadInput
from dumbbell_server.json_text import MOST_LEVELS, is_deeper, storable
from dumbbell_server.sweeps.search.hyperband import Hyperband, read_hyperband
from dumbbell_server.sweeps.search.space import Space, read_space

METHODS = ("grid", "random", "bayes", "custom")
CONTROLLER, SCHEDULER = "controller", "scheduler"  # who searches, where the server does not
_ENGINES = {"wandb": ("grid", "random", "bayes"), "optuna": ("custom",), "ax": ("custom",)}
_GOALS = ("minimize", "maximize")
_LONGEST = 1 << 20
_LONGEST_NAME = 512
_ENDLESS = 2**31 - 1  # the most that a GraphQL Int can tell
_KEPT = 64  # configs


@dataclass(frozen=True)
class SweepConfig:
    """What the server needs of a config. `expected` is None where the search has no end."""

    text: str
    method: str
    name: str | None
    metric: str | None
    maximize: bool
    target: float | None  # of the metric: a run that reaches it ends the search
    cap: int | None  # of the number of runs
    program: str | None
    elsewhere: str | None  # CONTROLLER or SCHEDULER; None where the server searches
    space: Space | None  # None for method custom, which the server does not search
    hyperband: Hyperband | None
    expected: int | None
    warnings: tuple[str, ...]


class _Loader(yaml.SafeLoader):
    """No aliases: few of them make a document without end, and clients write none (they pass through JSON first)."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed")
        return super().compose_node(parent, index)


@lru_cache(_KEPT)
def read_config(text: str) -> SweepConfig:
    """Raises BadInput that names what is wrong; what only looks odd becomes a warning."""
    tree = _tree(text)
    method = tree.get("method")
    if method not in METHODS:
        raise BadInput(f"the sweep config's method is {str(method)[:40]!r}; it must be one of {', '.join(METHODS)}")
    elsewhere = _elsewhere(tree, method)
    space = _space(tree.get("parameters"), method, elsewhere)
    metric, maximize, target = _metric(tree.get("metric"))
    early = tree.get("early_terminate")
    hyperband = read_hyperband(early) if early and not elsewhere else None
    cap = _cap(tree.get("run_cap"))
    count = space.count() if space is not None and method == "grid" else None
    space = None if elsewhere else space
    return SweepConfig(
        text, method, _name(tree.get("name")), metric, maximize, target, cap, _program(tree.get("program")), elsewhere,
        space, hyperband, _expected(count, cap), tuple(_warnings(tree, method, metric, space, hyperband)))


def _warnings(tree: Mapping[str, Any], method: str, metric: str | None, space: Space | None,
              hyperband: Hyperband | None) -> Iterator[str]:
    if not tree.get("parameters") and not isinstance(tree.get("scheduler"), Mapping):
        yield "the config has no parameters: every run will be the same"
    if method == "bayes" and metric is None:
        yield "method bayes needs a metric with a name to search by"
    if hyperband is not None and metric is None:
        yield "early_terminate needs a metric with a name to compare runs by"
    if method == "grid" and space is not None:
        for path in space.endless:
            yield f"a grid cannot go through parameter {path[:120]!r}: give it value, values, or whole-number bounds"
    yield from space.warnings if space is not None else ()


def _elsewhere(tree: Mapping[str, Any], method: str) -> str | None:
    """Who searches (docs/protocol/behaviours.md#who-searches). BadInput for what the SDK would refuse too."""
    controller, scheduler = tree.get("controller"), tree.get("scheduler")
    local = isinstance(controller, Mapping) and controller.get("type") == "local"
    if not isinstance(scheduler, Mapping) or "engine" not in scheduler:
        return CONTROLLER if local else None
    if local:
        raise BadInput("the sweep config has both a scheduler and a local controller; only one of them can search")
    engine = scheduler["engine"]
    methods = _ENGINES.get(engine) if isinstance(engine, str) else None
    if methods is None:
        raise BadInput(f"the sweep scheduler's engine is {str(engine)[:40]!r}; it must be one of {', '.join(_ENGINES)}")
    if method not in methods:
        raise BadInput(f"a sweep scheduler with engine {engine} needs method {' or '.join(methods)}, not {method}")
    return SCHEDULER


def _space(parameters: Any, method: str, elsewhere: str | None) -> Space | None:
    """Of a search that is the server's, and of every grid, whose combinations are counted whoever goes through it."""
    if parameters is not None:
        _check_parameters(parameters)
    if method == "grid" or (method != "custom" and elsewhere is None):
        return read_space(parameters or {}, method=method)
    return None


def _program(value: object) -> str | None:
    if value is not None and (not isinstance(value, str) or not storable(value)):
        raise BadInput("the sweep config's program must be the name of a file, as a text")
    return value


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


def _metric(value: object) -> tuple[str | None, bool, float | None]:
    if value is None:
        return None, False, None
    name = value.get("name") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(name, str) or not storable(name):
        raise BadInput("the sweep config's metric must be a mapping with a name, without a NUL, and perhaps a goal")
    goal = value.get("goal") or "minimize"
    if goal not in _GOALS:
        raise BadInput(f"the sweep metric's goal is {str(goal)[:40]!r}; it must be one of {', '.join(_GOALS)}")
    target = value.get("target")
    if target is not None and (isinstance(target, bool) or not isinstance(target, int | float) or target != target):  # noqa: PLR0124 - NaN
        raise BadInput(f"the sweep metric's target is {str(target)[:40]!r}; it must be a number")
    return name, goal == "maximize", target


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


def _cap(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadInput(f"the sweep config's run_cap is {str(value)[:40]!r}; it must be a whole number above 0")
    return value


def _expected(count: int | None, cap: int | None) -> int | None:
    """How many runs there will be, as far as a GraphQL Int can tell; None where they have no end."""
    ends = [end for end in (count, cap) if end is not None]
    return min(*ends, _ENDLESS) if ends else None
