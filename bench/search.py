"""python -m bench.search: our bayes beside W&B's own `sweeps` and Optuna, each by a Python of its own."""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.__main__ import _reference
from bench.problems import PROBLEMS
from dumbbell_server.releases import python_with
from dumbbell_server.sweeps.search.bayes import Observation, suggest
from dumbbell_server.sweeps.search.space import read_space

ROOT = Path(__file__).parents[1]
PEERS = {"sweeps": "sweeps==0.3.0", "optuna": "optuna==5.0.0"}
PATH = [str(ROOT), str(ROOT / "server")]
HEADER = f"{'problem':<22} {'searcher':<9} {'regret: median':>14} {'quartiles':>19} {'CPU ms a suggestion':>20}"


@dataclass(frozen=True)
class Result:
    """The regrets of all seeds."""

    problem: str
    searcher: str
    regrets: Sequence[float]
    cpu: float  # ms a suggestion

    @property
    def median(self) -> float:
        return statistics.median(self.regrets)

    @property
    def quartiles(self) -> tuple[float, float]:
        low, _, high = statistics.quantiles(self.regrets, n=4, method="inclusive")
        return low, high

    def line(self) -> str:
        low, high = self.quartiles
        return (f"{self.problem:<22} {self.searcher:<9} {self.median:>14.5f} {f'{low:.5f} {high:.4f}':>19} "
                f"{self.cpu:>20.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.search", description="Median regret of searchers, and their CPU.")
    parser.add_argument("--seeds", type=int, default=20, help="sweeps of each searcher on each problem (default 20)")
    parser.add_argument("--evaluations", type=int, default=40, help="runs of a sweep (default 40)")
    parser.add_argument("--only", default="", help="problems whose name begins so")
    arguments = parser.parse_args()
    print(HEADER)
    for name in PROBLEMS:
        if name.startswith(arguments.only):
            results = []
            for searcher in ("dumbbell", *PEERS, "random"):
                results.append(_result(name, searcher, arguments.seeds, arguments.evaluations))
                print(results[-1].line(), flush=True)
            print(f"{name:<22} {_verdict(results[0], results[1:])}", flush=True)
    for line in _costs():
        print(line, flush=True)
    print(f"reference: {_reference():.0f} ms for a fixed piece of work on this machine, now")


def _result(problem: str, searcher: str, seeds: int, evaluations: int) -> Result:
    package = PEERS.get(searcher)
    python = Path(sys.executable) if package is None else python_with(package.replace("==", "-"), package)
    command = [str(python), "-m", "bench.searchers", searcher, problem, str(seeds), str(evaluations)]
    found = subprocess.run(command, env=os.environ | {"PYTHONPATH": os.pathsep.join(PATH)}, check=True,  # noqa: S603
                           stdout=subprocess.PIPE, text=True)
    trials = json.loads(found.stdout.splitlines()[-1])
    return Result(problem, searcher, [regret for regret, _ in trials],
                  sum(spent for _, spent in trials) / (seeds * evaluations) * 1000)


def _verdict(own: Result, others: Sequence[Result]) -> str:
    best = min(others, key=lambda result: result.median)
    if own.median < best.median:
        return f"better than each in the median, {best.searcher} next by {best.median:.5f}"
    within = own.median <= best.quartiles[1]
    return f"{best.searcher} is better, {'and its quartile not passed' if within else 'BY MORE THAN ITS QUARTILE'}"


def _costs() -> Iterator[str]:
    """What a suggestion costs where there are many runs; fits are in the mean, and in the one of 1,000 runs."""
    for parameters, runs, more in ((2, 45, 10), (6, 45, 10), (10, 45, 10), (10, 1000, 1)):
        space = read_space({f"x{number}": {"min": 0.0, "max": 1.0} for number in range(parameters)}, method="bayes")
        chance, fit = random.Random(1), None  # noqa: S311
        known = []
        for _ in range(runs):
            config = space.sample(chance)
            known.append(Observation(config, sum((x - 0.3) ** 2 for x in config.values()) + chance.gauss(0, 0.02)))
        suggest(space, known[:20], chance, maximize=False)  # which imports numpy
        spent = 0.0
        for _ in range(more):
            began = time.process_time()
            config, fit = suggest(space, known, chance, maximize=False, fit=fit)
            spent += time.process_time() - began
            known.append(Observation(config, sum((x - 0.3) ** 2 for x in config.values()) + chance.gauss(0, 0.02)))
        yield f"a suggestion at {runs + more // 2} runs of {parameters} parameters: {spent / more * 1000:.1f} ms of CPU"


if __name__ == "__main__":
    main()
