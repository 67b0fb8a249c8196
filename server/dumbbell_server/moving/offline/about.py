"""What a config says under `_wandb`: who wrote the run, by what means, and what its metrics are.

As wandb 0.31.0 sends it when it syncs (docs/protocol/offline.md#config).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dumbbell_server.moving.offline.values import merge, nanoseconds, protocol_text
from dumbbell_server.moving.offline.wire import fields

_MESSAGES = frozenset({1, 2, 3, 8, 9, 10, 11})  # fields of telemetry that are messages, nearly all of flags
_PYTHON, _CLI = "4", "5"
_NAME, _GLOB, _STEP, _STEP_INDEX, _OPTIONS, _SUMMARY, _GOAL = "1", "2", "4", "5", "6", "7", "8"  # of metrics
_DEFINED = 3  # among the options

Metric = dict[str, Any]


def _flags(data: bytes) -> list[int]:
    return [number for number, _, value in fields(data) if value == 1]


@dataclass
class About:
    """All that is known by now."""

    telemetry: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Metric] = field(default_factory=dict)  # by name
    globs: dict[str, Metric] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    branch: dict[str, Any] | None = None

    def add_telemetry(self, data: bytes) -> None:
        for number, _, value in fields(data):
            key = str(number)
            if number in _MESSAGES and isinstance(value, bytes):
                self.telemetry[key] = sorted({*self.telemetry.get(key, ()), *_flags(value)})
            elif isinstance(value, bytes):
                self.telemetry[key] = value.decode(errors="replace")

    def add_metric(self, found: Mapping[str, Any]) -> None:
        """Of a pattern; of a name, unless a pattern says the same."""
        if found.get("expanded_from_glob"):
            return
        glob = "glob_name" in found
        said: Metric = {number: _flags(found[name]) for name, number in (("options", _OPTIONS), ("summary", _SUMMARY))
                        if name in found}
        if glob:
            said = {_SUMMARY: [], **said, _OPTIONS: [flag for flag in said.get(_OPTIONS, ()) if flag != _DEFINED]}
        said |= {number: found[name] for name, number in (("step_metric", _STEP), ("goal", _GOAL)) if name in found}
        place, number, name = (self.globs, _GLOB, "glob_name") if glob else (self.metrics, _NAME, "name")
        key = found.get(name, "")
        overwrites = bool(_flags(found.get("control", b"")))
        place[key] = {**({} if overwrites else place.get(key, {})), number: key, **said}

    def add_environment(self, found: Mapping[str, Any]) -> None:
        more = dict(found)
        if "startedAt" in more:
            more["startedAt"] = protocol_text(nanoseconds(more["startedAt"]))
        for name in ("disk", "slurm"):
            if name in more:
                more[name] = {pair.get("key", ""): pair.get("value", {}) for pair in more[name]}
        merge(self.environment, more)

    def config(self) -> dict[str, Any]:
        """As it stands under `_wandb`."""
        said: dict[str, Any] = {"t": self.telemetry, "m": self._listed()}
        if _PYTHON in self.telemetry:
            said["python_version"] = self.telemetry[_PYTHON]
        if _CLI in self.telemetry:
            said["cli_version"] = self.telemetry[_CLI]
        if self.environment:
            said["e"] = {self.environment.get("writerId", ""): self.environment}
        if self.branch is not None:
            said["branch_point"] = self.branch
        return said

    def _listed(self) -> list[Metric]:
        """Metrics, then patterns; the metric of their steps by its place in the list, from 1."""
        places = {name: place for place, name in enumerate(self.metrics, start=1)}
        listed = []
        for metric in (*self.metrics.values(), *self.globs.values()):
            place = places.get(metric.get(_STEP, ""))
            said = {key: value for key, value in metric.items() if key != _STEP} if place else metric
            listed.append({**said, _STEP_INDEX: place} if place else said)
        return listed
