"""A cache that reads the watermark first misses no committed row."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, text
from sqlalchemy.orm import Session

from dumbbell_server.app import create_app
from dumbbell_server.database.engine import Database, reading
from dumbbell_server.database.opening import open_database
from dumbbell_server.database.revisions import next_revision, since_watermark, watermark
from dumbbell_server.database.statements import Statement
from dumbbell_server.runs.tables import RunRow
from support.databases import notes
from support.run_files_env import fill

assert create_app  # every domain's tables are known once the factory is imported
_ADD = Statement("INSERT INTO notes (id, body, revision) VALUES (:id, '', next_revision())")
_TOUCH = Statement("UPDATE notes SET revision = next_revision() WHERE id = :id")


def add(number: int) -> Any:
    return lambda session: _ADD(session, id=number)


class Cache:
    """The numbers of notes, brought up to date as the caches of lists are."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect = database.engine.dialect.name
        self._watermark = 0
        self.held: set[int] = set()

    def read(self) -> list[int]:
        """What was changed since the last time."""
        with reading(self._database) as session:
            new = session.execute(text(f"SELECT {watermark('notes', 'true', self._dialect)}")).scalar_one()
            changed = session.execute(text(f"SELECT id FROM notes WHERE {since_watermark(self._dialect)} ORDER BY id"),
                                      {"watermark": self._watermark}).scalars().all()
        self._watermark = new
        self.held |= {*changed}
        return [*changed]


def test_what_was_changed_is_read_again_and_nothing_else(database: Database) -> None:
    cache = Cache(database)
    database.write(add(1))
    database.write(add(2))
    assert cache.read() == [1, 2]
    assert cache.read() == []
    database.write(lambda session: _TOUCH(session, id=1))
    database.write(add(3))
    assert cache.read() == [1, 3]
    assert cache.read() == []


def test_revisions_grow_in_the_order_of_the_commits(database: Database) -> None:
    for number in (3, 1, 2):
        database.write(add(number))
    with reading(database) as session:
        assert session.execute(text("SELECT id FROM notes ORDER BY revision")).scalars().all() == [3, 1, 2]
        revisions = session.execute(text("SELECT revision FROM notes")).scalars().all()
    assert len({*revisions}) == 3
    assert min(revisions) > 0


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_transaction_that_commits_after_a_later_one_is_not_missed(database: Database) -> None:
    cache = Cache(database)
    added, may_commit = threading.Event(), threading.Event()

    def slow(session: Session) -> None:
        add(1)(session)
        added.set()
        assert may_commit.wait(10)

    thread = threading.Thread(target=database.write, args=[slow])
    thread.start()
    assert added.wait(10)
    database.write(add(2))
    assert cache.read() == [2]
    may_commit.set()
    thread.join()
    assert 1 in cache.read()
    assert sorted(cache.held) == notes(database)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_rows_of_another_databases_dump_are_not_read_each_time(database: Database) -> None:
    cache = Cache(database)
    database.write(lambda session: session.execute(
        text("INSERT INTO notes (id, body, revision) VALUES (1, '', 9000000000000)")))
    database.write(add(2))
    assert cache.read() == [2]


def test_a_database_that_is_opened_again_goes_on_above_all_revisions(tmp_path: Path) -> None:
    def revise(session: Session) -> None:
        for run in session.query(RunRow):
            run.notes = f"{run.notes}."

    def revisions(database: Database) -> list[int]:
        with reading(database) as session:
            return sorted(run.revision for run in session.query(RunRow))

    database = open_database(None, tmp_path)
    database.write(fill)
    database.write(revise)
    before = revisions(database)
    database.close()
    database = open_database(None, tmp_path)
    try:
        database.write(revise)
        assert min(revisions(database)) > max(before)
    finally:
        database.close()


def test_the_function_is_one_for_statements_of_sqlalchemy_too(database: Database) -> None:
    def two(session: Session) -> tuple[Any, Any]:
        session.execute(text("INSERT INTO notes (id, body) VALUES (1, '')"))
        return session.execute(next_revision()).scalar(), session.execute(func.next_revision()).scalar()

    first, second = database.write(two)
    assert second == (first if database.engine.dialect.name == "postgresql" else first + 1)
