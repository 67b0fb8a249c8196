"""The last exchanges of the main port, without secrets, in memory of a fixed size."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from dumbbell_server.backend import Provided

MOST = 1000  # exchanges
MOST_BYTES = 32 << 20  # of all of them
LONGEST_BODY = 32 << 10  # bytes of a body that are stored
_OVERHEAD = 1000  # bytes of an exchange beside its texts


@dataclass(frozen=True)
class Message:
    """The head and the body of a request or an answer. `body` is None where it is no text."""

    headers: tuple[tuple[str, str], ...]
    body: str | None
    size: int  # bytes as they went over the wire
    cut: bool  # whether the body is longer than what is stored


@dataclass(frozen=True)
class Exchange:
    """A request with its answer. Nothing in it opens anything."""

    number: int
    started: float  # seconds since 1970
    duration: float  # seconds
    method: str
    path: str
    query: str
    route: str  # such as /files/{entity}/{project}/{run}/file_stream; empty where no route is
    operation: str | None  # of GraphQL
    variables: dict[str, Any]
    run: str | None
    user: str | None
    status: int  # 0: it was cut before an answer
    fault: str | None  # what the server was asked to do wrong
    request: Message
    answer: Message

    @property
    def length(self) -> int:
        bodies = sum(len(message.body or "") for message in (self.request, self.answer))
        return _OVERHEAD + len(self.path) + len(self.query) + bodies

    def document(self) -> dict[str, Any]:
        return asdict(self)


class Recorder:
    """Off until it is asked for. Whoever records and whoever reads may be in different threads."""

    def __init__(self, *, on: bool = False) -> None:
        self.on = on
        self._lock = threading.Lock()
        self._exchanges: deque[Exchange] = deque()
        self._bytes = 0
        self._count = self._last = 0
        self._dropped = 0

    def next_number(self) -> int:
        with self._lock:
            self._count += 1
            return self._count

    def add(self, exchange: Exchange) -> None:
        """It is stored; the oldest go where there are too many."""
        with self._lock:
            self._exchanges.append(exchange)
            self._last = exchange.number
            self._bytes += exchange.length
            while len(self._exchanges) > MOST or self._bytes > MOST_BYTES:
                self._bytes -= self._exchanges.popleft().length
                self._dropped += 1

    def clear(self) -> int:
        """Nothing is stored. Returns how many there were; numbers go on."""
        with self._lock:
            count = len(self._exchanges)
            self._exchanges.clear()
            self._bytes = self._dropped = 0
            return count

    def exchanges(self) -> Sequence[Exchange]:
        """The oldest first."""
        with self._lock:
            return tuple(self._exchanges)

    def state(self) -> dict[str, Any]:
        with self._lock:
            return {"on": self.on, "exchanges": len(self._exchanges), "bytes": self._bytes, "dropped": self._dropped,
                    "last": self._last}


@dataclass(frozen=True)
class Wanted:
    """Which exchanges somebody looks for; None is any."""

    operation: str | None = None
    route: str | None = None
    path: str | None = None
    status: int | None = None
    run: str | None = None
    user: str | None = None
    since: int = 0  # only those with a higher number

    def differences(self, exchange: Exchange) -> list[str]:
        """What of this exchange is not as it is looked for."""
        found = []
        for name in ("operation", "route", "path", "status", "run", "user"):
            wanted, is_now = getattr(self, name), getattr(exchange, name)
            if wanted is not None and not _same(name, wanted, is_now):
                found.append(f"{name} is {is_now!r}, not {wanted!r}")
        return found

    def among(self, exchanges: Iterable[Exchange], limit: int) -> list[Exchange]:
        """The newest that are as it is looked for, the oldest of them first."""
        newest_first = (each for each in reversed(list(exchanges)) if each.number > self.since)
        matching = (each for each in newest_first if not self.differences(each))
        return list(islice(matching, limit))[::-1]

    def nearest(self, exchanges: Iterable[Exchange], most: int = 3) -> list[tuple[Exchange, list[str]]]:
        """The exchanges with the fewest differences, the newest of equals first."""
        newest_first = (each for each in reversed(list(exchanges)) if each.number > self.since)
        compared = [(each, self.differences(each)) for each in newest_first]
        return sorted(compared, key=lambda pair: len(pair[1]))[:most]


def _same(name: str, wanted: Any, is_now: Any) -> bool:
    """Names of operations have no case: releases of the SDK spell them differently."""
    if name == "operation" and isinstance(is_now, str):
        return bool(wanted.lower() == is_now.lower())
    return bool(wanted == is_now)


RECORDER: Provided[Recorder] = Provided("recorder")
