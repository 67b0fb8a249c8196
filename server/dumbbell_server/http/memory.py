"""How much of bodies and answers is in memory at once: all requests together have a bound.

There are three shares, so that none of them can use up what another needs: requests without a key, bodies and answers
of up to `LARGE` bytes, and those beyond. Who finds a share used up and holds nothing of it yet waits in line, and is
answered 503 after a while; who holds some already is answered 503 at once: two of them could wait for each other.
Everything here happens on the event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Self

from dumbbell_server.errors import Busy

LARGE = 1 << 20  # bytes beyond which a body or an answer is of the few; without a key there is no more
_PATIENCE = 10.0  # seconds in line
_EIGHTH = 8  # of the whole are for requests without a key, as much for small ones


class Share:
    """Bytes that some kind of request may hold at once."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._line: deque[tuple[int, asyncio.Future[None]]] = deque()

    def try_take(self, size: int) -> bool:
        """What is longer than the whole share fits while nobody else has anything."""
        if self._line or not self._fits(size):
            return False
        self.used += size
        return True

    async def take(self, size: int) -> None:
        if self.try_take(size):
            return
        place = (size, asyncio.get_running_loop().create_future())
        self._line.append(place)
        try:
            async with asyncio.timeout(_PATIENCE):
                await place[1]
        except BaseException as error:
            if place in self._line:
                self._line.remove(place)
                self._serve_line()
            elif not place[1].cancelled():
                self.free(size)
            if isinstance(error, TimeoutError):
                raise Busy from None
            raise

    def free(self, size: int) -> None:
        self.used -= size
        self._serve_line()

    def _fits(self, size: int) -> bool:
        return self.used + size <= self.limit or self.used == 0

    def _serve_line(self) -> None:
        while self._line and self._fits(self._line[0][0]):
            size, waiting = self._line.popleft()
            if not waiting.done():
                self.used += size
                waiting.set_result(None)


class Memory:
    """All of it, in shares."""

    def __init__(self, limit: int) -> None:
        self.strangers = Share(limit // _EIGHTH)
        self.small = Share(limit // _EIGHTH)
        self.large = Share(limit - 2 * (limit // _EIGHTH))

    def lease(self, *, known: bool) -> Lease:
        """For a request; `known` where it has a valid key."""
        return Lease(self, known=known)


class Lease:
    """What one request holds until it ends."""

    __slots__ = ("_large", "_memory", "_own", "_share", "known")

    def __init__(self, memory: Memory, *, known: bool) -> None:
        self.known = known
        self._memory = memory
        self._share = memory.small if known else memory.strangers
        self._own = self._large = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._own:
            self._share.free(self._own)
        if self._large:
            self._memory.large.free(self._large)
        self._own = self._large = 0

    async def take(self, size: int) -> None:
        """So many bytes more of a small body. Busy where there are none left."""
        if not self._share.try_take(size):
            if self._own:
                raise Busy
            await self._share.take(size)
        self._own += size

    async def take_large(self, size: int) -> None:
        """So many bytes in all of a large body; Busy where there are none left."""
        more = size - self._large
        if more <= 0:
            return
        if not self._memory.large.try_take(more):
            if self._large:
                raise Busy
            await self._memory.large.take(more)
        self._large += more

    def take_answer(self, size: int, *, needed: bool) -> None:
        """An answer that is in memory already. Busy where there is too much of them, but for one that is needed."""
        large = size > LARGE and self.known
        share = self._memory.large if large else self._share
        if not share.try_take(size):
            if not needed:
                raise Busy
            share.used += size
        if large:
            self._large += size
        else:
            self._own += size
