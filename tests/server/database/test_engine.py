"""Units of work: whole or not at all, and answered truthfully."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import uuid
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from dumbbell_server.database import engine
from dumbbell_server.database.engine import Database, PostgresDatabase, SqliteDatabase, reading, snapshot
from dumbbell_server.errors import StorageFull, StorageUnavailable
from support.databases import Blocker, add, adds_and_raises, notes, run_together
from support.postgres import Postgres

sqlite_only = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
postgres_only = pytest.mark.parametrize("database", ["postgres"], indirect=True)
KINDS = ["session", "core"]


def outcome(result: Any) -> Any:
    return str(result) if isinstance(result, ValueError) else result


@pytest.mark.parametrize("kind", KINDS)
def test_a_unit_that_raises_in_a_group_leaves_nothing_and_the_others_stay(database: Database, kind: str) -> None:
    other = "core" if kind == "session" else "session"
    results = run_together(database, ("session", add(1)), (kind, adds_and_raises(2)), ("core", add(3)),
                           (other, adds_and_raises(4)), ("session", add(5)), (kind, add(6)))
    assert [outcome(result) for result in results] == [1, "refused 2", 3, "refused 4", 5, 6]
    assert notes(database) == [1, 3, 5, 6]


@pytest.mark.parametrize("kind", KINDS)
def test_a_unit_that_raises_alone_leaves_nothing(database: Database, kind: str) -> None:
    async def write() -> None:
        write = database.write_core_soon if kind == "core" else database.write_soon
        await write(adds_and_raises(1))

    with pytest.raises(ValueError, match="refused 1"):
        asyncio.run(write())
    assert notes(database) == []
    assert (database.write(add(2)), notes(database)) == (2, [2])


@sqlite_only
def test_units_that_wait_together_share_a_commit_but_not_too_many(database: Database,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_GROUP", 4)
    commits: list[None] = []
    event.listen(database.engine, "commit", lambda _: commits.append(None))
    assert run_together(database, *[("core", add(number)) for number in range(1, 10)]) == [*range(1, 10)]
    assert len(commits) == 1 + 3  # the blocker's own; four of them, four, and one


@sqlite_only
@pytest.mark.parametrize("kind", KINDS)
def test_a_failed_commit_tells_all_who_wait(database: Database, kind: str) -> None:
    def breaks_a_reference(on: Session | Connection) -> None:
        on.execute(text("PRAGMA defer_foreign_keys=ON"))
        on.execute(text("INSERT INTO notes (id, body, parent) VALUES (2, '', 99)"))

    results = run_together(database, ("session", add(1)), (kind, breaks_a_reference), ("core", adds_and_raises(3)))
    assert [type(result) for result in results] == [IntegrityError, IntegrityError, ValueError]
    assert notes(database) == []
    assert run_together(database, ("session", add(4)), ("core", add(5))) == [4, 5]


def ends_the_transaction(on: Session | Connection) -> int:
    """What a full disk or an I/O error does inside SQLite."""
    add(2)(on)
    driver: Any = (on.connection() if isinstance(on, Session) else on).connection.driver_connection
    driver.execute("ROLLBACK")
    return 2


def ends_the_transaction_and_raises(on: Session | Connection) -> None:
    ends_the_transaction(on)
    raise ValueError("refused 2")


@sqlite_only
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("position", [0, 1, 3])
def test_nobody_is_told_of_rows_that_the_database_undid(database: Database, kind: str, position: int) -> None:
    units: list[Any] = [("session", add(1)), ("core", add(3)), ("core", adds_and_raises(4))]
    units.insert(position, (kind, ends_the_transaction_and_raises))
    results = [outcome(result) for result in run_together(database, *units)]
    assert results.pop(position) == "refused 2"
    assert results == [1, 3, "refused 4"]
    assert notes(database) == [1, 3]
    assert run_together(database, ("session", add(5)), ("core", add(6))) == [5, 6]


@sqlite_only
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("others", [0, 2])
def test_a_unit_that_does_not_notice_is_told(database: Database, kind: str, others: int) -> None:
    units = [("core", add(10 + number)) for number in range(others)]
    results = run_together(database, *units, (kind, ends_the_transaction))
    assert isinstance(results[-1], StorageUnavailable)
    assert results[:-1] == notes(database) == [10 + number for number in range(others)]


def fill_up(database: Database, spare: int) -> None:
    """As if the disk had only so many pages left."""
    def limit(session: Session) -> None:
        pages = session.execute(text("PRAGMA page_count")).scalar_one()
        session.execute(text(f"PRAGMA max_page_count={pages + spare}"))
    database.write(limit)


@sqlite_only
@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_refuses_what_does_not_fit_and_nothing_else(database: Database, kind: str) -> None:
    fill_up(database, 2)
    results = run_together(database, ("session", add(1)), (kind, add(2, "x" * 100_000)), ("core", add(3)))
    assert [results[0], results[2], notes(database)] == [1, 3, [1, 3]]
    assert isinstance(results[1], StorageFull)
    assert (results[1].status, "disk" in results[1].message) == (507, True)
    with pytest.raises(StorageFull):
        database.write(add(4, "x" * 100_000))
    assert notes(database) == [1, 3]


@sqlite_only
def test_a_locked_database_refuses_all_who_wait(database: Database) -> None:
    database.write(lambda session: session.execute(text("PRAGMA busy_timeout=50")).scalar())
    path = database.engine.url.database
    assert path is not None
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailable, match="locked") as refused:
            database.write(add(1))
        assert refused.value.status == 503
        other.execute("COMMIT")
        assert database.write(add(2)) == 2
    finally:
        other.close()
    assert notes(database) == [2]


def driver_error(code: int) -> OperationalError:
    error = sqlite3.OperationalError("as the driver says it")
    error.sqlite_errorcode = code
    return OperationalError("", {}, error)


@sqlite_only
@pytest.mark.parametrize(("error", "status"), [
    (driver_error(sqlite3.SQLITE_FULL), 507), (driver_error(sqlite3.SQLITE_IOERR_WRITE), 503),
    (driver_error(sqlite3.SQLITE_NOMEM), 503), (driver_error(sqlite3.SQLITE_BUSY_SNAPSHOT), 503), (MemoryError(), 503),
    (driver_error(sqlite3.SQLITE_ERROR), None),
])
def test_failures_of_the_database_are_refusals_with_a_status(database: Database, error: Exception,
                                                             status: int | None) -> None:
    def failing(_: object) -> None:
        raise error

    alone, first, second = (getattr(result, "status", None) for result in [
        *run_together(database, ("session", failing)),
        *run_together(database, ("session", failing), ("core", failing))])
    assert alone == first == second == status


@sqlite_only
def test_units_that_wait_when_the_database_is_closed_are_answered(database: Database) -> None:
    blocker = Blocker(database)
    results: list[int] = []
    writers = [threading.Thread(target=lambda number=number: results.append(  # type: ignore[misc]
        database.write(add(number)))) for number in (1, 2, 3)]
    for writer in writers:
        writer.start()
    assert isinstance(database, SqliteDatabase)
    while database._jobs.qsize() < len(writers):
        pass
    closing = threading.Thread(target=database.close)
    closing.start()
    blocker.end()
    for thread in (*writers, closing):
        thread.join(10)
        assert not thread.is_alive()
    assert sorted(results) == [1, 2, 3]
    with pytest.raises(RuntimeError, match="closed"):
        database.write(add(4))
    database.close()  # once more does no harm


@sqlite_only
def test_no_writer_hangs_however_it_meets_a_close(database: Database) -> None:
    """Each is answered or refused; those that were answered are on disk."""
    answered: list[int] = []

    def write(first: int) -> None:
        for number in range(first, first + 1000):
            try:
                answered.append(database.write(add(number)))
            except RuntimeError:
                return

    writers = [threading.Thread(target=write, args=[first * 1000], daemon=True) for first in range(1, 5)]
    for writer in writers:
        writer.start()
    while len(answered) < 10:
        pass
    database.close()
    for writer in writers:
        writer.join(10)
        assert not writer.is_alive()
    with sqlite3.connect(database.engine.url.database or "") as again:
        assert sorted(answered) == [number for (number,) in again.execute("SELECT id FROM notes ORDER BY id")]
    again.close()


@sqlite_only
def test_an_answer_that_nobody_waits_for_harms_nobody(database: Database) -> None:
    surprises: list[Any] = []

    async def cancelled() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: surprises.append(context))
        blocker = Blocker(database)
        waiting = asyncio.create_task(database.write_soon(add(1)))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.to_thread(blocker.end)
        await asyncio.sleep(0.01)

    asyncio.run(cancelled())
    assert surprises == []
    assert (database.write(add(2)), notes(database)) == (2, [1, 2])


def test_a_read_sees_every_unit_that_has_answered(database: Database) -> None:
    with reading(database) as session:
        for number in (1, 2, 3):
            database.write(add(number))
            assert session.execute(text("SELECT count(*) FROM notes")).scalar() == number


def test_a_snapshot_sees_one_moment(database: Database) -> None:
    database.write(add(1))
    with snapshot(database) as session:
        assert session.execute(text("SELECT count(*) FROM notes")).scalar() == 1
        database.write(add(2))
        assert session.execute(text("SELECT count(*) FROM notes")).scalar() == 1
    with snapshot(database) as session:
        assert session.execute(text("SELECT count(*) FROM notes")).scalar() == 2


@postgres_only
def test_a_snapshot_writes_nothing(database: Database) -> None:
    with snapshot(database) as session, pytest.raises(Exception, match="read-only"):
        add(1)(session)


@postgres_only
def test_whoever_loses_a_race_for_a_key_is_run_again(database: Database) -> None:
    """Both look, neither finds; one adds, and the other then finds what is there."""
    both_looked = threading.Barrier(2)
    tries: list[str] = []

    def find_or_add(name: str) -> str:
        def unit(session: Session) -> str:
            tries.append(name)
            found = session.execute(text("SELECT body FROM notes WHERE id = 1")).scalar()
            if tries.count(name) == 1:
                both_looked.wait(10)
            if found is None:
                add(1, name)(session)
            return found or name
        return database.write(unit)

    first, second = in_threads(find_or_add, "a", "b")
    assert first == second
    assert len(tries) == 3


@postgres_only
def test_whoever_names_what_goes_meanwhile_is_run_again(database: Database) -> None:
    """It looks, what it has found goes, and the second time it finds nothing."""
    database.write(lambda session: session.execute(text("CREATE TABLE below (note_id INT REFERENCES notes (id))")))
    database.write(add(1))
    looked, gone = threading.Event(), threading.Event()
    tries: list[int] = []

    def name_it(session: Session) -> str:
        tries.append(session.execute(text("SELECT count(*) FROM notes")).scalar_one())
        looked.set()
        if not tries[-1]:
            return "nothing"
        gone.wait(10)
        session.execute(text("INSERT INTO below VALUES (1)"))
        return "named"

    def act(what: str) -> str:
        if what == "name":
            return database.write(name_it)
        looked.wait(10)
        database.write(lambda session: session.execute(text("DELETE FROM notes")))
        gone.set()
        return "deleted"

    assert in_threads(act, "name", "delete") == ["nothing", "deleted"]
    assert tries == [1, 0]


@postgres_only
def test_units_that_wait_for_each_other_are_both_done(database: Database) -> None:
    """A deadlock: Postgres ends one of them, which is run again."""
    for number in (1, 2):
        database.write(add(number, "0"))
    both_hold_one = threading.Barrier(2)
    tries: list[str] = []

    def swap(order: str) -> str:
        def unit(session: Session) -> str:
            tries.append(order)
            for position, number in enumerate(order):
                session.execute(text("UPDATE notes SET body = (body::int + 1)::text WHERE id = :id"),
                                {"id": int(number)})
                if position == 0 and tries.count(order) == 1:
                    both_hold_one.wait(10)
            return order
        return database.write(unit)

    assert in_threads(swap, "12", "21") == ["12", "21"]
    assert len(tries) > 2
    with reading(database) as session:
        assert session.execute(text("SELECT body FROM notes ORDER BY id")).scalars().all() == ["2", "2"]


@postgres_only
def test_a_unit_that_always_loses_is_refused_in_the_end(database: Database) -> None:
    database.write(add(1))
    tries: list[None] = []

    def losing(session: Session) -> None:
        tries.append(None)
        add(1)(session)

    with pytest.raises(IntegrityError):
        database.write(losing)
    assert len(tries) == 5

    def wrong(session: Session) -> None:
        tries.append(None)
        session.execute(text("INSERT INTO notes (id) VALUES (3)"))

    with pytest.raises(IntegrityError):  # no race: nothing is gained by running it again
        database.write(wrong)
    assert len(tries) == 6


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "UTF8"])
def test_texts_are_texts_whatever_the_database_was_made_with(postgres: Postgres, encoding: str) -> None:
    admin = create_engine(postgres.url("postgres").replace("postgresql://", "postgresql+psycopg://"),
                          isolation_level="AUTOCOMMIT", connect_args={"client_encoding": "utf8"})
    name = f"encoded_{uuid.uuid4().hex}"
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' "
                                "LC_CTYPE 'C'"))
    admin.dispose()
    opened = PostgresDatabase(postgres.url(name).replace("postgresql://", "postgresql+psycopg://"))
    with reading(opened) as session:
        said = session.execute(text("SELECT :word || 'x'"), {"word": "\N{GREEK SMALL LETTER LAMDA}"}).scalar()
    opened.close()
    assert said == "\N{GREEK SMALL LETTER LAMDA}x"


@postgres_only
def test_a_connection_that_is_cut_is_a_refusal(database: Database) -> None:
    def cut(session: Session) -> None:
        add(1)(session)
        own = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with database.engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": own})
        session.execute(text("SELECT 1"))

    with pytest.raises(StorageUnavailable):
        database.write(cut)
    assert (database.write(add(2)), notes(database)) == (2, [2])


def in_threads(function: Any, *arguments: str) -> list[str]:
    results: dict[str, str] = {}
    threads = [threading.Thread(target=lambda one=one: results.update({one: function(one)}))  # type: ignore[misc]
               for one in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return [results[one] for one in arguments]
