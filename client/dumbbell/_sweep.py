"""`dumbbell.sweep`: a new sweep, as `wandb.sweep` makes one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dumbbell import _json
from dumbbell._documents import sweeps as documents
from dumbbell._paths import DEFAULT_PROJECT
from dumbbell.api import Api
from dumbbell.errors import InvalidValueError, WrongTypeError, normalized

_made: dict[tuple[str, str], tuple[str, str]] = {}  # (server, id) of this process's sweeps: entity, project


@normalized
def sweep(config: Mapping[str, Any] | Callable[[], Mapping[str, Any]], entity: str | None = None,
          project: str | None = None, prior_runs: Sequence[str] | None = None, *, api: Api | None = None) -> str:
    """Make a sweep, whose runs agents start: `dumbbell.agent`, `wandb.agent` or the command of either.

    Args:
        config: method, metric and parameters, and what else W&B's documentation has; or a function that returns it.
        entity: where it belongs; that of the config, or else the default entity.
        project: the same; `uncategorized` where none is named.
        prior_runs: ids of runs of the project that count among its runs.
        api: another one than `dumbbell.Api()`.

    Returns:
        The id of the sweep.

    Raises:
        InvalidValueError: (a ValueError) the bounds of a parameter do not say what kind of number it is.
        CommError: the server refused the config, and says why.
    """
    settings = dict(_plain(config() if callable(config) else config))
    api = api or Api()
    filters = {"$or": [{"name": run} for run in prior_runs]} if prior_runs else None
    answer = api.client.execute(documents.UPSERT, {
        "config": _yaml(_with_distributions(settings)), "description": settings.get("description"),
        "entity": entity or settings.get("entity") or api.default_entity,
        "project": project or settings.get("project") or api.settings.get("project") or DEFAULT_PROJECT,
        "priorRuns": _json.dumps(filters) if filters else None})["upsertSweep"]
    for warning in answer.get("configValidationWarnings") or ():
        warnings.warn(f"the config of the sweep: {warning}", stacklevel=3)
    made = answer["sweep"]
    place = made["project"]
    _made[api.settings["base_url"], made["name"]] = place["entity"]["name"], place["name"]
    return str(made["name"])


def place_of(api: Api, name: str) -> tuple[str | None, str | None]:
    """Entity and project of a sweep that this process has made; None and None of others."""
    return _made.get((api.settings["base_url"], name), (None, None))


def _plain(config: Any) -> Any:
    """The config as JSON says it: dicts and lists of their own, numbers of numpy as numbers."""
    if not isinstance(config, Mapping):
        raise WrongTypeError(f"the config of a sweep is a dict, such as {{'method': 'grid', 'parameters': ...}}, not "
                             f"{config!r}")
    return _json.loads(_json.dumps(_listed(config), "config"))


def _listed(value: Any) -> Any:
    """Arrays as lists, however long: runs have histograms of them, and parameters have values."""
    if isinstance(value, Mapping):
        return {key: _listed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_listed(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _with_distributions(config: dict[str, Any]) -> dict[str, Any]:
    """With the distribution that the type of its bounds means, where a parameter names none.

    As `wandb 0.31.0 apis/public/sweeps.py:_validate_config_and_fill_distribution` does it, so that both make the same.
    """
    parameters = config.get("parameters")
    if not isinstance(parameters, dict):
        return config
    return {**config, "parameters": {name: _with_distribution(name, each) for name, each in parameters.items()}}


def _with_distribution(name: str, parameter: Any) -> Any:
    if not isinstance(parameter, dict) or "distribution" in parameter or not {"min", "max"} <= parameter.keys():
        return parameter
    low, high = parameter["min"], parameter["max"]
    for kind, distribution in ((int, "int_uniform"), (float, "uniform")):
        if isinstance(low, kind) and isinstance(high, kind):
            return {**parameter, "distribution": distribution}
    raise InvalidValueError(f"parameter {name!r} has the bounds {low!r} and {high!r}: write both as whole numbers for "
                            "whole numbers, or both with a point for all numbers between them")


def _yaml(config: dict[str, Any]) -> str:
    import yaml  # noqa: PLC0415 - a tenth of the time that importing the client takes

    class Dumper(yaml.SafeDumper):
        """Quotes texts such as 008, which is a text here and a number where YAML is read by others."""

        def represent_scalar(self, tag: str, value: str, style: str | None = None) -> yaml.ScalarNode:
            if tag == "tag:yaml.org,2002:str" and value.startswith("0") and len(value) > 1:
                style = "'"
            return super().represent_scalar(tag, value, style)

    text: str = yaml.dump(config, Dumper=Dumper, allow_unicode=True)
    return text
