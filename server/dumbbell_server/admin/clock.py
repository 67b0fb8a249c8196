"""The clock of a running server, set by whoever tests against it.

All that the server does by the time follows: runs and agents that fall silent, lifetimes of versions, signed URLs,
cookies, passes of the upkeep. What clients do by the time does not: they have clocks of their own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import structlog
from sqlalchemy import Connection

from dumbbell_server.admin.due import Due, do_due, next_due
from dumbbell_server.backend import Backend
from dumbbell_server.clock import AdjustableClock, to_text
from dumbbell_server.errors import BadInput, Conflict

_log = structlog.get_logger()

EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
LONGEST_QUIET = 3600.0  # seconds
_TICK = 0.02  # seconds between looks whether clients wait


class ClockControl:
    """Sets the clock of this backend. What has become due is done as each method returns."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.clock = _adjustable(backend)
        self._lock = threading.Lock()
        self._skipper: _Skipper | None = None
        backend.register_threads(self._stop)
        self.clock.subscribe(self._moved)

    @property
    def auto(self) -> float | None:
        """Seconds of quiet after which it skips by itself; None where it does not."""
        skipper = self._skipper
        return None if skipper is None else skipper.quiet

    def due(self) -> Due | None:
        return next_due(self._backend, self.clock)

    def freeze(self, moment: str | None) -> None:
        """It stands still from now on, at this moment or where it is. BadInput for what is no moment."""
        at = self.clock.look() if moment is None else _seconds(moment)
        with self._lock:
            self._stop()
            self.clock.freeze(at)

    def advance(self, seconds: float) -> None:
        """It is so many seconds later, whether it stands or goes. BadInput beyond what it can say."""
        if not seconds >= 0:
            raise BadInput(f"advance is {seconds}; it is a number of seconds from 0 on")
        with self._lock:
            self._move_to(self.clock.look() + seconds)

    def skip(self) -> Due:
        """It is the moment at which the next thing is due. Conflict where there is none."""
        with self._lock:
            due = self.due()
            if due is None:
                raise Conflict("nothing is due: no run or agent lives, and no version expires")
            self._move_to(due.at.timestamp())
        return due

    def skip_by_itself(self, quiet: float) -> None:
        """It goes on, and skips whenever clients have asked but written nothing for so many seconds of the machine."""
        if not 0 < quiet <= LONGEST_QUIET:
            raise BadInput(f"auto is {quiet}; it is the seconds of quiet before the clock skips, up to {LONGEST_QUIET}")
        with self._lock:
            self._stop()
            self.clock.thaw()
            self._skipper = _Skipper(self._backend, self.clock, quiet, self._try_skip)

    def release(self) -> None:
        """It is the machine's time again."""
        with self._lock:
            self._stop()
            self.clock.release()

    def _try_skip(self) -> None:
        """Unless somebody is just setting the clock, who may wait for the thread that calls this."""
        if self._lock.acquire(blocking=False):
            try:
                due = self.due()
                if due is not None:
                    self._move_to(due.at.timestamp())
            finally:
                self._lock.release()

    def _move_to(self, moment: float) -> None:
        if not moment <= LATEST.timestamp():
            raise BadInput(f"the clock goes up to {to_text(LATEST)}")
        self.clock.move_to(moment)

    def _moved(self) -> None:
        # nothing could be heard of anybody before: neither before a moment to which it was set back
        self._backend.opened_at = min(self._backend.opened_at, self._backend.clock.text())
        do_due(self._backend)

    def _stop(self) -> None:
        if self._skipper is not None:
            self._skipper.stop()
            self._skipper = None


class _Skipper:
    """A thread that sees when clients wait: they ask what depends on the time, and nothing is written meanwhile."""

    def __init__(self, backend: Backend, clock: AdjustableClock, quiet: float, skip: Callable[[], None]) -> None:
        self.quiet = quiet
        self._backend, self._clock, self._skip = backend, clock, skip
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dumbbell-clock", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            with closing(self._backend.database.engine.connect()) as connection:
                self._watch(connection)
        except Exception:  # noqa: BLE001 - the edge of the thread: the clock goes on without skipping
            _log.exception("the clock does not skip by itself any more")

    def _watch(self, connection: Connection) -> None:
        written, asked = _version(connection), None
        self._clock.was_read = False
        while not self._stopped.wait(min(_TICK, self.quiet)):
            now = _version(connection)
            if now != written:
                written, asked = now, None
                self._clock.was_read = False
            elif asked is None:
                # from the question on: who has just asked may be about to write
                asked = time.monotonic() if self._clock.was_read else None
            elif time.monotonic() - asked >= self.quiet:
                self._skip()
                written, asked = _version(connection), None
                self._clock.was_read = False


def _version(connection: Connection) -> object:
    """Another one once another connection has committed anything."""
    postgres = connection.dialect.name == "postgresql"
    text = "SELECT pg_current_snapshot()::text" if postgres else "PRAGMA data_version"
    found: object = connection.exec_driver_sql(text).scalar()
    connection.rollback()  # else Postgres shows the same moment for ever
    return found


def _adjustable(backend: Backend) -> AdjustableClock:
    assert isinstance(backend.clock, AdjustableClock)  # noqa: S101 - as `dumbbell serve` makes it
    return backend.clock


def _seconds(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"freeze is {text[:80]!r}; it is a moment such as 2026-01-05T10:00:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        fits = EARLIEST <= moment <= LATEST
    except OverflowError:
        fits = False
    if not fits:
        raise BadInput(f"freeze is {text[:80]!r}; the clock goes from {to_text(EARLIEST)} to {to_text(LATEST)}")
    return moment.timestamp()
