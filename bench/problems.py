"""What searches are compared on: functions whose least is 0, as sweeps would meet them.

Pythons without our packages run it too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Problem:
    """Parameters as in a sweep's config, and what a run with a config comes to."""

    name: str
    parameters: dict[str, dict[str, Any]]
    loss: Callable[[Config], float]
    noise: float = 0.0  # the deviation of what a run measures
    agents: int = 1


def branin(config: Config) -> float:
    x, y = config["x"], config["y"]
    bent = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return float(bent**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.39788735773)


_HEIGHTS = (1.0, 1.2, 3.0, 3.2)
_WIDTHS = ((10, 3, 17, 3.5, 1.7, 8), (0.05, 10, 17, 0.1, 8, 14), (3, 3.5, 1.7, 10, 17, 8), (17, 8, 0.05, 10, 0.1, 14))
_MIDDLES = ((0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886), (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
            (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650), (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381))


def hartmann(config: Config) -> float:
    at = [config[f"x{number}"] for number in range(6)]
    return 3.32236801 - sum(
        height * math.exp(-sum(width * (x - middle) ** 2 for width, x, middle in zip(widths, at, middles, strict=True)))
        for height, widths, middles in zip(_HEIGHTS, _WIDTHS, _MIDDLES, strict=True))


def training(config: Config) -> float:
    """Like a network's: the best rate depends on the optimizer, and whole numbers and categories matter."""
    best, loss = {"sgd": (-1.0, 0.4), "adam": (-2.5, 0.0), "rms": (-3.0, 0.15), "ada": (-1.5, 0.6)}[config["optimizer"]]
    loss += {"relu": 0.0, "gelu": 0.2, "tanh": 0.5}[config["activation"]]
    loss += (math.log10(config["rate"]) - best) ** 2 / 2
    return loss + 0.05 * (config["layers"] - 5) ** 2 + 2 * (config["dropout"] - 0.3) ** 2


_PLANE = {"x": {"min": -5.0, "max": 10.0}, "y": {"min": 0.0, "max": 15.0}}
_CUBE = {f"x{number}": {"min": 0.0, "max": 1.0} for number in range(6)}
_TRAINING = {
    "optimizer": {"values": ["sgd", "adam", "rms", "ada"]},
    "activation": {"values": ["relu", "gelu", "tanh"]},
    "rate": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1.0},
    "layers": {"min": 1, "max": 8},
    "dropout": {"min": 0.0, "max": 0.9},
}
PROBLEMS = {problem.name: problem for problem in (
    Problem("Branin", _PLANE, branin),
    Problem("Hartmann-6", _CUBE, hartmann),
    Problem("training, noisy", _TRAINING, training, noise=0.1),
    Problem("Branin, 4 agents", _PLANE, branin, agents=4),
    Problem("Hartmann-6, 4 agents", _CUBE, hartmann, agents=4),
)}
