"""Sessions that hold what they have loaded, so that a row asked for twice is read once, and that get rows quickly."""

from __future__ import annotations

from collections import deque
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, Select, bindparam, event, inspect, select
from sqlalchemy.orm import Mapper, Session

_HELD = 1000  # rows that a reader holds at most: some go through very many


class HoldingSession(Session):
    def __init__(self, bind: Engine | Connection, held: int | None = _HELD, **options: Any) -> None:
        super().__init__(bind, **options)
        self.held: deque[Any] = deque(maxlen=held)

    def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """By a statement made once: to make it takes twice as long as to run it."""
        if not options and isinstance(ident, int | str):
            mapper = inspect(entity)
            if mapper.identity_key_from_primary_key((ident,)) not in self.identity_map:
                return self.execute(_by_key(mapper), {"key": ident}).scalar()
        return super().get(entity, ident, **options)


@cache
def _by_key(mapper: Mapper[Any]) -> Select[Any]:
    return select(mapper.class_).where(mapper.primary_key[0] == bindparam("key"))


@event.listens_for(HoldingSession, "loaded_as_persistent")
def _hold(session: Session, row: Any) -> None:
    assert isinstance(session, HoldingSession)  # noqa: S101 - listened for on that class
    session.held.append(row)
