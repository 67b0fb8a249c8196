"""The thread that works in the background, a step at a time, and waits while clients log.

It turns lines into columns and Parquet files, and keeps the key documents that reads have made.
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError

from dumbbell_server.backend import Backend
from dumbbell_server.database.engine import reading, snapshot
from dumbbell_server.database.units import Unit
from dumbbell_server.history import statements
from dumbbell_server.history.columns import compaction
from dumbbell_server.history.events import KeysRead, RowsCame
from dumbbell_server.history.parquet import export
from dumbbell_server.history.parquet.export import Exporter
from dumbbell_server.history.reading import keys
from dumbbell_server.history.tables import KeysRow
from dumbbell_server.runs.states import LIVE_STATES
from dumbbell_server.runs.tables import RunRow

_log = structlog.get_logger()

_TICK = 1.0  # seconds between looks at what there is to do
_QUIET = 2.0  # seconds without rows before the work on a run begins
_LONGEST_WAIT = 30.0  # seconds after which it begins anyway; in busy times the seconds without rows
_BUSY = 20  # POSTs a second that make busy times, when the work takes a twentieth of the time, else half of it
_KEYS_HELD = 32 << 20  # characters of key documents that wait; what is beyond is made again by the next read


@dataclass
class _Waiting:
    """A run that is not finished. `since` when rows wait for work, None where only its end is waited for."""

    run_id: int
    since: float | None
    last: float


class Worker:
    """Stops between two steps; a step that is cut short is done again at the next start."""

    def __init__(self, backend: Backend, exporter: Exporter) -> None:
        self._backend, self._exporter = backend, exporter
        self._runs: dict[int, _Waiting] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._pausing = threading.Event()
        self._working = threading.RLock()  # held while something is done that began with a read
        self._hurried = False
        self._came: deque[float] = deque(maxlen=_BUSY)
        self._keys: dict[int, KeysRow] = {}
        self._keys_size = 0
        self._thread: threading.Thread | None = None

    def rows_came(self, event: RowsCame) -> None:
        now = time.monotonic()
        with self._lock:
            waiting = self._runs.get(event.run_id)
            if waiting is None:
                self._runs[event.run_id] = _Waiting(event.run_id, now, now)
            else:
                waiting.since, waiting.last = waiting.since or now, now
            self._came.append(now)

    def keys_read(self, event: KeysRead) -> None:
        """The document is kept at the next step."""
        size = len(event.row.document)
        with self._lock:
            if self._keys_size + size <= _KEYS_HELD:
                self._keys[event.row.run_id] = event.row
                self._keys_size += size

    def start(self) -> None:
        self._thread = threading.Thread(target=self._loop, name="dumbbell-worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Returns once the present step is done; what is left is found at the next start."""
        self._stopping.set()
        self._wake.set()
        self._exporter.stop()
        if self._thread is not None:
            self._thread.join()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Between two steps; afterwards it looks again at what there is to do, since runs may be others by then."""
        self._pausing.set()
        with self._working:
            try:
                yield
            finally:
                self._pausing.clear()
                with self._lock:
                    self._runs.clear()
                    self._keys, self._keys_size = {}, 0
                self._find_unfinished()

    def hurry(self) -> None:
        """Until nothing is left, the work waits for nothing."""
        self._hurried = True
        self._wake.set()

    def left(self) -> int:
        """Runs that there is something to do for."""
        return len(self._with_work())

    def run(self, progress: Callable[[int, int], None] = lambda _done, _left: None) -> int:
        """All of the work, at once. `progress` is called with how many runs are done and left. Returns how many."""
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
        self._find_unfinished()

    def _find_unfinished(self) -> None:
        again = export.MISSING if self._exporter.able else ""
        with reading(self._backend.database) as session:
            found = [row.run_id for row in statements.UNFINISHED_RUNS(session, again=again).all()]
        long_ago = time.monotonic() - _LONGEST_WAIT
        with self._lock:
            for run_id in found:
                self._runs.setdefault(run_id, _Waiting(run_id, long_ago, long_ago))

    def _loop(self) -> None:
        try:
            self._find()
            while not self._stopping.is_set():
                if self._hurried or self._backend.settings.background:
                    self._work_on_due()
                if self._hurried and not self.left():
                    self._hurried = False
                if not self._hurried:
                    self._exporter.rest()
                    self._wake.wait(_TICK)
                    self._wake.clear()
        except Exception:  # noqa: BLE001 - the edge of the thread: without it the server serves on, from lines
            _log.exception("work in the background has ended")

    def _work_on_due(self) -> None:
        with self._working:
            self._keep_keys()
        worked = False
        for waiting in self._with_work():
            if not self._ends_early() and self._is_due(waiting):
                self._work(waiting.run_id)
                worked = True
        if worked:
            _trim_memory()

    def _keep_keys(self) -> None:
        with self._lock:
            rows = list(self._keys.values())
            self._keys, self._keys_size = {}, 0
        if not rows:
            return
        try:
            self._backend.write(None, keys.keep, rows)
        except Exception:  # noqa: BLE001 - a cache: reads make them again, and the rest of the work goes on
            _log.exception("keys of histories were not kept", runs=len(rows))

    def _is_due(self, waiting: _Waiting) -> bool:
        if self._hurried:
            return True
        now = time.monotonic()
        if now - waiting.last > (_LONGEST_WAIT if self._busy() else _QUIET):
            return True
        return waiting.since is not None and now - waiting.since > _LONGEST_WAIT

    def _busy(self) -> bool:
        with self._lock:
            return len(self._came) == _BUSY and time.monotonic() - self._came[0] < 1

    def _work(self, run_id: int) -> None:
        with self._lock:
            if run_id not in self._runs:
                return
            self._runs[run_id].since = None
        try:
            with self._working:
                self._steps(run_id)
        except Exception:  # noqa: BLE001 - the others have their turn; this one has it when rows come, or next time
            with self._lock:
                self._runs.pop(run_id, None)
            if not self._stopping.is_set():
                _log.exception("work in the background failed", run=run_id)

    def _steps(self, run_id: int) -> None:
        state = self._state(run_id)
        if state is not None:
            ended = state.state not in LIVE_STATES
            began = time.monotonic()
            while compaction.advance(self._backend.database, run_id, ended=ended):
                self._pause(time.monotonic() - began)
                if self._ends_early():
                    return
                self._keep_keys()
                began = time.monotonic()
            if not ended or not self._finish(run_id, state):
                return
        with self._lock:
            if run_id in self._runs and self._runs[run_id].since is None:
                del self._runs[run_id]

    def _ends_early(self) -> bool:
        return self._stopping.is_set() or self._pausing.is_set()

    def _finish(self, run_id: int, state: Any) -> bool:
        """False where the run has changed meanwhile, which is then looked at again."""
        with snapshot(self._backend.database) as session:
            run = session.get(RunRow, run_id)
            fresh = None if run is None else keys.key_document(session, run)[1]
        parquet = self._exporter.export(run_id)
        with contextlib.suppress(IntegrityError):  # the run was deleted meanwhile
            return self._backend.write(None, _record, run_id, state, fresh, parquet)
        return True

    def _pause(self, took: float) -> None:
        """After a step of so many seconds, the disk and the interpreter are left to clients."""
        if self._hurried:
            return
        self._stopping.wait(min(took * (20 if self._busy() else 1), 5))


def _record(unit: Unit, run_id: int, state: Any, fresh: KeysRow | None, parquet: str) -> bool:
    """Nothing is left to do for the run, and its keys are kept. False where it has changed since it was in `state`."""
    now = statements.STATE_AND_VERSION.on(unit.connection, run=run_id).first()
    if now is None:
        return True
    if fresh is not None:
        keys.keep(unit, [fresh])
    if tuple(now) != tuple(state):
        return False
    statements.PUT_COMPACTION.on(
        unit.connection, run=run_id, generation=now.history_generation, lines=now.history_line_count, parquet=parquet)
    return True


def _trim_memory() -> None:
    """Memory that nobody holds any more goes back to the system, where the C library keeps it otherwise (glibc)."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
