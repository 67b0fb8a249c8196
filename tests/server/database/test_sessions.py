"""Sessions that hold what they have loaded."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from sqlalchemy import Column, Engine, Integer, Text, event, select
from sqlalchemy.orm import DeclarativeBase

from dumbbell_server.database.engine import Database, reading
from dumbbell_server.database.sessions import HoldingSession


class Tables(DeclarativeBase):
    pass


class Note(Tables):
    """The table of support/databases.py."""

    __tablename__ = "notes"

    id = Column(Integer, primary_key=True)
    body = Column(Text)


@pytest.fixture
def engine(database: Database) -> Engine:
    database.write(lambda session: session.add_all(Note(id=number, body=str(number)) for number in range(1, 6)))
    return database.engine


@pytest.fixture
def statements(engine: Engine) -> Iterator[list[str]]:
    """What is sent to the database."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def test_a_row_is_read_once_though_nobody_refers_to_it(engine: Engine, statements: list[str]) -> None:
    with HoldingSession(engine) as session:
        assert session.get(Note, 1).body == "1"
        gc.collect()
        assert session.get(Note, 1).body == "1"
        assert session.get(Note, 2).body == "2"
        session.execute(select(Note)).scalars().all()
        gc.collect()
        assert session.get(Note, 5).body == "5"
    assert len(statements) == 3


def test_a_reader_holds_so_many_and_no_more(engine: Engine, statements: list[str]) -> None:
    with HoldingSession(engine, 2) as session:
        for number in (1, 2, 3):
            session.get(Note, number)
        gc.collect()
        assert len(session.held) == len(session.identity_map) == 2
        session.get(Note, 3)
        assert len(statements) == 3
        session.get(Note, 1)
        assert len(statements) == 4


def test_a_unit_holds_all_that_it_has_loaded(engine: Engine, statements: list[str]) -> None:
    with HoldingSession(engine, None) as session:
        for number in (*range(1, 6), *range(1, 6)):
            assert session.get(Note, number).id == number
    assert len(statements) == 5


def test_get_is_that_of_a_session(engine: Engine) -> None:
    with HoldingSession(engine) as session:
        assert session.get(Note, 99) is None
        row = session.get(Note, 1)
        assert session.get(Note, (1,)) is row is session.get(Note, 1, populate_existing=True)
        session.add(Note(id=9, body="new"))
        assert session.get(Note, 9).body == "new"


def test_what_is_read_through_a_database_is_held(database: Database, engine: Engine, statements: list[str]) -> None:
    assert engine is database.engine
    with reading(database) as session:
        session.get(Note, 1)
        gc.collect()
        session.get(Note, 1)
    assert len(statements) == 1
    database.write(lambda unit: [unit.get(Note, 1), gc.collect(), unit.get(Note, 1)])
    assert len([one for one in statements if one.startswith("SELECT")]) == 2
