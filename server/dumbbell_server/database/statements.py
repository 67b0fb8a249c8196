"""Statements that are sent to the driver as they are, and the few differences between SQLite and Postgres.

Around statements of microseconds, what SQLAlchemy does is most of the cost.
"""

from __future__ import annotations

import collections
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection
from sqlalchemy.exc import DBAPIError, NoResultFound
from sqlalchemy.orm import Session

from dumbbell_server.database.revisions import POSTGRES_REVISION


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


def driver_of(connection: Connection) -> sqlite3.Connection:
    """What SQLAlchemy speaks to SQLite through."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - the caller knows
    return driver


def _execute(connection: Connection, text: str, values: dict[str, Any]) -> Result:
    """A statement on SQLite, in the transaction of the connection; what the driver raises comes as SQLAlchemy's."""
    try:
        return _Rows(driver_of(connection).execute(text, values))
    except sqlite3.Error as error:
        raise DBAPIError.instance(text, values, error, sqlite3.Error, dialect=connection.dialect) from error


V = TypeVar("V")

_NAME = re.compile(r"(?<!:):(\w+)")


class Statement:
    """SQL with `:name` parameters for the hot paths, sent to the driver as it is.

    `next_revision()` is that of revisions.py.
    """

    def __init__(self, text: str, postgres: str = "", sqlite: str | None = None) -> None:
        """`postgres` is added at the end there, such as a row lock that SQLite's one writer does not need.

        `sqlite` is the whole text there, where the two databases need different ones.
        """
        named = _NAME.sub(r"%(\1)s", f"{text} {postgres}".replace("%", "%%"))
        theirs = named.replace("next_revision()", POSTGRES_REVISION)
        self._texts = {"sqlite": sqlite or text, "postgresql": theirs}

    def on(self, connection: Connection, **values: Any) -> Result:
        if connection.dialect.name == "sqlite":
            return _execute(connection, self._texts["sqlite"], values)
        return connection.exec_driver_sql(self._texts["postgresql"], values)

    def many(self, connection: Connection, rows: list[dict[str, Any]]) -> None:
        """Once for each of the rows."""
        if rows:
            connection.exec_driver_sql(self._texts[connection.dialect.name], rows)

    def __call__(self, session: Session, **values: Any) -> Result:
        return self.on(session.connection(), **values)


def by_dialect(text: Callable[[str], str]) -> Statement:
    """A statement whose text is made for each dialect, `sqlite` and `postgresql`."""
    return Statement(text("postgresql"), sqlite=text("sqlite"))


def dialect_of(session: Session) -> str:
    return session.get_bind().dialect.name


def like(pattern: str) -> str:
    r"""A pattern for `LIKE … ESCAPE '\\'` in which only the caller's own % and _ are wild."""
    return pattern.replace("\\", "\\\\")


_GLOB = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}  # of LIKE's signs


def matches_like(session: Session, column: Any, pattern: str) -> ColumnElement[bool]:
    """A LIKE that minds capitals; SQLite's own does not, its GLOB does."""
    if dialect_of(session) == "sqlite":
        glob = re.sub(r"[%_*?[]", lambda match: _GLOB[match[0]], pattern)
        return column.op("GLOB", is_comparison=True)(glob)  # type: ignore[no-any-return]
    return column.like(like(pattern), escape="\\")  # type: ignore[no-any-return]


def literal_like(text: str) -> str:
    """Text that LIKE takes for itself."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def insert_many(session: Session, table: str, columns: dict[str, str], rows: list[tuple[Any, ...]],
                conflict: str = "") -> None:
    """Thousands of rows at once; `columns` are names and the types that Postgres has for them."""
    connection = session.connection()
    names = ", ".join(columns)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks}) {conflict}", rows)  # noqa: S608
        return
    lists = ", ".join(f"%s::{kind}[]" for kind in columns.values())
    for at in range(0, len(rows), _ROWS_AT_ONCE):
        some = tuple(list(column) for column in zip(*rows[at:at + _ROWS_AT_ONCE], strict=True))
        connection.exec_driver_sql(
            f"INSERT INTO {table} ({names}) SELECT * FROM unnest({lists}) {conflict}", some)  # noqa: S608 - no input


_ROWS_AT_ONCE = 10_000

# What one parameter list may hold on both databases; longer ones are cut into batches.
MAX_PARAMETERS = 900


def batches(values: Sequence[V]) -> Iterator[Sequence[V]]:
    """Parameter lists that both databases take."""
    return (values[at:at + MAX_PARAMETERS] for at in range(0, len(values), MAX_PARAMETERS))
