"""One searcher on one problem, as JSON: run by a Python that has what it needs. See bench/search.py."""

from __future__ import annotations

import json
import random
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from bench.problems import PROBLEMS, Problem

Run = tuple[dict[str, Any], float | None]  # a config, and its loss once the run has ended
Suggest = Callable[[Sequence[Run]], dict[str, Any]]
NOISE = 1_000_003  # makes the seeds of noise others than those of searchers


def dumbbell(problem: Problem, seed: int) -> Suggest:
    from dumbbell_server.sweeps.search.bayes import Fit, Observation, suggest  # noqa: PLC0415 - by one searcher each
    from dumbbell_server.sweeps.search.space import read_space  # noqa: PLC0415

    space, chance = read_space(problem.parameters, method="bayes"), random.Random(seed)  # noqa: S311
    fit: Fit | None = None

    def step(runs: Sequence[Run]) -> dict[str, Any]:
        nonlocal fit
        config, fit = suggest(space, [Observation(*run) for run in runs], chance, maximize=False, fit=fit)
        return config
    return step


def by_chance(problem: Problem, seed: int) -> Suggest:
    from dumbbell_server.sweeps.search.space import read_space  # noqa: PLC0415

    space, chance = read_space(problem.parameters, method="random"), random.Random(seed)  # noqa: S311
    return lambda _: space.sample(chance)


def wandb_sweeps(problem: Problem, seed: int) -> Suggest:
    import numpy as np  # noqa: PLC0415
    import sweeps  # noqa: PLC0415

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - which is the one that it uses
    config = {"method": "bayes", "metric": {"name": "loss", "goal": "minimize"}, "parameters": problem.parameters}

    def step(runs: Sequence[Run]) -> dict[str, Any]:
        given = [sweeps.SweepRun(config={name: {"value": value} for name, value in values.items()},
                                 state="running" if loss is None else "finished",
                                 summary_metrics={} if loss is None else {"loss": loss}) for values, loss in runs]
        found = sweeps.next_run(config, given).config
        return {name: _plain(value["value"]) for name, value in found.items()}
    return step


def optuna(problem: Problem, seed: int) -> Suggest:
    import optuna as library  # noqa: PLC0415

    library.logging.set_verbosity(library.logging.ERROR)
    sampler = library.samplers.TPESampler(seed=seed, constant_liar=problem.agents > 1)
    study = library.create_study(sampler=sampler)
    trials: list[Any] = []
    told = 0

    def step(runs: Sequence[Run]) -> dict[str, Any]:
        nonlocal told
        while told < len(runs) and runs[told][1] is not None:
            study.tell(trials[told], runs[told][1])
            told += 1
        trials.append(study.ask())
        return {name: _suggested(trials[-1], name, parameter) for name, parameter in problem.parameters.items()}
    return step


def _suggested(trial: Any, name: str, parameter: dict[str, Any]) -> Any:
    if "values" in parameter:
        return trial.suggest_categorical(name, parameter["values"])
    if isinstance(parameter["min"], int):
        return trial.suggest_int(name, parameter["min"], parameter["max"])
    return trial.suggest_float(name, parameter["min"], parameter["max"], log="distribution" in parameter)


def _plain(value: Any) -> Any:
    """A number without numpy."""
    return value.item() if hasattr(value, "item") else value


SEARCHERS = {"dumbbell": dumbbell, "sweeps": wandb_sweeps, "optuna": optuna, "random": by_chance}


def trial(problem: Problem, searcher: str, seed: int, evaluations: int) -> tuple[float, float]:
    """How far above the least the chosen config is, and the seconds of CPU of all suggestions.

    As many runs are under way as there are agents; the oldest ends when the next begins. What is chosen is the config
    that measured best, and what it is worth is its loss without noise.
    """
    noise = random.Random(seed * NOISE)  # noqa: S311
    suggest, spent = SEARCHERS[searcher](problem, seed), 0.0
    runs: list[Run] = []
    for number in range(evaluations):
        began = time.process_time()
        config = suggest(runs)
        spent += time.process_time() - began
        runs.append((config, None))
        ended = number + 1 - problem.agents
        if ended >= 0:
            runs[ended] = (runs[ended][0], problem.loss(runs[ended][0]) + noise.gauss(0, 1) * problem.noise)
    measured = [(problem.loss(config) + noise.gauss(0, 1) * problem.noise if loss is None else loss, number)
                for number, (config, loss) in enumerate(runs)]
    return problem.loss(runs[min(measured)[1]][0]), spent


def main() -> None:
    searcher, name, seeds, evaluations = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    warnings.simplefilter("ignore")
    trial(PROBLEMS[name], searcher, 0, 8)  # what is imported late is imported now
    print(json.dumps([trial(PROBLEMS[name], searcher, seed, evaluations) for seed in range(1, seeds + 1)]))


if __name__ == "__main__":
    main()
