"""What a resolver is given."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import strawberry
from sqlalchemy.orm import Session

from dumbbell_server.errors import Unauthenticated
from dumbbell_server.graph.actor import Actor
from dumbbell_server.storage.house import House

T = TypeVar("T")


class Context:
    """One request: its actor, its base URL, one session for reads."""

    def __init__(self, house: House, actor: Actor | None, base_url: str) -> None:
        self.house = house
        self.visitor = actor
        self.base_url = base_url
        self.notes: dict[str, object] = {}  # what a room remembers for this request
        self.answers: dict[object, Any] = {}  # and what it does until something is written
        self._known: dict[tuple[type, int], Any] = {}

    @property
    def actor(self) -> Actor:
        """Who asks; for what needs a key."""
        if self.visitor is None:
            raise Unauthenticated("an API key is needed: set WANDB_API_KEY, or run `wandb login`")
        return self.visitor

    @cached_property
    def session(self) -> Session:
        return self.house.database.reading()

    def write(self, unit: Callable[[Session], T]) -> T:
        """Run a unit of work; what is read afterwards is read anew."""
        result = self.house.database.write(unit)
        self._known.clear()
        self.answers.clear()
        if "session" in self.__dict__:
            self.session.expunge_all()
        return result

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
        return self.house.signer.url(self.base_url, method, path)

    def close(self) -> None:
        if "session" in self.__dict__:
            self.session.close()


class Info(strawberry.Info[Context, None]):
    """A resolver's view of the request."""
