"""A server of its own for a test: `dumbbell serve` as a process on a free port."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

API_KEY = "local" + "0" * 35
STILL = {"DUMBBELL_BACKGROUND": "false"}  # nothing is done to histories until `wire.Client.compact` asks
_START = 60.0  # seconds; a machine may have much else to do
_STOP = 20.0


@dataclass
class Server:
    """A running server. Its data outlive it: start_server in the same folder opens them again."""

    base_url: str
    fixture_url: str | None
    api_key: str
    pid: int
    process: subprocess.Popen[bytes]
    data_dir: Path
    log: Path
    admin_url: str | None = None
    admin_token: str | None = None

    def stop(self) -> int:
        """SIGTERM; the exit code once it has ended."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_STOP)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not end within {_STOP} s of SIGTERM:\n{_tail(self.log)}") from None

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def start_server(tmp_path: Path, port: int = 0, **env: str) -> Iterator[Server]:
    """A server with its data in tmp_path; `env` are settings such as DUMBBELL_DATABASE_URL.

    A port is for one that takes the place of another; without it the system hands out a free one.
    """
    ready = tmp_path / "ready.json"
    ready.unlink(missing_ok=True)
    log = tmp_path / "server.log"
    data_dir = tmp_path / "data"
    command = [sys.executable, "-m", "dumbbell_server", "serve",
               "--port", str(port), "--data-dir", str(data_dir), "--ready-file", str(ready)]
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=_environment(env), stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=subprocess.STDOUT)
    try:
        facts = _wait(process, ready, log)
    except BaseException:
        process.kill()
        process.wait()
        raise
    server = Server(facts["base_url"], facts.get("fixture_url"), facts.get("api_key") or API_KEY,
                    process.pid, process, data_dir, log, facts.get("admin_url"), facts.get("admin_token"))
    try:
        yield server
    finally:
        server.stop()


def _environment(env: dict[str, str]) -> dict[str, str]:
    outer = {name: value for name, value in os.environ.items() if not name.startswith("DUMBBELL_")}
    return outer | {"DUMBBELL_API_KEY": API_KEY} | env


def _wait(process: subprocess.Popen[bytes], ready: Path, log: Path) -> dict[str, str]:
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}:\n{_tail(log)}")
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):  # not yet, or half written
            facts: dict[str, str] = json.loads(ready.read_bytes())
            return facts
        time.sleep(0.02)
    raise AssertionError(f"the server was not ready within {_START} s:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:]
