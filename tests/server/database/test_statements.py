"""Statements that go to the driver as they are: the same on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, NoResultFound
from sqlalchemy.orm import Session

from dumbbell_server.database import statements
from dumbbell_server.database.engine import Database, reading
from dumbbell_server.database.statements import Statement, insert_many, like, literal_like
from support.databases import notes

_ADD = Statement("INSERT INTO notes (id, body) VALUES (:id, :body)")
_READ = Statement("SELECT id, body FROM notes WHERE id >= :least AND body LIKE '%' ORDER BY id", postgres="FOR SHARE")
TEXTS = ["a\\b", "a%b", "a_b", "axb", "axxb", "\\", "%", "a:b"]


def add(database: Database, *bodies: str) -> None:
    def unit(session: Session) -> None:
        _ADD.many(session.connection(), [{"id": number, "body": body} for number, body in enumerate(bodies, 1)])
    database.write(unit)


def found(database: Database, pattern: str) -> list[str]:
    with reading(database) as session:
        return list(session.execute(text("SELECT body FROM notes WHERE body LIKE :pattern ESCAPE '\\' ORDER BY id"),
                                    {"pattern": pattern}).scalars())


def test_rows_are_read_by_name_and_by_place(database: Database) -> None:
    add(database, "one", "two", "three")

    def read(session: Session) -> list[Any]:
        first = _READ(session, least=2).first()
        return [first.id, first.body, first[1], [tuple(row) for row in _READ(session, least=2)],
                [row.id for row in _READ(session, least=3).all()], _READ(session, least=3).one().body,
                _READ(session, least=3).scalar(), _READ(session, least=3).scalar_one(),
                _READ(session, least=9).first(), _READ(session, least=9).scalar(), _READ(session, least=9).all()]

    assert database.write(read) == [2, "two", "two", [(2, "two"), (3, "three")], [3], "three", 3, 3, None, None, []]


def test_a_row_that_must_be_there(database: Database) -> None:
    with pytest.raises(NoResultFound):
        database.write(lambda session: _READ(session, least=9).one())
    with pytest.raises(NoResultFound):
        database.write(lambda session: _READ(session, least=9).scalar_one())


def test_what_the_driver_raises_is_sqlalchemys(database: Database) -> None:
    add(database, "one")

    def again(session: Session) -> None:
        _ADD(session, id=2, body="two")
        _ADD(session, id=1, body="one")

    with pytest.raises(IntegrityError):
        database.write(again)
    assert notes(database) == [1]
    database.write(lambda session: _ADD.many(session.connection(), []))


def test_a_pattern_of_the_caller_has_their_own_wild_characters_alone(database: Database) -> None:
    add(database, *TEXTS)
    assert found(database, like("a_b")) == ["a\\b", "a%b", "a_b", "axb", "a:b"]
    assert found(database, like("a%b")) == [body for body in TEXTS if body.startswith("a")]
    assert found(database, like("a\\b")) == ["a\\b"]
    assert found(database, like("a\\%")) == ["a\\b"]


@pytest.mark.parametrize("body", TEXTS)
def test_a_literal_text_is_found_by_itself_alone(database: Database, body: str) -> None:
    add(database, *TEXTS)
    assert found(database, literal_like(body)) == [body]


def test_many_rows_at_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "_ROWS_AT_ONCE", 2)
    columns = {"id": "integer", "body": "text"}

    def unit(session: Session) -> None:
        insert_many(session, "notes", columns, [(number, str(number)) for number in range(1, 6)])
        insert_many(session, "notes", columns, [(5, "again"), (6, "6")], "ON CONFLICT DO NOTHING")

    database.write(unit)
    assert found(database, "%") == [*"123456"]
