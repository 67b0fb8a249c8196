"""The server under measure: what is asked of it, and what it spends."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import orjson
import psutil

from support.server import Server, start_server

TRIALS = 5


@dataclass(frozen=True)
class Figure:
    """One line of the table: the median of the trials, and how far they spread."""

    measure: str
    unit: str
    cpu: list[float]
    wall: list[float]

    def line(self) -> str:
        low, high = min(self.cpu), max(self.cpu)
        return (f"{self.measure:<46} {statistics.median(self.cpu):>9.2f} {f'{low:.2f}-{high:.2f}':>15} "
                f"{statistics.median(self.wall):>9.2f}  {self.unit}")


HEADER = f"{'measure':<46} {'cpu':>9} {'spread':>15} {'wall':>9}  unit"


class Target:
    """A server of its own, and a connection to it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.process = psutil.Process(server.pid)
        self.http = self.connection()

    def connection(self) -> httpx2.Client:
        return httpx2.Client(base_url=self.server.base_url, auth=("api", self.server.api_key), timeout=300)

    def forget_peak(self) -> None:
        """Linux only."""
        Path(f"/proc/{self.server.pid}/clear_refs").write_text("5", encoding="ascii")

    def peak(self) -> int:
        """The most bytes that the server has held at once since then."""
        status = Path(f"/proc/{self.server.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024

    def cpu(self) -> float:
        """Seconds of CPU that the server has spent so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def gql(self, query: str, **variables: Any) -> Any:
        answer = self.http.post("/graphql", content=orjson.dumps({"query": query, "variables": variables}))
        body = orjson.loads(answer.content)
        if answer.status_code != httpx2.codes.OK or "errors" in body:
            raise RuntimeError(f"{answer.status_code}: {answer.text[:500]}")
        return body["data"]

    def figure(self, measure: str, unit: str, per: float, trial: Callable[[], object]) -> Figure:
        """Run the trial TRIALS times; its cost in `unit`, of which a second has `per`."""
        spent, lasted = [], []
        for _ in range(TRIALS):
            cpu, wall = self.cpu(), time.perf_counter()
            trial()
            lasted.append((time.perf_counter() - wall) * per)
            spent.append((self.cpu() - cpu) * per)
        return Figure(measure, unit, spent, lasted)


@contextmanager
def running(folder: Path, **env: str) -> Iterator[Target]:
    with start_server(folder, **env) as server:
        target = Target(server)
        with target.http:
            yield target
