"""Runs that are calls of a function."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import inspect
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dumbbell import _json
from dumbbell._agent.jobs import STOPPED, Job, Outcome
from dumbbell._agent.streams import Stream
from dumbbell._documents import runs as documents
from dumbbell.errors import WrongTypeError
from dumbbell.run import Run
from dumbbell.sweeps import Sweep

_log = logging.getLogger("dumbbell")


class RunStopped(BaseException):
    """Raised in the function of a run that is to end before its time; `except Exception` does not catch it."""


class FunctionExecutor:
    """Calls the function once a run, in the thread that calls `run`, so that Ctrl-C and signals reach it."""

    def __init__(self, sweep: Sweep, function: Callable[..., object]) -> None:
        self._sweep = sweep
        self._function = function
        self._takes_run = takes_run(function)
        self._lock = threading.Lock()  # held while the other thread speaks for the run or stops it
        self._stream: Stream | None = None  # of the run that is being done
        self._thread: int | None = None  # in which the function is, as long as it is there
        self._run_id = ""
        self._stopped: set[str] = set()

    def run(self, job: Job) -> Outcome:
        """Call the function; then the run has ended at the server too, whatever happened."""
        stream = Stream(self._sweep.client, self._sweep.entity, self._sweep.project, job.run_id)
        code = STOPPED
        try:
            with self._lock:
                stopped = job.run_id in self._stopped
                self._run_id, self._stream, self._thread = job.run_id, stream, None
            if not stopped:
                code = self._exit_code(job)
        finally:
            with self._lock:
                self._stream = None
            stream.end(code)
        return Outcome(code, stopped=job.run_id in self._stopped)

    def _exit_code(self, job: Job) -> int:
        try:
            run = self._started(job)
            before = copy.deepcopy(run.summary_metrics)
            self._call(run)
            if run.summary_metrics != before:
                run.summary.update()
        except RunStopped:
            _log.info("run %s was stopped", job.run_id)
            return STOPPED
        except SystemExit as error:
            return error.code if isinstance(error.code, int) else int(error.code is not None)
        except Exception:  # noqa: BLE001 - one run that fails does not end an agent; KeyboardInterrupt does
            _log.exception("run %s has failed", job.run_id)
            return 1
        return 0

    def _started(self, job: Job) -> Run:
        """The run, of which the server now knows that a process is on it.

        One that goes on has its config already, with what the process before it added.
        """
        sweep = self._sweep
        bucket = sweep.client.execute(documents.START, {
            "entity": sweep.entity, "project": sweep.project, "name": job.run_id, "sweep": sweep.id,
            "config": None if job.resumed else _json.dumps(job.args), "host": socket.gethostname(),
        })["upsertBucket"]["bucket"]
        return sweep.client.classes.run(sweep.client, sweep.entity, sweep.project, bucket["name"], bucket)

    def _call(self, run: Run) -> None:
        with self._stoppable(run.id):
            if self._takes_run:
                self._function(run)
            else:
                with environment(environment_of(self._sweep, run.id)):
                    self._function()

    @contextlib.contextmanager
    def _stoppable(self, run_id: str) -> Iterator[None]:
        with self._lock:
            if run_id in self._stopped:
                raise RunStopped
            self._thread = threading.get_ident()
        try:
            yield
        finally:
            with self._lock:
                thread, self._thread = self._thread, None
            if thread is not None:
                _raise_in(thread, None)  # one that is on its way must not reach what comes after the function

    def stop(self, run_id: str) -> None:
        """Raise RunStopped in the function, once."""
        with self._lock:
            if run_id in self._stopped:
                return
            self._stopped.add(run_id)
            if run_id == self._run_id and self._thread is not None:
                _raise_in(self._thread, RunStopped)

    def beat(self) -> None:
        """Say that the run lives; the answer may ask it to stop."""
        with self._lock:  # so that no such word comes after that of its end
            stopped = self._stream is not None and self._stream.beat()
            run_id = self._run_id
        if stopped:
            self.stop(run_id)


def takes_run(function: Callable[..., object]) -> bool:
    """Whether a function is called with its run.

    Raises:
        WrongTypeError: it can be called neither with one argument nor with none.
    """
    if not callable(function):
        raise WrongTypeError(f"function is {function!r}; it is what is called for each run, with the run")
    try:
        signature = inspect.signature(function)
    except ValueError:  # some written in C tell none
        return True
    for arguments in ((None,), ()):
        with contextlib.suppress(TypeError):
            signature.bind(*arguments)
            return bool(arguments)
    raise WrongTypeError(f"{getattr(function, '__name__', function)}{signature} cannot be called: the function of an "
                         "agent takes its run, or nothing")


def environment_of(sweep: Sweep, run_id: str) -> dict[str, str]:
    """By which a process finds the run that it is: `dumbbell.Api().run()` does."""
    return {"WANDB_ENTITY": sweep.entity, "WANDB_PROJECT": sweep.project, "WANDB_SWEEP_ID": sweep.id,
            "WANDB_RUN_ID": run_id, "WANDB_BASE_URL": sweep.client.transport.base_url}


@contextlib.contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Variables of this process, until the end of the block."""
    before: dict[str, Any] = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Have a thread raise an error at its next step of Python, as `wandb.agent` does; None takes it back."""
    raised = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)
