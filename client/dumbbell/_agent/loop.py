"""An agent: it asks the server for commands and has runs done, one after another."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Mapping
from typing import Any

from dumbbell import _json
from dumbbell._agent.jobs import Executor, Job, Outcome, job_of
from dumbbell._agent.limits import Limits
from dumbbell._client import Client
from dumbbell._documents import sweeps as documents
from dumbbell._retry import StatusError
from dumbbell.errors import AuthenticationError, CommError, PermissionDeniedError

_log = logging.getLogger("dumbbell")

HEARTBEAT = 5.0  # seconds between two; a server takes an agent for dead after a minute of silence
_SOON = 0.5  # seconds until an agent asks again that has nothing to do; twice as long each time, as far as HEARTBEAT
_LOOK = 1.0  # seconds; Windows notices Ctrl-C only between two waits
_LAST_HEARTBEAT = 10.0  # seconds that one which is on its way may take as the agent ends
_GONE = 404


class Loop:
    """Runs are done in the thread that calls `run`; heartbeats have one of their own.

    A run is in the heartbeats from the command that brought it until all of it is at the server: then the next
    heartbeat follows at once, and may bring the next run.
    """

    def __init__(self, client: Client, agent_id: str, executor: Executor, limits: Limits, count: int | None) -> None:
        self._client = client
        self._agent_id = agent_id
        self._executor = executor
        self._limits = limits
        self._left = count
        self._jobs: queue.Queue[Job | None] = queue.Queue()  # None as there are no more
        self._running: set[str] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._over = threading.Event()
        self._sweep_gone = False
        self._refused: CommError | None = None

    def run(self) -> None:
        """Do runs until there is a reason to end.

        Raises:
            CommError: the server does not know the key any more, or refuses it this sweep.
        """
        beats = threading.Thread(target=self._beats, daemon=True, name="dumbbell-agent")
        beats.start()
        try:
            while (job := self._next()) is not None:
                self._do(job)
        finally:
            self._end()
            beats.join(_LAST_HEARTBEAT)
        if self._refused is not None:
            raise self._refused

    def _next(self) -> Job | None:
        while not self._over.is_set():
            try:
                return self._jobs.get(timeout=_LOOK)
            except queue.Empty:
                continue
        return None

    def _do(self, job: Job) -> None:
        values = {name: each.get("value") for name, each in job.args.items()}
        _log.info("run %s begins: %s", job.run_id, values)
        outcome = self._executor.run(job)
        _log.info("run %s has ended with the exit code %s", job.run_id, outcome.exit_code)
        if self._last(outcome):
            self._end()
        with self._lock:
            self._running.discard(job.run_id)
            if self._sweep_gone:
                self._end()
        self._wake.set()

    def _last(self, outcome: Outcome) -> bool:
        """Whether no run is to follow this one."""
        reason = self._limits.ended(failed=outcome.failed)
        if reason is not None:
            _log.error("the agent ends: %s", reason)
            return True
        if self._left is not None:
            self._left -= 1
        return self._left == 0

    def _end(self) -> None:
        self._over.set()
        self._wake.set()
        self._jobs.put(None)

    def _beats(self) -> None:
        idle = _SOON
        while not self._over.is_set():
            self._wake.clear()
            try:
                self._beat()
            except Exception:  # noqa: BLE001 - the thread must not end: the server would take a live agent for a dead one
                _log.exception("a heartbeat has failed")
            pause = HEARTBEAT if self._running else min(idle, HEARTBEAT)
            idle = _SOON if self._running else idle * 2
            if not self._over.is_set():
                self._wake.wait(pause)

    def _beat(self) -> None:
        self._executor.beat()
        if self._sweep_gone:
            return
        with self._lock:
            running = dict.fromkeys(sorted(self._running), True)
        for command in self._commands(running):
            self._obey(command)

    def _commands(self, running: Mapping[str, bool]) -> list[dict[str, Any]]:
        try:
            answer = self._client.execute(documents.HEARTBEAT, {
                "id": self._agent_id, "metrics": "{}", "runState": _json.dumps(running)})
        except (AuthenticationError, PermissionDeniedError) as error:
            self._stop_asking(error)
            return []
        except CommError as error:
            _log.warning("the server cannot be asked for commands; trying again: %s", error)
            return []
        found: list[dict[str, Any]] = _json.loads(answer["agentHeartbeat"]["commands"])
        return found

    def _stop_asking(self, error: CommError) -> None:
        """The run that is being done may still come to its end."""
        if isinstance(error.exc, StatusError) and error.exc.status == _GONE:
            _log.error("the agent ends: its sweep is gone")
        else:
            self._refused = error
        with self._lock:
            self._sweep_gone = True
            if not self._running:
                self._end()

    def _obey(self, command: Mapping[str, Any]) -> None:
        kind = command.get("type")
        if kind in {"run", "resume"}:
            self._take(job_of(command))
        elif kind == "stop":
            self._executor.stop(command["run_id"])
        elif kind == "exit":
            self._end()
            with self._lock:
                running = sorted(self._running)
            for run_id in running:
                self._executor.stop(run_id)
        else:
            _log.warning("the server sent a command that is not known here: %s", kind)

    def _take(self, job: Job) -> None:
        with self._lock:
            if job.run_id in self._running or self._over.is_set():
                return
            self._running.add(job.run_id)
        self._jobs.put(job)
