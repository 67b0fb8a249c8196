"""The columns of long lists, in memory: loaded when first asked for, brought up to date before every answer.

A list belongs to a scope, such as the runs of a project. Whoever asks sees every unit that was committed before, also
by another process (see database/revisions.py). Within its bound the cache keeps what was asked for last.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.orm import Session

from dumbbell_server.identity import Actor
from dumbbell_server.listing.columns import Found, Table
from dumbbell_server.listing.pages import ListQuery
from dumbbell_server.listing.tree import Field, fields_of

Cells = Mapping[Field, Mapping[int, Any] | list[Any]]  # by the numbers of rows, or in the order of all rows


@dataclass(frozen=True)
class State:
    """How far a list has come: rows above the watermark are not seen yet; another `removals` says that some went.

    Of two states with equal watermarks and other snapshots, the later may have rows that the earlier has not.
    Another `names` says that cells may be others though no row has changed: all are read again.
    """

    watermark: int
    removals: int
    names: str = ""
    snapshot: str = ""

    @property
    def seen(self) -> tuple[int, str]:
        return self.watermark, self.snapshot


@dataclass(frozen=True)
class Changes:
    """Rows that are new or other than before, with a cell for each of the fields."""

    fields: Sequence[Field]
    rows: Iterable[tuple[int, Sequence[Any]]]


class Source(Protocol):
    """What a domain says of its rows."""

    shared: frozenset[str]  # columns whose cell is the same in all rows of a scope
    passing: frozenset[str]  # columns that change where the row does not, or that the viewer decides: kept for no one

    def state(self, session: Session, scope: int) -> State:
        """Read before the rows: what is committed later is above its watermark."""
        ...

    def ids(self, session: Session, scope: int) -> list[int]: ...

    def changes(self, session: Session, viewer: Actor | None, scope: int, fields: Iterable[Field],
                since: int) -> Changes | None:
        """Those above a watermark; None where they are so many that all are better read again."""
        ...

    def load(self, session: Session, viewer: Actor | None, scope: int, fields: set[Field]) -> Cells:
        """Whole columns, of all rows of the scope."""
        ...

    def lost(self, before: State, now: State, alive: int) -> bool:
        """Whether rows may have gone; `alive` of them are in the cache."""
        ...


class _Scope:
    """What is cached of one list."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.table = Table()
        self.state: State | None = None
        self.size = 0


class ColumnCache:
    """`bound` is in bytes; `source` is given by the application factory before the first question."""

    source: Source

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._scopes: OrderedDict[int, _Scope] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, session: Session, viewer: Actor | None, scope: int, query: ListQuery,
            constants: Mapping[str, Any] | None = None) -> Found:
        """Count the rows that a filter lets through, and find a page of them.

        `constants` are the cells of the shared columns. As long as nothing is written through the session, a page holds
        the rows that were counted with the same filter, whatever others have written since.
        """
        cached = self._scope(scope)
        remembered = (ColumnCache, id(self), scope, query.filters)
        with cached.lock:
            table, passing = session.info.get(remembered, (None, 0))
            if table is None or table is not cached.table:
                try:
                    self._bring_up(session, viewer, scope, cached)
                except BaseException:  # it may have followed some changes and not others
                    cached.table, cached.state = Table(), None
                    raise
                self._load(session, viewer, scope, cached.table, fields_of(query.tree))
                passing = cached.table.passing(query.tree, constants or {})
                session.info[remembered] = cached.table, passing
            if query.size:
                self._load(session, viewer, scope, cached.table, {key.field for key in query.keys})
            found = cached.table.page(passing, query.keys, query.after, query.size)
            for field in [field for field in cached.table.columns if field.column in self.source.passing]:
                cached.table.forget(field)
            cached.size = cached.table.size
            self._give_way(scope, cached)
        return found

    @property
    def size(self) -> int:
        """About how many bytes are kept."""
        with self._lock:
            return sum(cached.size for cached in self._scopes.values())

    def clear(self) -> None:
        """Everything is read again when it is next asked for."""
        with self._lock:
            self._scopes.clear()

    def _scope(self, scope: int) -> _Scope:
        with self._lock:
            cached = self._scopes.setdefault(scope, _Scope())
            self._scopes.move_to_end(scope)
            return cached

    def _give_way(self, scope: int, cached: _Scope) -> None:
        """Other scopes go first, then the columns of this one that were not asked about for longest."""
        with self._lock:
            total = sum(other.size for other in self._scopes.values())
            for other in [number for number in self._scopes if number != scope]:
                if total <= self._bound:
                    return
                total -= self._scopes.pop(other).size
        while total > self._bound and cached.table.columns:
            before = cached.size
            cached.table.drop_column()
            cached.size = cached.table.size
            total -= before - cached.size

    def _bring_up(self, session: Session, viewer: Actor | None, scope: int, cached: _Scope) -> None:
        """The table knows of everything that was committed before."""
        before, now = cached.state, self.source.state(session, scope)
        if before is not None and before.names != now.names:
            before = None
        if before is not None:
            if now.seen != before.seen and not self._follow(session, viewer, scope, cached, before):
                before = None
            elif self.source.lost(before, now, len(cached.table.ids) - cached.table.dead):
                cached.table.keep_only(self.source.ids(session, scope))
        if before is None or cached.table.dead > len(cached.table.ids) // 4:
            cached.table = Table(self.source.ids(session, scope))
        cached.state = now

    def _follow(self, session: Session, viewer: Actor | None, scope: int, cached: _Scope, before: State) -> bool:
        """Take in the rows that changed since. False where that is most of them."""
        changes = self.source.changes(session, viewer, scope, list(cached.table.columns), before.watermark)
        if changes is None:
            return False
        cached.table.change(changes.fields, changes.rows)
        return True

    def _load(self, session: Session, viewer: Actor | None, scope: int, table: Table, fields: set[Field]) -> None:
        """The table has these columns."""
        missing = {field for field in fields - table.columns.keys() if field.column not in self.source.shared}
        if missing:
            for field, cells in self.source.load(session, viewer, scope, missing).items():
                table.add_column(field, cells)
