"""What a domain says to the domains above it, which it may not import.

A lower domain declares an event, a plain dataclass, and emits it inside its unit of work; higher domains subscribe,
wired in `app.py`, and act in the same unit. An error of a subscriber undoes the unit. What can only be said once a unit
is on disk is emitted with no unit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

E = TypeVar("E")


class Events:
    def __init__(self) -> None:
        self._subscribers: dict[type, list[Callable[[Any, Any], None]]] = defaultdict(list)

    def subscribe(self, event: type[E], subscriber: Callable[[Any, E], None]) -> None:
        """Call `subscriber(unit, event)` at each event of this type, in the order of subscription."""
        self._subscribers[event].append(subscriber)

    def emit(self, unit: Any, event: object) -> None:
        """`unit` is the unit of work that emits, or None once that is on disk."""
        for subscriber in self._subscribers[type(event)]:
            subscriber(unit, event)
