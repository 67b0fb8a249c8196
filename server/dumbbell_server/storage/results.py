"""Rows straight from SQLite's driver: around statements of microseconds, what SQLAlchemy does is most of the cost."""

from __future__ import annotations

import collections
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, NoResultFound


class Result(Protocol):
    """What is used of SQLAlchemy's results. Rows have their columns as attributes and by place."""

    def __iter__(self) -> Iterator[Any]: ...

    def all(self) -> Sequence[Any]: ...

    def first(self) -> Any: ...

    def one(self) -> Any: ...

    def scalar(self) -> Any: ...

    def scalar_one(self) -> Any: ...

    def close(self) -> None: ...


class _Rows:
    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    def _row(self) -> Callable[[Iterable[Any]], Any]:
        return _row_type(tuple(column[0] for column in self._cursor.description or ()))

    def __iter__(self) -> Iterator[Any]:
        return map(self._row(), self._cursor)

    def all(self) -> list[Any]:
        return list(self)

    def first(self) -> Any:
        found = self._cursor.fetchone()
        row = None if found is None else self._row()(found)
        self._cursor.close()
        return row

    def one(self) -> Any:
        row = self.first()
        if row is None:
            raise NoResultFound("No row was found when one was required")
        return row

    def scalar(self) -> Any:
        found = self._cursor.fetchone()
        self._cursor.close()
        return None if found is None else found[0]

    def scalar_one(self) -> Any:
        return self.one()[0]

    def close(self) -> None:
        self._cursor.close()


@lru_cache(maxsize=512)
def _row_type(names: tuple[str, ...]) -> Callable[[Iterable[Any]], Any]:
    kind: Any = collections.namedtuple("Row", names, rename=True)  # type: ignore[misc]  # noqa: PYI024 - names of a query
    return kind._make


def execute(connection: Connection, text: str, values: dict[str, Any]) -> Result:
    """A statement on SQLite, in the transaction of the connection; what the driver raises comes as SQLAlchemy's."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - the caller knows
    try:
        return _Rows(driver.execute(text, values))
    except sqlite3.Error as error:
        raise DBAPIError.instance(text, values, error, sqlite3.Error, dialect=connection.dialect) from error
