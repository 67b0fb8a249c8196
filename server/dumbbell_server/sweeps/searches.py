"""What searching takes that no request should wait for: suggestions of bayes, and what early stopping reads.

One for a backend. What it remembers can be made again: a server that was started again has forgotten it.
"""

from __future__ import annotations

import random
import threading
from array import array
from collections import OrderedDict, deque
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from math import nan
from typing import Any

from dumbbell_server.backend import Backend, Provided
from dumbbell_server.database.engine import reading
from dumbbell_server.errors import Damaged, NotFound
from dumbbell_server.history.reading.forks import ENDLESS
from dumbbell_server.history.reading.rows import Spec
from dumbbell_server.history.reading.samples import samples
from dumbbell_server.runs.states import LIVE_STATES, PENDING, PREEMPTED
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.sweeps import queries
from dumbbell_server.sweeps.config import SweepConfig
from dumbbell_server.sweeps.making import plain
from dumbbell_server.sweeps.metrics import finite, value_of
from dumbbell_server.sweeps.search import bayes
from dumbbell_server.sweeps.search.hyperband import Track, to_stop
from dumbbell_server.sweeps.search.space import Space
from dumbbell_server.sweeps.tables import SweepRow

_PATIENCE = 0.02  # seconds that a heartbeat waits for a suggestion; the agent asks again after five
_HANDED = 16  # suggestions of a sweep that may be on their way to a run
_SWEEPS_KEPT = 256
_MOST_ROWS = 1_000_000  # of a run, that early stopping looks at
_MOST_VALUES = 4_000_000  # of all runs, that it remembers

Values = dict[str, Any]


@dataclass
class _Bayes:
    """What is known of one sweep's search."""

    asked: dict[int, Future[Values]] = field(default_factory=dict)  # by agent
    handed: deque[Values] = field(default_factory=lambda: deque(maxlen=_HANDED))
    fit: bayes.Fit | None = None


@dataclass
class _Read:
    """Values of a metric that were read of a run, and how far."""

    generation: int
    lines: int = -1
    last_step: int | None = None
    values: array[float] = field(default_factory=lambda: array("d"))


class Searches:
    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._pool = ThreadPoolExecutor(1, "dumbbell-searches")
        self._lock = threading.Lock()
        self._bayes: OrderedDict[tuple[int, str], _Bayes] = OrderedDict()  # by sweep and config
        self._histories = threading.Lock()
        self._read: OrderedDict[tuple[int, str], _Read] = OrderedDict()

    def clear(self) -> None:
        """Sweeps and runs may be others by now, with the same numbers."""
        with self._lock:
            self._bayes.clear()
        with self._histories:
            self._read.clear()

    def suggestion(self, sweep: SweepRow, config: SweepConfig, agent_id: int) -> Values | None:
        """Values for the agent's next run; None while they are being thought of, and it has to ask again."""
        space = config.space
        if space is None:
            return None
        key = sweep.id, config.text
        with self._lock:
            search = self._bayes.setdefault(key, _Bayes())
            self._bayes.move_to_end(key)
            while len(self._bayes) > _SWEEPS_KEPT:
                self._bayes.popitem(last=False)
            future = search.asked.get(agent_id)
            if future is None:
                future = search.asked[agent_id] = self._pool.submit(self._suggest, search, sweep.id, config, space)
        if not wait([future], _PATIENCE).done:
            return None
        mine = search.asked.pop(agent_id, None)  # None: another heartbeat of the agent has taken it
        return None if mine is None else mine.result()

    def _suggest(self, search: _Bayes, sweep_id: int, config: SweepConfig, space: Space) -> Values:
        with reading(self._backend.database) as session:
            sweep = session.get(SweepRow, sweep_id)
            if sweep is None:
                raise NotFound("the sweep has been deleted")
            trials = [bayes.Observation(plain(text), _loss(state, summary, sweep))
                      for state, text, summary in queries.trials(session, sweep)]
        known = {space.key(trial.values) for trial in trials}
        on_their_way = [bayes.Observation(values, None) for values in search.handed if space.key(values) not in known]
        seed = self._backend.clock.random.getrandbits(64)
        values, search.fit = bayes.suggest(space, trials + on_their_way, random.Random(seed),  # noqa: S311 - a search
                                           maximize=config.maximize, fit=search.fit)
        search.handed.append(values)
        return values

    def stopping_early(self, sweep: SweepRow, config: SweepConfig, running: Collection[str]) -> list[str]:
        """Those of the runs that an agent runs which hyperband stops."""
        if config.hyperband is None or config.metric is None or not running:
            return []
        with reading(self._backend.database) as session:
            runs = list(queries.progress(session, sweep))
        with self._histories:
            tracks = [Track(name, state in LIVE_STATES, self._values(number, config.metric, generation, lines))
                      for number, name, state, generation, lines in runs]
            stopped = to_stop(config.hyperband, tracks, maximize=config.maximize)
        return [name for name in stopped if name in running]

    def _values(self, number: int, metric: str, generation: int, lines: int) -> Sequence[float]:
        """The metric's finite values in the run's rows, in their order; only new rows are read."""
        read = self._read.get((number, metric))
        if read is None or read.generation != generation:
            read = self._read[number, metric] = _Read(generation)
        self._read.move_to_end((number, metric))
        if read.lines != lines:
            read.lines = lines
            self._read_on(read, number, metric)
            self._forget_oldest()
        return read.values

    def _read_on(self, read: _Read, number: int, metric: str) -> None:
        with reading(self._backend.database) as session:
            run = session.get(RunRow, number)
        low = -ENDLESS if read.last_step is None else read.last_step + 1
        found = [] if run is None else samples(self._backend.database, run, [
            Spec(("_step", metric), _MOST_ROWS, low=low)])[0]
        rows = [] if isinstance(found, Damaged) else found
        if read.last_step is None:
            del read.values[:]
        read.values.extend(value for row in rows if (value := finite(row[metric])) is not None)
        last = rows[-1]["_step"] if rows else read.last_step
        # where steps are no numbers, nobody knows which rows are new
        read.last_step = last if isinstance(last, int) and not isinstance(last, bool) else None

    def _forget_oldest(self) -> None:
        held = sum(len(read.values) for read in self._read.values())
        while held > _MOST_VALUES and len(self._read) > 1:
            held -= len(self._read.popitem(last=False)[1].values)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def _loss(state: str, summary: str, sweep: SweepRow) -> float | None:
    """What a run has come to: NaN where it ended with nothing to show, None where it may still show something."""
    if state in LIVE_STATES or state in {PENDING, PREEMPTED}:
        return None
    value = value_of(summary, sweep.metric or "", maximize=sweep.maximize)
    return nan if value is None else value


def silent_before(backend: Backend) -> str | None:
    """Agents that were not heard of since this moment are dead.

    None where nobody could be heard for so long: the server was down.
    """
    before = backend.clock.text_ago(backend.settings.agent_timeout)
    return before if before > backend.opened_at else None


SEARCHES: Provided[Searches] = Provided("searches")

