"""The few differences between SQLite and Postgres, in one place."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from dumbbell_server.storage.results import Result, execute
from dumbbell_server.storage.stamps import POSTGRES_STAMP

_NAME = re.compile(r"(?<!:):(\w+)")


class Statement:
    """SQL with `:name` parameters for the hot paths, sent to the driver as it is; `stamp()` is that of `stamps`."""

    def __init__(self, text: str, postgres: str = "") -> None:
        """`postgres` is added at the end there, such as a row lock that SQLite's one writer does not need."""
        theirs = _NAME.sub(r"%(\1)s", f"{text} {postgres}".replace("%", "%%")).replace("stamp()", POSTGRES_STAMP)
        self._texts = {"sqlite": text, "postgresql": theirs}

    def on(self, connection: Connection, **values: Any) -> Result:
        if connection.dialect.name == "sqlite":
            return execute(connection, self._texts["sqlite"], values)
        return connection.exec_driver_sql(self._texts["postgresql"], values)

    def many(self, connection: Connection, rows: list[dict[str, Any]]) -> None:
        """Once for each of the rows."""
        if rows:
            connection.exec_driver_sql(self._texts[connection.dialect.name], rows)

    def __call__(self, session: Session, **values: Any) -> Result:
        return self.on(session.connection(), **values)


def like(pattern: str) -> str:
    r"""A pattern for `LIKE … ESCAPE '\\'` in which only the caller's own % and _ are wild."""
    return pattern.replace("\\", "\\\\")


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

# What one parameter list may hold on both databases; longer ones are cut into pieces.
MAX_PARAMETERS = 900
