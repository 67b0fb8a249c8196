"""Sessions that hold what they have loaded, and rows for readers straight from the driver."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Engine, Integer, Text, event, inspect, select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import DeclarativeBase, Session

from dumbbell_server.accounts.tables import EntityRow, UserRow
from dumbbell_server.database import statements as driver_statements
from dumbbell_server.database.engine import Database, reading
from dumbbell_server.database.sessions import ReadingSession, RowQuery, UnitSession
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.tables import RunRow
from support.world import World


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
def statements(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is sent to the database, through SQLAlchemy or past it."""
    sent: list[str] = []
    execute = driver_statements._execute

    def note_driver(connection: Connection, statement: str, values: dict[str, Any]) -> Any:
        sent.append(statement)
        return execute(connection, statement, values)

    monkeypatch.setattr(driver_statements, "_execute", note_driver)

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def test_a_row_is_read_once_though_nobody_refers_to_it(engine: Engine, statements: list[str]) -> None:
    with ReadingSession(engine) as session:
        assert session.get(Note, 1).body == "1"
        gc.collect()
        assert session.get(Note, 1).body == "1"
        assert session.get(Note, 2).body == "2"
    assert len(statements) == 2


def test_a_reader_holds_so_many_and_no_more(engine: Engine, statements: list[str],
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dumbbell_server.database.sessions._HELD", 2)
    with ReadingSession(engine) as session:
        for number in (1, 2, 3, 3, 2):
            assert session.get(Note, number).body == str(number)
        assert len(statements) == 3
        session.get(Note, 1)
        assert len(statements) == 4


def test_what_was_read_is_read_again_once_all_is_expunged(engine: Engine, statements: list[str]) -> None:
    with ReadingSession(engine) as session:
        session.get(Note, 1)
        session.expunge_all()
        session.get(Note, 1)
    assert len(statements) == 2


def test_a_unit_holds_all_that_it_has_loaded(engine: Engine, statements: list[str]) -> None:
    with UnitSession(engine) as session:
        for number in (*range(1, 6), *range(1, 6)):
            assert session.get(Note, number).id == number
            gc.collect()
    assert len(statements) == 5


@pytest.mark.parametrize("kind", [ReadingSession, UnitSession])
def test_get_is_that_of_a_session(engine: Engine, kind: type[Session]) -> None:
    with kind(engine) as session:
        assert session.get(Note, 99) is None
        with pytest.raises(NoResultFound):
            session.get_one(Note, 99)
        assert session.get(Note, (1,)).body == "1"
        assert session.get(Note, 1, populate_existing=True).body == "1"
        assert session.get_one(Note, 1).body == "1"


def test_a_unit_stores_what_it_changes_and_a_reader_does_not(database: Database, engine: Engine) -> None:
    query = RowQuery(Note, "body = :body")

    def change(session: Session) -> None:
        for row in query.all(session, body="2"):
            row.body = "changed"

    database.write(change)
    with ReadingSession(engine) as session:
        assert query.first(session, body="2") is None
        found = query.first(session, body="changed")
        assert found.id == 2
        found.body = "lost"
        session.commit()
    with ReadingSession(engine) as session:
        assert session.get(Note, 2).body == "changed"


def test_rows_for_readers_are_those_of_the_orm(world: World) -> None:
    """Each column under its name in the code, with its type: SQLite has no booleans."""
    world.upsert("r", config='{"lr": {"value": 1}}')
    for table in (UserRow, EntityRow, ProjectRow, RunRow):
        with reading(world.backend.database) as session:
            quick = session.get(table, 1)
            slow = session.execute(select(table)).scalar()
            assert quick is not slow
            for column in tuple(inspect(table).columns.keys()):
                assert getattr(quick, column) == getattr(slow, column)
                assert type(getattr(quick, column)) is type(getattr(slow, column))


def test_what_is_read_through_a_database_is_held(database: Database, engine: Engine, statements: list[str]) -> None:
    assert engine is database.engine
    with reading(database) as session:
        session.get(Note, 1)
        gc.collect()
        session.get(Note, 1)
    assert len(statements) == 1
    database.write(lambda unit: [unit.get(Note, 1), gc.collect(), unit.get(Note, 1)])
    assert len([one for one in statements if one.startswith("SELECT")]) == 2
