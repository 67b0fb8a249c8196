"""A release of `wandb` against this server: its documents, and a script that it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dumbbell_server.errors import BadInput
from dumbbell_server.moving.drift.documents import Refused, documents_of, refused

_SCENARIO = Path(__file__).with_name("scenario.py")
_PATIENCE = 180.0  # seconds for the script
_STARTING = 30.0  # and for the server
_EXPECTED: dict[str, Any] = {
    "state": "finished", "config": {"lr": 0.1, "net": {"layers": [1, 2]}}, "tags": ["a"], "notes": "n", "best": 0.1,
    "rows": [step * 2 for step in range(10)], "files": ["notes.txt"], "runs": 1, "version": "v0",
    "aliases": ["best", "latest"], "metadata": {"rows": 3}, "text": "kept", "logged by": True, "used": ["data:v0"]}


@dataclass(frozen=True)
class Checked:
    """What a release came to. `different` says what a script saw, and what it should have seen."""

    documents: int
    refused: list[Refused]
    different: list[str]

    @property
    def missing(self) -> list[Refused]:
        """What was thought to work."""
        return [operation for operation in self.refused if operation.waits_for is None]


def check(python: Path, *, scenario: bool) -> Checked:
    """The release that this Python has. BadInput where it has none."""
    documents = documents_of(python)
    different = _different(python) if scenario else []
    return Checked(sum(map(len, documents.values())), refused(documents), different)


def _different(python: Path) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="dumbbell-") as name, _served(Path(name)) as (url, key):
        done = _run(python, Path(name), url, key)
    seen = next((line for line in reversed(done.stdout.splitlines()) if line.startswith("SAW ")), None)
    if seen is None:
        return [f"the script broke off: {(done.stderr or done.stdout).strip()[-600:]}"]
    saw = json.loads(seen.removeprefix("SAW "))
    return [f"{what}: {saw.get(what)!r}, and not {right!r}" for what, right in _EXPECTED.items()
            if saw.get(what) != right]


def _run(python: Path, folder: Path, url: str, key: str) -> subprocess.CompletedProcess[str]:
    own = {"HOME": "home", "WANDB_DIR": "dir", "WANDB_CACHE_DIR": "cache", "WANDB_CONFIG_DIR": "config",
           "WANDB_DATA_DIR": "data"}
    for part in (*own.values(), "work"):
        (folder / part).mkdir()
    outer = {name: value for name, value in os.environ.items()
             if not name.startswith(("WANDB_", "DUMBBELL_", "PYTHON"))}
    env = outer | {name: str(folder / part) for name, part in own.items()} | {
        "WANDB_BASE_URL": url, "WANDB_API_KEY": key, "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false",
        "NO_PROXY": "localhost,127.0.0.1,::1"}
    try:
        return subprocess.run([str(python), str(_SCENARIO)], cwd=folder / "work", env=env, text=True,  # noqa: S603 - ours
                              capture_output=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired as error:
        said = error.stderr.decode(errors="replace") if isinstance(error.stderr, bytes) else error.stderr or ""
        return subprocess.CompletedProcess(error.cmd, 1, "", f"it did not end within {_PATIENCE:.0f} s\n{said}")


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, str]]:
    """A server of its own: its URL and a key. It ends afterwards."""
    ready = folder / "ready.json"
    env = {name: value for name, value in os.environ.items() if not name.startswith("DUMBBELL_")}
    command = [sys.executable, "-m", "dumbbell_server", "serve", "--port", "0", "--data-dir", str(folder / "server"),
               "--ready-file", str(ready)]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)  # noqa: S603 - our own
    try:
        deadline = time.monotonic() + _STARTING
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise BadInput(f"the server did not start: {(folder / 'server.log').read_text()[-600:]}")
            time.sleep(0.02)
        started = json.loads(ready.read_text())
        yield started["base_url"], started["api_key"]
    finally:
        process.terminate()
        process.wait()
