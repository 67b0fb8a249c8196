"""The thread that does the work in the background, a step at a time, and gives way to who logs."""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dumbbell_server.backend import Backend
from dumbbell_server.database.engine import reading
from dumbbell_server.history import statements
from dumbbell_server.history.columns import compaction
from dumbbell_server.history.parquet import export
from dumbbell_server.history.parquet.export import Exporter
from dumbbell_server.history.reading import keys
from dumbbell_server.runs.states import PREEMPTING, RUNNING
from dumbbell_server.runs.tables import RunRow

_log = structlog.get_logger()

_TICK = 1.0  # seconds between looks at what there is to do
_QUIET = 2.0  # seconds without rows before the work on a run begins
_WAITS = 30.0  # seconds after which it begins all the same; in busy times the seconds without rows
_BUSY = 20  # POSTs a second that make busy times, when the work takes a twentieth of the time, else half of it
_GOES_ON = frozenset({RUNNING, PREEMPTING})


@dataclass(frozen=True)
class RowsCame:
    """Told once rows of a run, or the news that it has ended, are on disk."""

    run_id: int


@dataclass
class _Waiting:
    """A run that is not finished. `since` when rows wait for work, None where only its end is waited for."""

    run_id: int
    since: float | None
    last: float


class Worker:
    """Stops when it is asked to, between two steps; a step that is cut short is done again at the next start."""

    def __init__(self, backend: Backend, exporter: Exporter) -> None:
        self._backend, self._exporter = backend, exporter
        self._runs: dict[int, _Waiting] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._hurried = False
        self._came: deque[float] = deque(maxlen=_BUSY)
        self._thread: threading.Thread | None = None

    def note(self, event: RowsCame) -> None:
        now = time.monotonic()
        with self._lock:
            waiting = self._runs.get(event.run_id)
            if waiting is None:
                self._runs[event.run_id] = _Waiting(event.run_id, now, now)
            else:
                waiting.since, waiting.last = waiting.since or now, now
            self._came.append(now)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._loop, name="dumbbell-worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Returns once the step in hand is done; what is left is found at the next start."""
        self._stopping.set()
        self._wake.set()
        self._exporter.stop()
        if self._thread is not None:
            self._thread.join()

    def hurry(self) -> None:
        """Until nothing is left, the work waits for nothing and gives way to nobody."""
        self._hurried = True
        self._wake.set()

    def left(self) -> int:
        """Runs that there is something to do for."""
        return len(self._with_work())

    def run(self, progress: Callable[[int, int], None] = lambda _done, _left: None) -> int:
        """All of the work, here and now. `progress` hears how many runs are done and left. Returns how many."""
        self._hurried = True
        self._find()
        done = 0
        while due := self._with_work():
            for at, waiting in enumerate(due):
                progress(done, len(due) - at)
                self._work(waiting.run_id)
                done += 1
        progress(done, 0)
        self._exporter.stop()
        return done

    def _with_work(self) -> list[_Waiting]:
        with self._lock:
            runs = list(self._runs.values())
        if not runs:
            return []
        with reading(self._backend.database) as session:
            live = {row.id for row in statements.LIVE_RUNS(session).all()}
        return [waiting for waiting in runs if waiting.since is not None or waiting.run_id not in live]

    def _state(self, run_id: int) -> Any:
        with reading(self._backend.database) as session:
            return statements.STATE_AND_VERSION(session, run=run_id).first()

    def _find(self) -> None:
        """What an earlier server, or another one, left undone."""
        self._exporter.begin()
        again = export.MISSING if self._exporter.able else ""
        with reading(self._backend.database) as session:
            found = [row.run_id for row in statements.UNFINISHED_RUNS(session, again=again).all()]
        long_ago = time.monotonic() - _WAITS
        with self._lock:
            for run_id in found:
                self._runs.setdefault(run_id, _Waiting(run_id, long_ago, long_ago))

    def _loop(self) -> None:
        try:
            self._find()
            while not self._stopping.is_set():
                worked = False
                for waiting in self._with_work():
                    if not self._stopping.is_set() and self._is_due(waiting):
                        self._work(waiting.run_id)
                        worked = True
                if worked:
                    _give_back()
                if self._hurried and not self.left():
                    self._hurried = False
                if not self._hurried:
                    self._exporter.rest()
                    self._wake.wait(_TICK)
                    self._wake.clear()
        except Exception:  # noqa: BLE001 - the edge of the thread: without it the server serves on, from lines
            _log.exception("work in the background has ended")

    def _is_due(self, waiting: _Waiting) -> bool:
        now = time.monotonic()
        return self._hurried or now - waiting.last > (_WAITS if self._busy() else _QUIET) or (
            waiting.since is not None and now - waiting.since > _WAITS)

    def _busy(self) -> bool:
        with self._lock:
            return len(self._came) == _BUSY and time.monotonic() - self._came[0] < 1

    def _work(self, run_id: int) -> None:
        with self._lock:
            if run_id not in self._runs:
                return
            self._runs[run_id].since = None
        try:
            self._steps(run_id)
        except Exception:  # noqa: BLE001 - the others have their turn; this one has it when rows come, or next time
            with self._lock:
                self._runs.pop(run_id, None)
            if not self._stopping.is_set():
                _log.exception("work in the background failed", run=run_id)

    def _steps(self, run_id: int) -> None:
        state = self._state(run_id)
        if state is not None:
            ended = state.state not in _GOES_ON
            began = time.monotonic()
            while compaction.advance(self._backend.database, run_id, ended=ended):
                self._give_way(time.monotonic() - began)
                if self._stopping.is_set():
                    return
                began = time.monotonic()
            if not ended or not self._finish(run_id, state):
                return
        with self._lock:
            if self._runs[run_id].since is None:
                del self._runs[run_id]

    def _finish(self, run_id: int, state: Any) -> bool:
        """False where the run has changed meanwhile, which is then looked at again."""
        with reading(self._backend.database) as session:
            run = session.get(RunRow, run_id)
        if run is not None:
            keys.of_run(self._backend.database, run)
        parquet = self._exporter.export(run_id)

        def unit(session: Session) -> bool:
            now = statements.STATE_AND_VERSION(session, run=run_id).first()
            if now is None or tuple(now) != tuple(state):
                return now is None
            statements.PUT_COMPACTION(
                session, run=run_id, generation=now.history_generation, lines=now.history_line_count, parquet=parquet)
            return True

        with contextlib.suppress(IntegrityError):  # the run was deleted meanwhile
            return self._backend.database.write(unit)
        return True

    def _give_way(self, took: float) -> None:
        if self._hurried:
            return
        self._stopping.wait(min(took * (20 if self._busy() else 1), 5))


def _give_back() -> None:
    """Memory that nobody holds any more goes back to the system, where the C library keeps it otherwise (glibc)."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
