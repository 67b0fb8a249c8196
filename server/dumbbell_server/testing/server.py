"""A server for a test: a process of its own on free ports, or one that runs somewhere."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from dumbbell_server.testing.accounts import Account

if TYPE_CHECKING:
    from dumbbell.run import Run
    from dumbbell_server.admin.client import AdminClient

Fixture = str | Path

SDK_FOLDER = "DUMBBELL_SDK_FOLDER"  # what pytest --dumbbell-sdk has put before the path of its children
_START = 60.0  # seconds; a machine may have much else to do
_STOP = 20.0
_LOOK = 0.01
_KEY_LENGTH = 40  # what every release of wandb takes; before a hyphen it would be a prefix
_SHOWN = 4000  # characters of a log
_OURS = frozenset({"admin_host", "admin_port", "admin_token", "data_dir", "fixture_port", "host", "port"})


class ServerError(Exception):
    """The server does not start, or does not do what it was asked for."""


class Server:
    """`with Server() as server:` is a server of its own, empty or with fixtures; settings are those of the README.

    `Server(seed="demo", heartbeat_timeout=5)`. It ends with the block, or with this process.
    """

    def __init__(self, seed: Fixture | Sequence[Fixture] = (), **settings: object) -> None:
        self._seeds = [seed] if isinstance(seed, str | Path) else list(seed)
        self._settings = _environment_of(settings)
        self._process: subprocess.Popen[bytes] | None = None
        self._accounts: dict[str, Account] = {}
        self._folder = Path()
        self.base_url = ""
        self.admin_url = ""
        self.api_key = ""
        self._token = ""

    @classmethod
    def at(cls, base_url: str, admin_url: str = "", admin_token: str = "", api_key: str = "") -> Self:
        """One that runs already, and goes on. Without its admin port it makes no users."""
        server = cls()
        server.base_url, server.admin_url = base_url.rstrip("/"), admin_url.rstrip("/")
        server._token, server.api_key = admin_token, api_key
        return server

    @property
    def pid(self) -> int | None:
        """Of the process that this started, while it runs."""
        return None if self._process is None else self._process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Returns once requests are answered. ServerError with the end of the log where that is never."""
        self._folder = Path(tempfile.mkdtemp(prefix="dumbbell-server-"))
        if self.base_url:
            return
        try:
            self._process = self._started()
            facts = self._ready()
        except BaseException:
            self.stop()
            raise
        self.base_url, self.admin_url = facts["base_url"], facts["admin_url"]
        self.api_key, self._token = facts["api_key"], facts["admin_token"]

    def stop(self) -> None:
        """End the process, and remove what it has written."""
        if "admin" in vars(self):
            self.admin.close()
            del self.admin
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self._close_pipe(process)
            self.base_url = self.admin_url = ""
        self._accounts.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def leave(self) -> str:
        """Let the process go on after this one has ended. Returns where it is and how to end it, in words."""
        process = self._process
        if process is None or process.stdin is None:
            return f"{self.base_url} goes on"
        process.stdin.write(b"\n")
        self._close_pipe(process)
        self._process = None
        process.returncode = 0  # whoever left it does not wait for it: Python would warn of it
        link = next((line for line in reversed(self.log.splitlines()) if "/login" in line), "").rpartition(" ")[2]
        return f"{link or self.base_url} goes on; end it with: kill {process.pid}; its data: {self._folder}"

    @property
    def log(self) -> str:
        """What the process has printed so far."""
        try:
            return (self._folder / "server.log").read_text(errors="replace")
        except OSError:
            return ""

    @cached_property
    def admin(self) -> AdminClient:
        """Resets, seeds and exports it."""
        from dumbbell_server.admin.client import AdminClient

        if not self.admin_url or not self._token:
            raise ServerError(f"{self.base_url} is known without its admin port; say DUMBBELL_ADMIN_URL and "
                              "DUMBBELL_ADMIN_TOKEN")
        return AdminClient(self.admin_url, self._token)

    def seed(self, *fixtures: Fixture) -> None:
        """Load fixtures by the names of shipped ones or by path. What is there already is left alone."""
        for fixture in fixtures:
            self.admin.seed(fixture)

    def user(self) -> Account:
        """A new user with an entity and a key."""
        name = f"test_{secrets.token_hex(_KEY_LENGTH)}"[:_KEY_LENGTH]
        self._ask("/db/user", {"command": "up", "username": name, "admin": False})
        return self._account(name, name)

    @cached_property
    def first(self) -> Account:
        """The first user, whom shipped fixtures give their projects to."""
        if not self.api_key:
            raise ServerError(f"the key of the first user of {self.base_url} is not known; say DUMBBELL_API_KEY")
        from dumbbell import Api

        name = Api({"base_url": self.base_url}, api_key=self.api_key).viewer.entity
        return self._account(str(name), self.api_key)

    def env(self, account: Account | None = None) -> dict[str, str]:
        """The environment in which a script is this account, or else the first user."""
        return (account or self.first).env

    def runs(self, project: str, filters: Mapping[str, Any] | None = None) -> list[Run]:
        """The runs of ENTITY/PROJECT, the oldest first, as its own user sees them or else as the first one does."""
        return self._owner(project).runs(project, filters)

    def history(self, run: Any) -> list[dict[str, Any]]:
        """All rows of a run: of one of `dumbbell` or `wandb`, or by ENTITY/PROJECT/ID."""
        return self._owner(run if isinstance(run, str) else f"{run.entity}/").history(run)

    def _owner(self, path: str) -> Account:
        return self._accounts.get(path.partition("/")[0]) or self.first

    def _account(self, name: str, key: str) -> Account:
        made = self._accounts[name] = Account(self.base_url, name, key, self._folder / "accounts" / name)
        return made

    def _started(self) -> subprocess.Popen[bytes]:
        """In a session of its own, so that an interrupt at the terminal reaches the tests first."""
        seeds = ["--seed", ",".join(map(str, self._seeds))] if self._seeds else []
        command = [sys.executable, "-P", "-m", "dumbbell_server.testing.child", str(self._folder), "serve",
                   "--host", "localhost", "--port", "0", "--admin-port", "0", "--data-dir", str(self._folder / "data"),
                   "--ready-file", str(self._folder / "ready.json"), *seeds]
        with (self._folder / "server.log").open("wb") as log:
            return subprocess.Popen(command, env=_outer() | self._settings,
                                    stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    def _ready(self) -> dict[str, str]:
        file = self._folder / "ready.json"
        process = self._process
        deadline = time.monotonic() + _START
        while process is not None and process.poll() is None and time.monotonic() < deadline:
            if file.exists():
                facts: dict[str, str] = json.loads(file.read_bytes())
                return facts
            time.sleep(_LOOK)
        raise ServerError(f"the server did not start: {self.log[-_SHOWN:].strip()}")

    def _ask(self, path: str, body: dict[str, Any]) -> None:
        """Of the fixture service, which W&B's own container has too. Through no proxy: the port is near."""
        if not self.admin_url:
            raise ServerError(f"{self.base_url} is known without its admin port, which makes users; say "
                              "DUMBBELL_ADMIN_URL")
        request = urllib.request.Request(self.admin_url + path, json.dumps(body).encode(),  # noqa: S310 - of an option
                                         {"content-type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_START) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            raise ServerError(f"{self.admin_url}{path} answers {error.code}: "
                              f"{error.read(_SHOWN).decode(errors='replace')}") from None
        except OSError as error:
            raise ServerError(f"{self.admin_url} does not answer: {error}") from None

    @staticmethod
    def _close_pipe(process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            process.stdin.close()


def _environment_of(settings: Mapping[str, object]) -> dict[str, str]:
    """TypeError for what is no setting, or one that the server of a test chooses itself."""
    if not settings:
        return {}
    from dumbbell_server.settings import Settings

    allowed = Settings.model_fields.keys() - _OURS - {"seed", "seed_dir"}
    for name in settings:
        if name not in allowed:
            raise TypeError(f"{name!r} is no setting of a server for tests; there are {', '.join(sorted(allowed))}")
    return {f"DUMBBELL_{name.upper()}": str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in settings.items() if value is not None}


def _outer() -> dict[str, str]:
    """What the server gets of this environment: no settings, no SDK of a test, and no coverage of somebody's code."""
    left_out = ("DUMBBELL_", "WANDB_", "PYTEST_", "COV_CORE_", "COVERAGE_", "NETRC")
    env = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    if sdk := os.environ.get(SDK_FOLDER):
        paths = [path for path in env.get("PYTHONPATH", "").split(os.pathsep) if path != sdk]
        env["PYTHONPATH"] = os.pathsep.join(paths)
    return env | {"DUMBBELL_API_KEY": secrets.token_hex(_KEY_LENGTH // 2), "DUMBBELL_SYNCHRONOUS": "NORMAL"}
