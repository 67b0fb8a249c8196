"""Where requests wait while the server is put back to another state."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator

from dumbbell_server.errors import StorageUnavailable

_LOOK = 0.001  # seconds between looks
_PATIENCE = 10.0  # seconds for requests that are under way


class Gate:
    """Open but for moments. Requests count themselves in and out on the event loop, and are few instructions there."""

    def __init__(self) -> None:
        self._inside = 0
        self._is_closed = False

    async def enter(self) -> None:
        """Whoever enters leaves. Counted first: so whoever closes it sees this one, or is seen."""
        self._inside += 1
        while self._is_closed:
            self._inside -= 1
            await asyncio.sleep(_LOOK)
            self._inside += 1

    def leave(self) -> None:
        self._inside -= 1

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Nobody is inside. For one thread at a time, other than the event loop's.

        StorageUnavailable where a request goes on for too long; it is left alone.
        """
        self._is_closed = True
        try:
            deadline = time.monotonic() + _PATIENCE
            while self._inside:
                if time.monotonic() > deadline:
                    raise StorageUnavailable(f"{self._inside} requests are still under way after {_PATIENCE:.0f} s; "
                                             "nothing was changed: send this again once they have ended")
                time.sleep(_LOOK)
            yield
        finally:
            self._is_closed = False
