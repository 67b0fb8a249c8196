"""Stopping runs early by Hyperband, as W&B does it: https://docs.wandb.ai/models/sweeps/sweep-config-keys#early_terminate.

A band is a number of logged values. A run that passes one goes on if it belongs to the best 1/eta of those that have
passed it so far.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dumbbell_server.errors import BadInput
from dumbbell_server.sweeps.search.distributions import is_number
from dumbbell_server.sweeps.search.parameters import shown

_ETA = 3
_MOST_BANDS = 100
_FARTHEST = 10**15  # no run logs so much


@dataclass(frozen=True)
class Hyperband:
    """The bands, in order. Where it is strict a run is judged by its value at the band, else by its best so far."""

    bands: tuple[int, ...]
    eta: float
    strict: bool


@dataclass(frozen=True)
class Track:
    """A run, and the finite values of the metric that it has logged, in order."""

    name: str
    running: bool
    values: Sequence[float]


def read_hyperband(early_terminate: Mapping[str, Any]) -> Hyperband:
    """Raises BadInput that names the field. As with W&B, what it does not know is ignored."""
    if not isinstance(early_terminate, Mapping):
        raise BadInput("early_terminate must be a mapping, such as {type: hyperband, min_iter: 3}")
    if early_terminate.get("type") != "hyperband":
        raise BadInput(f"early_terminate.type is {shown(early_terminate.get('type'))}; it must be hyperband")
    strict = early_terminate.get("strict", True)
    if not isinstance(strict, bool):
        raise BadInput(f"early_terminate.strict is {shown(strict)}; it must be true or false")
    eta = early_terminate.get("eta", _ETA)
    if not is_number(eta) or not 1 < eta <= _FARTHEST:
        raise BadInput(f"early_terminate.eta is {shown(eta)}; it must be a number above 1")
    return Hyperband(_bands(early_terminate, eta), eta, strict)


def _bands(fields: Mapping[str, Any], eta: float) -> tuple[int, ...]:
    first = _whole(fields, "min_iter", _FARTHEST)
    last = _whole(fields, "max_iter", _FARTHEST)
    count = _whole(fields, "s", _MOST_BANDS)
    if last is not None and count is not None:
        bands = _before(last, count, eta)
        if not bands:
            raise BadInput(f"early_terminate.max_iter is {last}, and no band is left; it must be at least eta, {eta:g}")
        return bands
    if first is None:
        raise BadInput("early_terminate needs min_iter, or max_iter and s")
    return _after(first, _FARTHEST if last is None else max(first, last), eta)


def _before(last: int, count: int, eta: float) -> tuple[int, ...]:
    """So many bands, each an eta-th of the next, the last one of max_iter."""
    bands: set[int] = set()
    band: float = last
    for _ in range(count):
        band /= eta
        if band < 1:
            break
        bands.add(int(band))
    return tuple(sorted(bands))


def _after(first: int, last: int, eta: float) -> tuple[int, ...]:
    """Bands from min_iter on, each eta times the one before."""
    bands: set[int] = set()
    band: float = first
    for _ in range(_MOST_BANDS):
        if band > last:
            break
        bands.add(int(band))
        band *= eta
    return tuple(sorted(bands))


def to_stop(rules: Hyperband, tracks: Sequence[Track], *, maximize: bool) -> list[str]:
    """The running ones whose last band they have passed among the worse. Ended ones count in what is good."""
    losses = [[-value for value in track.values] if maximize else track.values for track in tracks]
    thresholds: dict[int, float] = {}
    stopped = []
    for track, own in zip(tracks, losses, strict=True):
        passed = [band for band in rules.bands if band <= len(own)]
        if not track.running or not passed:
            continue
        band = passed[-1]
        if band not in thresholds:
            thresholds[band] = _threshold(band, rules.eta, losses)
        loss = own[band - 1] if rules.strict else min(own)
        if loss > thresholds[band]:
            stopped.append(track.name)
    return stopped


def _threshold(band: int, eta: float, losses: Sequence[Sequence[float]]) -> float:
    """The worst loss at the band that is still good enough."""
    at_band = sorted(own[band - 1] for own in losses if len(own) >= band)
    return at_band[int(1 / eta * len(at_band))]


def _whole(fields: Mapping[str, Any], key: str, most: int) -> int | None:
    value = fields.get(key)
    if value is None:
        return None
    if not is_number(value) or value != int(value) or not 1 <= value <= most:
        raise BadInput(f"early_terminate.{key} is {shown(value)}; it must be a whole number from 1 to {most}")
    return int(value)
