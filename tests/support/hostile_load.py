"""A server under attack, beside runs that log: what their POSTs wait, what memory it takes, and how it ends.

`PYTHONPATH=tests python -m support.hostile_load --seconds 20` prints the figures. All of it is on loopback and bounded:
a server that takes more memory than it should is killed. The attackers are a process of their own.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from support.hostile_attacks import ATTACKS, PROJECT, Target, stream_of
from support.server import Server, start_server

_TESTS = Path(__file__).parents[1]  # what the process of the attackers imports from
RUNS = 20
EVERY = 0.25  # seconds between two POSTs of a run
ROWS = 15
_BEGIN = 1.0  # seconds until the attackers are at work
_QUIET = 20.0  # seconds that the server is given to do what they have left
_BUSY = 40  # percent of a processor
_NICE = 19  # of the attackers: they have machines of their own, and what is measured is not who gets this one's time
_END = 10.0  # seconds for which they go on after SIGTERM, at most
MOST_MEMORY = 1500 << 20  # bytes at which the server is killed, since the machine is for others too
_COUNTS = """query Counts($project: String!) { project(name: $project, entityName: "local") {
  runs(first: 100) { edges { node { name historyLineCount } } } } }"""


@dataclass
class Figures:
    """What was seen."""

    alone: list[float] = field(default_factory=list)  # seconds of POSTs without attackers
    attacked: list[float] = field(default_factory=list)  # and with them
    again: int = 0  # POSTs that had to be sent again
    memory: int = 0  # bytes, the most of all time
    killed: bool = False  # since it took too much
    ending: float = 0.0  # seconds from SIGTERM to the end
    exit_code: int | None = None
    lost: list[str] = field(default_factory=list)  # runs that lack rows that were acknowledged
    answers: dict[str, Counter[str]] = field(default_factory=dict)  # of each attack, by status

    @property
    def ratio(self) -> float:
        return p99(self.attacked) / p99(self.alone) if self.attacked and self.alone else float("nan")

    def __str__(self) -> str:
        lines = [_times("alone", self.alone), _times("attacked", self.attacked),
                 f"ratio of the p99: {self.ratio:.1f}; sent again: {self.again}",
                 f"memory at most: {self.memory / 2**20:.0f} MiB{', so it was KILLED' if self.killed else ''}",
                 f"SIGTERM: ended after {self.ending:.2f} s with {self.exit_code}",
                 f"runs that lost acknowledged rows: {', '.join(self.lost) or 'none'}"]
        return "\n".join(lines + [f"  {name}: {dict(sorted(seen.items()))}" for name, seen in self.answers.items()])


def _times(name: str, times: list[float]) -> str:
    if not times:
        return f"{name}: no POST was answered"
    middle, most = statistics.median(times) * 1000, p99(times) * 1000
    return f"{name}: {len(times)} POSTs, p50 {middle:.1f} ms, p99 {most:.1f} ms"


def p99(times: list[float]) -> float:
    return sorted(times)[min(len(times) - 1, len(times) * 99 // 100)]


class Logging:
    """Runs that log, a thread each, until the server is gone."""

    def __init__(self, target: Target, figures: Figures) -> None:
        self.acknowledged = dict.fromkeys((f"run-{number}" for number in range(RUNS)), 0)
        self.times: list[float] | None = None  # where seconds go now
        self._target = target
        self._figures = figures
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._log, args=(name,)) for name in self.acknowledged]

    def start(self) -> None:
        for name in self.acknowledged:
            self._target.upsert(name)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _log(self, name: str) -> None:
        with contextlib.closing(self._target.connection()) as connection:
            self._log_over(connection, name)

    def _log_over(self, connection: http.client.HTTPConnection, name: str) -> None:
        while not self._stopped.wait(EVERY):
            times, began = self.times, time.perf_counter()
            try:
                status = self._post(connection, name)
            except ConnectionRefusedError:  # the server has ended
                return
            except (OSError, http.client.HTTPException):
                connection.close()
                status = 0
            if status == http.client.OK:
                self.acknowledged[name] += ROWS
            if times is not None:  # what SIGTERM cuts is not counted
                times.append(time.perf_counter() - began)
                self._figures.again += status != http.client.OK

    def _post(self, connection: http.client.HTTPConnection, name: str) -> int:
        first = self.acknowledged[name]
        lines = [json.dumps({"_step": step, "loss": 1 / (step + 1)}) for step in range(first, first + ROWS)]
        body = json.dumps({"files": {"wandb-history.jsonl": {"offset": first, "content": lines}}})
        connection.request("POST", stream_of(name), body.encode(), self._target.auth)
        with connection.getresponse() as answer:
            answer.read()
            return answer.status


@contextlib.contextmanager
def watched(server: Server, figures: Figures) -> Iterator[None]:
    """Its memory is looked at all the time, and it is killed where it takes too much."""
    done = threading.Event()

    def watch() -> None:
        process = psutil.Process(server.pid)
        while not done.wait(0.02):
            try:
                figures.memory = max(figures.memory, process.memory_info().rss)
            except psutil.Error:
                return
            if figures.memory > MOST_MEMORY:
                figures.killed = True
                process.kill()
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextlib.contextmanager
def logging_runs(target: Target, figures: Figures) -> Iterator[Logging]:
    logging = Logging(target, figures)
    logging.start()
    try:
        yield logging
    finally:
        logging.stop()


def run(folder: Path, seconds: float, attacks: Sequence[str]) -> Figures:
    """Half of the seconds without attackers and half with them, in turn; then SIGTERM while they go on."""
    figures = Figures()
    with start_server(folder) as server, watched(server, figures):
        target = Target(server.base_url, server.api_key)
        target.prepare()
        with logging_runs(target, figures) as logging:
            _turn(logging, figures, target, attacks, seconds / 4)
            _quiet(server)
            _turn(logging, figures, target, attacks, seconds / 4, last=server)
    with start_server(folder) as server:
        figures.lost = _lost(Target(server.base_url, server.api_key), logging.acknowledged)
    return figures


def _turn(logging: Logging, figures: Figures, target: Target, attacks: Sequence[str], seconds: float,
          last: Server | None = None) -> None:
    """So long alone, and so long attacked; `last` is ended by SIGTERM while the attackers go on."""
    logging.times = figures.alone
    time.sleep(seconds)
    logging.times = None
    lasting = seconds + _BEGIN + (_END if last else 0)
    command = [sys.executable, "-m", "support.hostile_attacks", target.url, target.key, str(lasting), *attacks]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(_TESTS)}) as attackers:
        try:
            psutil.Process(attackers.pid).nice(_NICE)
            time.sleep(_BEGIN)
            logging.times = figures.attacked
            time.sleep(seconds)
            logging.times = None
            if last is not None:
                _end(last, figures)
            output, _ = attackers.communicate()
        finally:
            attackers.kill()
    for name, seen in json.loads(output).items():
        figures.answers.setdefault(name, Counter()).update(seen)


def _quiet(server: Server) -> None:
    """What the attackers have left is done: it would count as time of those who log alone."""
    deadline = time.monotonic() + _QUIET
    with contextlib.suppress(psutil.Error):  # it was killed
        process = psutil.Process(server.pid)
        while time.monotonic() < deadline and process.cpu_percent(1.0) > _BUSY:
            pass


def _end(server: Server, figures: Figures) -> None:
    began = time.perf_counter()
    server.process.terminate()
    try:
        figures.exit_code = server.process.wait(60)
    except subprocess.TimeoutExpired:
        server.kill()
    figures.ending = time.perf_counter() - began


def _lost(target: Target, acknowledged: dict[str, int]) -> list[str]:
    edges = target.gql(_COUNTS, {"project": PROJECT})["project"]["runs"]["edges"]
    stored = {edge["node"]["name"]: edge["node"]["historyLineCount"] for edge in edges}
    return [name for name, rows in acknowledged.items() if stored[name] < rows]


def main() -> None:
    parser = argparse.ArgumentParser(prog="support.hostile_load", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="half of them alone, half attacked (default 20)")
    parser.add_argument("--only", default=",".join(ATTACKS), help="names of attacks, with commas (default: all)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dumbbell-hostile-") as name:
        print(run(Path(name), arguments.seconds, arguments.only.split(",")))


if __name__ == "__main__":
    main()
