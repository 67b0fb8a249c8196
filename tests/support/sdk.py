"""The real wandb package, each version in an environment of its own, and scripts run by it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import textwrap
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import psutil

from dumbbell_server.releases import python_of

_LOOK = 5.0  # seconds between looks at a script that goes on
_LOOPBACK = "localhost,127.0.0.1,::1"


class Backend(Protocol):
    """What a script has to know of a server."""

    @property
    def base_url(self) -> str: ...

    @property
    def api_key(self) -> str: ...


@dataclass(frozen=True)
class Finished:
    """What a script left behind."""

    returncode: int
    stdout: str
    stderr: str
    folder: Path

    @property
    def last_line(self) -> str:
        return self.stdout.rstrip().rpartition("\n")[2]

    def line(self, start: str) -> str:
        """The last line that starts so: after the script's own, the SDK may say where its logs are."""
        return next((line for line in reversed(self.stdout.splitlines()) if line.startswith(start)), "")

    def __str__(self) -> str:
        return f"exit code {self.returncode}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


@dataclass(frozen=True)
class Script:
    """A script that was started, with what it prints in files: the SDK's service would keep a pipe open."""

    process: subprocess.Popen[bytes]
    folder: Path

    def finished(self, timeout: float) -> Finished:
        """Wait for its end, and end what the SDK left in its session. AssertionError where it goes on for too long."""
        with self:
            try:
                returncode = _ended(self.process, timeout, self.folder)
            except subprocess.TimeoutExpired:
                self.kill()
                said = "\n".join(self._said())
                raise AssertionError(f"the script did not end within {timeout} s:\n{said}") from None
        return Finished(returncode, *self._said(), self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End it and the service that the SDK left in its session, by SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _said(self) -> tuple[str, str]:
        out, err = ((self.folder / name).read_text(errors="replace") for name in ("stdout", "stderr"))
        return out, err


def start_script(version: str, server: Backend, tmp_path: Path, source: str, env: Mapping[str, str] | None = None,
                 packages: Sequence[str] = ()) -> Script:
    """Start `source` with the Python of this wandb and more packages, in a folder and with caches of its own.

    Whoever does not wait for it ends it: the script is a context manager.
    """
    python = python_of(version, *packages)
    folder = Path(tempfile.mkdtemp(prefix="sdk-", dir=tmp_path))
    work = folder / "work"
    work.mkdir()
    script = work / "script.py"
    script.write_text(textwrap.dedent(source))
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen([str(python), str(script)], cwd=work, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=err, env=_environment(folder, server) | dict(env or {}),
                                   start_new_session=True)
    return Script(process, folder)


def run_script(version: str, server: Backend, tmp_path: Path, source: str, timeout: float = 120,
               env: Mapping[str, str] | None = None, packages: Sequence[str] = ()) -> Finished:
    """The same to its end."""
    return start_script(version, server, tmp_path, source, env, packages).finished(timeout)


def read_of(finished: Finished) -> Any:
    """The JSON that a script printed after READ; the SDK may print after it."""
    assert finished.returncode == 0, str(finished)
    return json.loads(finished.line("READ ").removeprefix("READ "))


def _ended(process: subprocess.Popen[bytes], timeout: float, folder: Path) -> int:
    """The script's exit code; TimeoutExpired where it does not end."""
    deadline = time.monotonic() + timeout
    while True:
        left = deadline - time.monotonic()
        try:
            return process.wait(min(left, _LOOK) if left > 0 else 0)
        except subprocess.TimeoutExpired:
            if left <= 0:
                raise
            _end_deaf_core(process, folder)


def _end_deaf_core(process: subprocess.Popen[bytes], folder: Path) -> None:
    """End a wandb-core that nobody speaks to any more, for which its script waits for ever.

    So it is now and then with 0.31.0 at the end of a script: a core that is just writing when the script closes their
    connection does not read the last word, which is that it is to end.
    """
    for log in folder.rglob("core-debug-*.log"):
        lines = log.read_text(errors="replace").splitlines()
        if time.time() - log.stat().st_mtime > _LOOK and any("flush error" in line for line in lines) \
                and "connection closed" in lines[-1]:
            for child in psutil.Process(process.pid).children():
                if child.name().startswith("wandb-core"):
                    child.terminate()


def _environment(folder: Path, server: Backend) -> dict[str, str]:
    outer = {name: value for name, value in os.environ.items()
             if not name.startswith(("WANDB_", "DUMBBELL_", "PYTEST_", "XDG_", "PYTHON"))}
    own = {"HOME": "home", "WANDB_DIR": "dir", "WANDB_CACHE_DIR": "cache", "WANDB_CONFIG_DIR": "config",
           "WANDB_DATA_DIR": "data"}
    for name in own.values():
        (folder / name).mkdir()
    return outer | {variable: str(folder / name) for variable, name in own.items()} | {
        "WANDB_BASE_URL": server.base_url,
        "WANDB_API_KEY": server.api_key,
        "WANDB_ERROR_REPORTING": "false",  # nothing leaves this machine
        "NO_PROXY": _LOOPBACK,
        "no_proxy": _LOOPBACK,
    }
