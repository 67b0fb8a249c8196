"""Running the app: sockets, signals, and who to on_ready that it runs."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog
import uvicorn
import uvloop
from starlette.types import ASGIApp

from dumbbell_server.clock import AdjustableClock
from dumbbell_server.database.lock import private
from dumbbell_server.errors import StartupError
from dumbbell_server.http.protocol import BoundedProtocol, look

_log = structlog.get_logger()

_STARTING = 0.002  # seconds between looks at whether it has started
# Seconds from the signal on: requests are cut, the writer is asked to commit what it has, and the process ends.
_CUT, _COMMIT, _GONE = 1.0, 1.2, 1.5
_BACKLOG = 2048
# Seconds that a thread which computes has the interpreter to itself: the event loop and the writer wait so long for it
# at each of their steps. Python's own are ten times as many.
_SWITCH = 0.0005
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 3600.0  # seconds between looks whether a pass of the upkeep is due
_LOOPBACK = {"localhost": ("127.0.0.1", "::1")}


@dataclass(frozen=True)
class Started:
    """What a ready file holds."""

    base_url: str
    fixture_url: str | None
    pid: int
    api_key: str | None
    admin_url: str | None = None
    admin_token: str | None = None


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets for a host and port; localhost is IPv4 and IPv6, on the same port. StartupError where it is taken."""
    sockets: list[socket.socket] = []
    for address in _LOOPBACK.get(host, (host,)):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            sockets.append(_bound(family, address, sockets[0].getsockname()[1] if sockets else port))
        except OSError as error:
            if sockets and family == socket.AF_INET6:
                continue  # a machine without IPv6, or with that port taken there
            raise StartupError(f"cannot listen on {host}:{port}: {error.strerror}; "
                               "choose another with --port, or 0 for a free one") from error
    return sockets


def _bound(family: int, address: str, port: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
        made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def url_of(host: str, sockets: list[socket.socket]) -> str:
    shown = "localhost" if host in {"0.0.0.0", "::", "localhost"} else host  # noqa: S104 - compared, not bound
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{sockets[0].getsockname()[1]}"


class _Server(uvicorn.Server):
    """Signals are ours: uvicorn's own handling raises them again after the end."""

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        if counter % 10 == 0:
            look(self.server_state.connections, asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def cut(self) -> None:
        """Requests that are under way end as if the network had failed: clients send them again."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in self.server_state.tasks:
            task.cancel()
        self.force_exit = True


def _server(app: ASGIApp) -> _Server:
    return _Server(uvicorn.Config(
        app, http=BoundedProtocol, ws="none", log_config=None, access_log=False, lifespan="off",
        server_header=False, date_header=False, proxy_headers=False))


def run(apps: list[tuple[ASGIApp, list[socket.socket]]], on_ready: Callable[[], None],
        on_signal: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT, which calls `on_signal`; `on_ready` is called once requests are answered."""
    uvloop.run(_serve([(_server(app), sockets) for app, sockets in apps], on_ready, on_signal))


async def _serve(servers: list[tuple[_Server, list[socket.socket]]], on_ready: Callable[[], None],
                 on_signal: Callable[[], None]) -> None:
    signalled = asyncio.Event()

    def end() -> None:
        if not signalled.is_set():
            signalled.set()
            on_signal()
        for server, _ in servers:
            server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)
    tasks = [asyncio.create_task(server.serve(sockets)) for server, sockets in servers]
    # uvicorn has a flag, no event
    while not all(server.started for server, _ in servers) and not any(task.done() for task in tasks):  # noqa: ASYNC110
        await asyncio.sleep(_STARTING)
    # what was made at start stays: to go through it again and again costs a third of a long page
    gc.freeze()
    gc.enable()
    gc.set_threshold(10_000, 10, 10)
    sys.setswitchinterval(_SWITCH)
    on_ready()
    waiting = asyncio.create_task(signalled.wait())
    await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    _, left = await asyncio.wait(tasks, timeout=_CUT)
    if left:
        for server, _ in servers:
            server.cut()
    await asyncio.gather(*tasks)


class Ending:
    """The end of the process, from a signal on: whatever still runs, it goes. What was acknowledged is on the disk."""

    def __init__(self, stops: Sequence[Callable[[], None]], commit: Callable[[], None], *, last: bool = True) -> None:
        """`last`: nothing comes after it. Else the process goes on, once its work has stopped."""
        self._stops = stops
        self._commit = commit
        self._last = last

    def begin(self) -> None:
        """Ask everything to stop, and return; the process has ended after a while, whether it has or not."""
        for number, stop in enumerate(self._stops):
            threading.Thread(target=stop, name=f"dumbbell-stop-{number}", daemon=True).start()
        if self._last:
            threading.Thread(target=self._run, name="dumbbell-end", daemon=True).start()

    def _run(self) -> None:
        began = time.monotonic()
        time.sleep(_COMMIT)
        committing = threading.Thread(target=self._commit, name="dumbbell-commit", daemon=True)
        committing.start()
        committing.join(_GONE - _COMMIT)
        time.sleep(max(0.0, began + _GONE - time.monotonic()))
        os._exit(0)


class Once:
    """Work that is done once, in a thread of its own, and that ends early when it is asked to."""

    def __init__(self, work: Callable[[], object], ask: Callable[[], object]) -> None:
        self._ask = ask
        self._thread = threading.Thread(target=work, name="dumbbell-once", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._ask()
        self._thread.join()


class Upkeep:
    """Work that is done every so many seconds of the clock, in a thread of its own, until it is stopped.

    Where the clock is moved past the time of a pass, the pass is done by whoever moves it.
    """

    def __init__(self, every: float, work: Callable[[], object], clock: AdjustableClock) -> None:
        self._every = every
        self._work = work
        self._clock = clock
        self._next = clock.look() + every
        self._passing = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dumbbell-upkeep", daemon=True)
        clock.subscribe(self.catch_up)
        self._thread.start()

    def catch_up(self) -> None:
        """A pass that is due by the clock is done."""
        with self._passing:
            now = self._clock.look()
            if self._next - now > self._every:  # the clock was set back
                self._next = now + self._every
            if now < self._next or self._stopped.is_set():
                return
            self._next = now + self._every
            try:
                self._work()
            except Exception:  # noqa: BLE001 - the next pass may do better, and the server goes on
                _log.exception("a pass of the upkeep failed")

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Between two passes."""
        with self._passing:
            yield

    def _run(self) -> None:
        while not self._stopped.wait(self._pause()):
            self.catch_up()

    def _pause(self) -> float:
        """Seconds until it looks again: a clock that stands still shows by no event that it goes on."""
        return min(max(self._next - self._clock.look(), _SHORTEST_PAUSE), self._every, _LONGEST_PAUSE)

    def stop(self) -> None:
        """Once the pass that is under way, if any, has ended."""
        self._stopped.set()
        self._thread.join()


def write_ready_file(path: Path, started: Started) -> None:
    write_private(path, asdict(started))


def write_private(path: Path, facts: dict[str, Any]) -> None:
    """All of it or nothing: whoever waits for the file may read it at once, if it is the owner."""
    waiting = path.with_name(path.name + ".tmp")
    waiting.unlink(missing_ok=True)  # of somebody else, or of a server that was killed
    with open(waiting, "x", opener=private) as file:
        file.write(json.dumps(facts))  # keys and tokens
    waiting.replace(path)
