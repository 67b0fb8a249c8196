"""What a query may spend while it runs, and the end of one that spends more.

A query runs in one thread. Whoever spends on it (the executor, a page, a loop over a whole list) asks `current()` for
its budget and says so; where no query runs, as in the writer and in the background, that budget has no end.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

_LOOK_EVERY = 256  # fields between two looks at the time
_PIECE = 4 << 20  # characters that a query has for itself, and by which it takes more of what all have together
PAGE = 20  # fields: what it takes to read a page from the database, beside what is executed of it


class QueryEnded(BaseException):
    """No Exception, which graphql-core takes for the trouble of one field, going on with the others."""


class TooMuchAtOnce(QueryEnded):
    """Of other queries: this one may be asked again."""


@dataclass(frozen=True)
class Limits:
    """Of one query; the settings that hold them are named in the errors."""

    length: float = math.inf  # characters of the document
    price: float = math.inf  # values that it may ask for by the sizes of its lists (graph/price.py)
    fields: float = math.inf  # executed one by one
    cells: float = math.inf  # of tables: rows times fields of a page, rows times keys of a sample
    text: float = math.inf  # characters
    seconds: float = math.inf


@dataclass(frozen=True)
class Spent:
    fields: int
    cells: int
    text: int


class Together:
    """Text that all queries may have in memory at once, beside what each has for itself."""

    def __init__(self, limit: float = math.inf) -> None:
        self._limit = limit + _PIECE
        self._taken: float = 0
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        with self._lock:
            if self._taken + size > self._limit:
                raise TooMuchAtOnce("too much of other queries is in memory; send the request again")
            self._taken += size

    def free(self, size: float) -> None:
        with self._lock:
            self._taken -= size


class Budget:
    """Counts what one query spends. QueryEnded when that is more than the limits allow."""

    def __init__(self, limits: Limits, together: Together | None = None) -> None:
        self.limits = limits
        self._together = together
        self._held = self._own = min(_PIECE, limits.text)
        self._fields = self._cells = self._text = 0
        self._next_look = 0
        self._timed = False
        self._deadline = math.inf
        self.dropped = False

    @contextmanager
    def applied(self, *, timed: bool) -> Iterator[None]:
        """What this thread does until the end is paid from this budget; without `timed` nothing but that ends it."""
        self._timed = timed
        if timed:
            self._deadline = time.monotonic() + self.limits.seconds
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)

    def drop(self) -> None:
        """Nobody waits for the answer any more; to be called from another thread."""
        self.dropped = True

    def look(self) -> None:
        """For loops that may be long: the query ends here when its time is over, or when nobody waits for it."""
        if not self._timed:
            return
        if self.dropped:
            raise QueryEnded("nobody waits for the answer any more")
        if time.monotonic() > self._deadline:
            raise QueryEnded(f"the query took longer than {self.limits.seconds:g} seconds "
                             "(DUMBBELL_MAX_QUERY_SECONDS); ask for less at once")

    def execute(self, count: int) -> None:
        self._fields += count
        if self._fields > self.limits.fields:
            raise _too_much(f"{self.limits.fields} fields to be executed one by one", "FIELDS")
        if self._fields >= self._next_look:
            self._next_look = self._fields + _LOOK_EVERY
            self.look()

    def add_cells(self, count: int) -> None:
        self._cells += count
        if self._cells > self.limits.cells:
            raise _too_much(f"{self.limits.cells} values in its tables", "CELLS")
        self.look()

    def add_text(self, size: int) -> None:
        self._text += size
        if self._text > self._held:
            self._hold(self._text)

    def expect_text(self, size: int) -> None:
        """The same for text that is in memory and not in the answer yet: it is paid when it is."""
        if self._text + size > self._held:
            self._hold(self._text + size)

    def _hold(self, size: int) -> None:
        if size > self.limits.text:
            raise _too_much(f"{self.limits.text} characters of text", "TEXT")
        more = int(size - self._held + _PIECE - 1) // _PIECE * _PIECE
        if self._together is not None:
            self._together.take(more)
        self._held += more

    def close(self) -> None:
        """The answer has been made, and nothing but its bytes is left."""
        if self._together is not None:
            self._together.free(self._held - self._own)
        self._held = self._own

    def add_column(self, values: Sequence[Any]) -> None:
        """Texts of a table that are short, all of them about as long as the first."""
        if values and type(values[0]) is str:
            self.add_text(len(values[0]) * len(values))

    @property
    def spent(self) -> Spent:
        return Spent(self._fields, self._cells, self._text)

    def add_again(self, before: Spent, times: int) -> None:
        """What was spent since then is sent so many times more, without being executed again."""
        if times > 0:
            self.add_text((self._text - before.text) * times)
            self.add_cells((self._fields - before.fields + self._cells - before.cells) * times)


def _too_much(what: str, setting: str) -> QueryEnded:
    return QueryEnded(f"the query asks for more than {what} (DUMBBELL_MAX_QUERY_{setting}); ask for less at once: "
                      "smaller pages, fewer fields, fewer aliases")


_CURRENT: ContextVar[Budget] = ContextVar("budget")


def current() -> Budget:
    """That of the query which this thread runs; one without limits where it runs none."""
    return _CURRENT.get(None) or Budget(Limits())
