"""Lists that the server gives out in pages, read as far as they are looked at."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from dumbbell._client import Client
from dumbbell.errors import MissingItemError, NoLengthError, check_count

T = TypeVar("T")
_PER_PAGE = 50


@dataclass(frozen=True)
class Page:
    """One answer: the nodes or edges of a connection, where the next begins, and the total where it is told."""

    rows: Sequence[Any]
    cursor: str | None
    more: bool
    total: int | None = None


def page_of(connection: Mapping[str, Any], total: int | None = None) -> Page:
    """A page from a connection; the last edge's cursor leads on, or `endCursor` where edges have none."""
    edges = [edge for edge in connection.get("edges") or () if edge and edge.get("node") is not None]
    info = connection.get("pageInfo") or {}
    cursor = (edges[-1].get("cursor") if edges else None) or info.get("endCursor")
    if total is None:
        total = connection.get("totalCount")
    return Page(edges, cursor, bool(info.get("hasNextPage")) and cursor is not None, total)


class Ahead:
    """A call made in the background; its result or its error waits to be taken."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._result: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="dumbbell-ahead")
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result = self._call()
        except BaseException as error:  # noqa: BLE001 - whoever takes the result gets it
            self._error = error

    def take(self) -> Any:
        """Wait, then the result or the error of the call."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._result


class Paginator(Generic[T]):
    """A lazy list. Nothing is asked before it is needed; while a loop works on a page, the next is on its way.

    Loops over one paginator are independent of each other. It is always true, whatever it holds.

    Attributes:
        objects: what was fetched so far.
        per_page: rows a page.
        variables: what is sent with every page.
        last_response: the data of the last page.
    """

    def __init__(self, client: Client, variables: Mapping[str, Any], per_page: int | None = None,
                 start: str | None = None) -> None:
        if per_page is not None:
            check_count("per_page", per_page)
        self.client = client
        self.variables = dict(variables)
        self.per_page = per_page or _PER_PAGE
        self.objects: list[T] = []
        self.last_response: dict[str, Any] | None = None
        self.index = -1
        self._start = start
        self._page: Page | None = None
        self._ahead: Ahead | None = None
        self._lock = threading.RLock()

    @abstractmethod
    def _fetch(self, cursor: str | None) -> tuple[dict[str, Any], Page]:
        """The data and the page that follows `cursor`."""

    @abstractmethod
    def _converted(self, row: Any) -> T:
        """The object of an edge."""

    @property
    def more(self) -> bool:
        """Whether there may be more than what was fetched."""
        return self._page is None or self._page.more

    @property
    def cursor(self) -> str | None:
        """Where the next page begins: before the first, at `start`."""
        return self._start if self._page is None else self._page.cursor

    @property
    def length(self) -> int | None:
        """The server's total; None where it tells none. Loads the first page if need be."""
        if self._page is None:
            self._load_page()
        return self._page.total if self._page is not None else None

    def __len__(self) -> int:
        total = self.length
        if total is None:
            raise NoLengthError(f"the server does not tell how many {type(self).__name__} there are; "
                                    "use len(list(...))")
        return total

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[T]:
        position = 0
        while self._reach(position):
            if position == self._last_page_start():
                self._look_ahead()
            yield self.objects[position]
            position += 1

    def __next__(self) -> T:
        self.index += 1
        if not self._reach(self.index):
            self.index -= 1
            raise StopIteration
        return self.objects[self.index]

    def next(self) -> T:
        """The next object; this position is the paginator's own, loops do not move it."""
        return next(self)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        """An object, or a list of them. Pages are loaded as far as needed; negative indexes need all.

        Raises:
            MissingItemError: (an IndexError) past the end.
        """
        if isinstance(index, slice):
            ends = [end for end in (index.start, index.stop) if end is not None]
            forward = index.step is None or index.step > 0
            bounded = forward and index.stop is not None and all(end >= 0 for end in ends)
            self._reach(max(ends) - 1 if bounded else None)
            return self.objects[index]
        self._reach(index if index >= 0 else None)
        try:
            return self.objects[index]
        except IndexError:
            raise MissingItemError(f"index {index} is out of range: {type(self).__name__} has "
                                   f"{len(self.objects)}") from None

    def _reach(self, position: int | None) -> bool:
        """Load until there is an object at `position`; all of them if it is None."""
        while position is None or position >= len(self.objects):
            if not self._load_page():
                return False
        return True

    def _last_page_start(self) -> int:
        return len(self.objects) - (len(self._page.rows) if self._page else 0)

    def _look_ahead(self) -> None:
        with self._lock:
            if self._ahead is None and self._page is not None and self._page.more:
                cursor = self._page.cursor
                self._ahead = Ahead(lambda: self._fetch(cursor))

    def _load_page(self) -> bool:
        """Fetch a page, or take the one that is on its way. False if there is none left."""
        with self._lock:
            if not self.more:
                return False
            ahead, self._ahead = self._ahead, None
            data, page = ahead.take() if ahead is not None else self._fetch(self.cursor)
            self.last_response, self._page = data, page
            self.objects.extend(self._converted(row) for row in page.rows)
            return True

    def fill(self, nodes: Sequence[Any]) -> None:
        """Take all there is from an answer that had it along with something else."""
        rows = [{"node": node} for node in nodes]
        self._page = Page(rows, None, more=False, total=len(rows))
        self.objects = [self._converted(row) for row in rows]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None, "_ahead": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.RLock()

    def _known(self) -> int | None:
        """The total, if it has been told."""
        return self._page.total if self._page is not None else None

    def _described(self) -> str:
        total = self._known()
        return "" if total is None else f" ({total})"
