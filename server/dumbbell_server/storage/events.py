"""What a room tells the rooms above it, which it may not import.

A lower room declares an event, a plain dataclass, and tells it inside its unit of work; higher rooms listen, wired in
`app.py`, and act in the same unit. An error of a listener undoes the unit. What can only be said once a unit is on disk
is told with no session.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy.orm import Session

E = TypeVar("E")


class Events:
    def __init__(self) -> None:
        self._listeners: dict[type, list[Callable[[Any, Any], None]]] = defaultdict(list)

    def listen(self, event: type[E], listener: Callable[[Session, E], None]) -> None:
        self._listeners[event].append(listener)

    def tell(self, session: Session | None, event: object) -> None:
        for listener in self._listeners[type(event)]:
            listener(session, event)
