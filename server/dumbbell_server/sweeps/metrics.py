"""What a sweep's metric is in the summaries of its runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from dumbbell_server.json_text import loads
from dumbbell_server.sweeps.tables import SweepRow


def best(sweep: SweepRow, summaries: Iterable[str]) -> float | None:
    """The best value of the sweep's metric among the summaries; None where no run has a number there."""
    if sweep.metric is None:
        return None
    found = [value for value in (value_of(text, sweep.metric, maximize=sweep.maximize) for text in summaries)
             if value is not None]
    if not found:
        return None
    return max(found) if sweep.maximize else min(found)


def value_of(text: str, metric: str, *, maximize: bool) -> float | None:
    """The finite number under the metric's name, which may have dots or lead into nested mappings (`val.loss`).

    Where `define_metric(summary="min")` and its like have made a mapping of it, the end that the goal looks for.
    """
    summary: Any = loads(text)
    value = summary.get(metric) if isinstance(summary, dict) else None
    if value is None and isinstance(summary, dict):
        value = summary
        for part in metric.split("."):
            value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, Mapping):
        value = next((value[end] for end in ("max" if maximize else "min", "best", "last", "mean") if end in value),
                     None)
    return finite(value)


def finite(value: Any) -> float | None:
    """The value as a number; None for what is none, and for what no float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None
