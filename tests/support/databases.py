"""Databases with one small table, and units that are made to share a commit."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from dumbbell_server.database.engine import Database, PostgresDatabase, SqliteDatabase
from support.postgres import create_database

_WAIT = 10.0  # seconds
Unit = tuple[str, Callable[[Any], Any]]  # "session" or "core", and the unit


def make_database(request: pytest.FixtureRequest, folder: Path) -> Database:
    """On what the fixture's parameter names, with a table of notes."""
    database: Database
    if request.param == "postgres":
        url = create_database(request.getfixturevalue("postgres"), f"notes_{uuid.uuid4().hex}")
        database = PostgresDatabase(url.replace("postgresql://", "postgresql+psycopg://"))
    else:
        database = SqliteDatabase(str(folder / "notes.db"))
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL, revision BIGINT,"
                                " parent INTEGER REFERENCES notes (id))"))
    return database


def add(number: int, body: str = "") -> Callable[[Session | Connection], int]:
    """A unit that adds a note, for a session or a connection."""
    def unit(on: Session | Connection) -> int:
        on.execute(text("INSERT INTO notes (id, body) VALUES (:id, :body)"), {"id": number, "body": body})
        return number
    return unit


def adds_and_raises(number: int) -> Callable[[Session | Connection], int]:
    def unit(on: Session | Connection) -> int:
        add(number)(on)
        raise ValueError(f"refused {number}")
    return unit


def notes(database: Database) -> list[int]:
    with database.reading() as session:
        return list(session.execute(text("SELECT id FROM notes ORDER BY id")).scalars())


class Blocker:
    """Holds the writer in a unit of its own until it is released: what is queued meanwhile is one group."""

    def __init__(self, database: Database) -> None:
        self._begun, self._released = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=database.write, args=[self._wait])
        self._thread.start()
        assert self._begun.wait(_WAIT)

    def _wait(self, _: Session) -> None:
        self._begun.set()
        assert self._released.wait(_WAIT)

    def release(self) -> None:
        self._released.set()

    def end(self) -> None:
        self.release()
        self._thread.join()


def run_together(database: Database, *units: Unit) -> list[Any]:
    """Results and errors of units that were all waiting when the writer became free."""
    async def run() -> list[Any]:
        blocker = Blocker(database)
        waiting = [asyncio.create_task(
            database.write_core_soon(unit) if kind == "core" else database.write_soon(unit)) for kind, unit in units]
        await asyncio.sleep(0)  # each of them is queued
        blocker.release()
        outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), _WAIT)
        await asyncio.to_thread(blocker.end)
        return outcomes

    return asyncio.run(run())
