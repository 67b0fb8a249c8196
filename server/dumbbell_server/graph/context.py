"""What a resolver is given."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Concatenate, ParamSpec, TypeVar

import strawberry
from sqlalchemy.orm import Session

from dumbbell_server.backend import Backend
from dumbbell_server.budget import Budget
from dumbbell_server.database.units import Unit, require_actor
from dumbbell_server.errors import BadInput
from dumbbell_server.graph.batches import Batches
from dumbbell_server.identity import Actor
from dumbbell_server.json_text import UNSTORABLE

P = ParamSpec("P")
T = TypeVar("T")


class Context:
    """One request: its actor, its base URL, one session for reads."""

    def __init__(self, backend: Backend, actor: Actor | None, base_url: str) -> None:
        self.backend = backend
        self.viewer = actor
        self.base_url = base_url
        self.budget = Budget(backend.query_limits, backend.query_texts)
        self.answers: dict[object, Any] = {}  # and what it does until something is written
        self.batches = Batches()
        self.unstorable: str | None = None  # the argument of a mutation that cannot be stored
        self._known: dict[tuple[type, int], Any] = {}

    def require_viewer(self) -> Actor:
        """Who asks, for what needs a key. Unauthenticated without one."""
        return require_actor(self.viewer)

    @cached_property
    def session(self) -> Session:
        return self.backend.database.reading()

    def unit(self, work: Callable[Concatenate[Unit, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        """Run a unit of work in the viewer's name, who must have sent a key; later reads see what it wrote."""
        def run(unit: Unit) -> tuple[T, Actor | None]:
            result = work(unit, *arguments, **named)
            self._check_storable()
            return result, unit.viewer

        result, self.viewer = self.backend.write(self.require_viewer(), run)
        self.forget()
        return result

    def _check_storable(self) -> None:
        """At the end of a unit: what its own rules refuse, they refuse in their words."""
        if self.unstorable is not None:
            raise BadInput(f"{self.unstorable} {UNSTORABLE}")

    def forget(self) -> None:
        """Something was written: what is read afterwards is read again."""
        self._known.clear()
        self.answers.clear()
        self.batches.forget()
        if "session" in self.__dict__:
            self.session.expunge_all()
            self.session.info.clear()

    def know(self, *rows: Any) -> None:
        """Rows that a unit has just read or written need not be asked for again."""
        for row in rows:
            self._known[type(row), row.id] = row

    def get(self, row: type[T], key: int | None) -> T | None:
        """A row by its key, asked for once a request."""
        if key is None:
            return None
        known: T | None = self._known.get((row, key))
        if known is None:
            known = self.session.get(row, key)
            self._known[row, key] = known
        return known

    def require(self, row: type[T], key: int) -> T:
        """A row that must be there, since another names it."""
        found = self.get(row, key)
        if found is None:
            raise LookupError(f"{row.__name__} {key} is named by a row but missing")
        return found

    def signed(self, method: str, path: str) -> str:
        return self.backend.signer.url(self.base_url, method, path)

    def close(self) -> None:
        self.budget.close()
        if "session" in self.__dict__:
            self.session.close()


class Info(strawberry.Info[Context, None]):
    """A resolver's view of the request."""
