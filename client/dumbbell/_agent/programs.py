"""Runs that are processes: the program of the sweep, as `wandb agent` starts it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dumbbell import _json
from dumbbell._agent.functions import environment_of
from dumbbell._agent.jobs import STOPPED, Job, Outcome
from dumbbell._agent.limits import whole
from dumbbell._agent.macros import DEFAULT, command_of, uses_file
from dumbbell._agent.streams import Stream
from dumbbell._documents import runs as documents
from dumbbell.errors import CommError, InvalidValueError
from dumbbell.sweeps import Sweep

_log = logging.getLogger("dumbbell")

_KILL_DELAY = 30  # seconds that a program has after SIGTERM
_NOT_STARTED = 127  # what a shell says of a command that is not there
_BY_SIGNAL = 128  # and its exit code for a process that a signal has ended, with the signal's number added
_OPEN = frozenset({"running", "pending", "preempting"})


class ProgramExecutor:
    """Starts a process a run and waits for its end; it finds its run by the variables that `wandb` reads."""

    def __init__(self, sweep: Sweep) -> None:
        """Raises InvalidValueError where the sweep's command cannot be one."""
        self._sweep = sweep
        self._template = _template(sweep.config)
        self._program = sweep.config.get("program")
        self._kill_delay = whole("WANDB_AGENT_KILL_DELAY", _KILL_DELAY)
        command_of(self._template, self._program, {}, Path())  # what is wrong with it is said before the first run
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._run_id = ""
        self._interrupted = False
        self._stopped: dict[str, float] = {}  # runs that were asked to end, and when

    def run(self, job: Job) -> Outcome:
        """Run the program; where it leaves its run unfinished, the exit code says how it ended.

        The first Ctrl-C lets it end by itself, the next ends it; KeyboardInterrupt is raised after it either way.
        """
        code = STOPPED
        try:
            code = self._exit_code(job)
        finally:
            self._finish(job.run_id, code)
        if self._interrupted:
            raise KeyboardInterrupt
        return Outcome(code, stopped=job.run_id in self._stopped)

    def _exit_code(self, job: Job) -> int:
        with self._lock:
            if job.run_id in self._stopped:
                return STOPPED
            process = self._start(job)
            if process is None:
                return _NOT_STARTED
            self._process, self._run_id = process, job.run_id
        try:
            code = self._waited(process)
        finally:
            self._end(process)
            with self._lock:
                self._process = None
        return code if code >= 0 else _BY_SIGNAL - code

    def _waited(self, process: subprocess.Popen[bytes]) -> int:
        try:
            return process.wait()
        except KeyboardInterrupt:
            self._interrupted = True
            _log.warning("the agent ends after this run; Ctrl-C again ends the run too")
            return process.wait()

    def _start(self, job: Job) -> subprocess.Popen[bytes] | None:
        folder = Path(os.environ.get("WANDB_DIR") or Path.cwd()).absolute()
        below = folder / "wandb" / f"sweep-{self._sweep.id}"
        values = {name: each.get("value") for name, each in job.args.items()}
        parameters = write_parameters(below / f"config-{job.run_id}.yaml", job.args)
        as_json = below / f"config-{job.run_id}.json"
        if uses_file(self._template):
            as_json.write_text(_json.dumps(values))
        command = command_of(self._template, job.program or self._program, values, as_json)
        variables = {**os.environ, **environment_of(self._sweep, job.run_id), "WANDB_DIR": str(folder),
                     "WANDB_SWEEP_PARAM_PATH": str(parameters)}
        variables.pop("WANDB_SERVICE", None)  # that of another process: the program starts its own
        _log.info("run %s is %s", job.run_id, command)
        try:
            return _popen(command, variables)
        except OSError:
            _log.exception("run %s cannot be started", job.run_id)
            return None

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """No process outlives the wait for it, whatever ended that."""
        if process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(self._kill_delay)
        except subprocess.TimeoutExpired:
            _log.warning("the program did not end by itself")
        finally:
            process.kill()
            process.wait()

    def _finish(self, run_id: str, code: int) -> None:
        """A program that uses `wandb` has finished its run; another one, or one that was killed, has not."""
        client, entity, project = self._sweep.client, self._sweep.entity, self._sweep.project
        try:
            found = client.execute(documents.STATE, {"entity": entity, "project": project, "name": run_id})
        except CommError as error:
            _log.info("the state of run %s is not known: %s", run_id, error)
            found = {}
        run = (found.get("project") or {}).get("run")
        if run is not None and run["state"] in _OPEN:
            Stream(client, entity, project, run_id).end(code)

    def stop(self, run_id: str) -> None:
        """SIGTERM at first; SIGKILL where it is asked again and the program has had its time."""
        with self._lock:
            since = self._stopped.get(run_id)
            self._stopped.setdefault(run_id, time.monotonic())
            if self._process is None or run_id != self._run_id:
                return
            if since is None:
                self._process.terminate()
            elif time.monotonic() - since > self._kill_delay:
                self._process.kill()

    def beat(self) -> None:
        """Nothing: a program that uses `wandb` says itself that its run lives, and when it has ended."""


def write_parameters(path: Path, args: Mapping[str, Any]) -> Path:
    """The file in which `wandb` looks for the parameters of its run."""
    import yaml  # noqa: PLC0415 - a tenth of the time that importing the client takes

    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(_json.loads(_json.dumps(args)), sort_keys=False, allow_unicode=True) if args else ""
    path.write_text(f"wandb_version: 1\n\n{text}", encoding="utf-8")
    return path


def _template(config: Mapping[str, Any]) -> Sequence[Any]:
    found = config.get("command")
    if not found:
        return DEFAULT
    if not isinstance(found, list):
        raise InvalidValueError(f"the `command` of the sweep is {found!r}; it is a list, such as {list(DEFAULT)}")
    return found


def _popen(command: Sequence[str], variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A process in a group of its own, so that Ctrl-C at the terminal reaches the agent alone.

    Nothing is on its standard input: to read the terminal's would stop a process of another group.
    """
    if sys.platform == "win32":
        return subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL,  # noqa: S603 - what the sweep names
                                creationflags=subprocess.CREATE_NEW_PROCESS_GROUP)
    return subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL, process_group=0)  # noqa: S603 - the same
