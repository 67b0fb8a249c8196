"""Units of work: one door for writes, sessions for reads.

A unit is a function of a session: it reads, decides and writes, and is run once or, after a race with another
process, again. On SQLite one writer thread runs the units, each under a savepoint of its own, and commits those that
wait together: with `synchronous=FULL` the disk is asked once for all of them. On Postgres a unit is a transaction.
Readers never wait for writers, and see every unit that has answered.

Nobody is told that a unit is on disk whose rows are not there. A unit that raises leaves nothing, and the others of its
group stay. If the commit fails, all of the group hear so. And the database may end a transaction by itself (a full
disk, an I/O error, no memory): then nothing of the group is there, so each unit is run again alone, and answered alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.orm.session import JoinTransactionMode

from dumbbell_server.database.failures import UNDONE, refusal_of
from dumbbell_server.database.sessions import ReadingSession, UnitSession
from dumbbell_server.database.statements import driver_of
from dumbbell_server.errors import StorageUnavailable

T = TypeVar("T")
Unit = Callable[[Session], T]
CoreUnit = Callable[[Connection], T]  # for hot paths: a session costs as much as the rest of a file stream POST

_GROUP = 64  # units that share a commit at most, so that the first does not wait for a crowd
_TRIES = 5


class Database(Protocol):
    """What the domains see of a database."""

    engine: Engine

    def write(self, unit: Unit[T]) -> T:
        """Run a unit and return its result once it is on disk."""
        ...

    async def write_soon(self, unit: Unit[T]) -> T:
        """The same for the event loop."""
        ...

    async def write_core_soon(self, unit: CoreUnit[T]) -> T:
        """The same for the event loop, for a unit that speaks to the driver."""
        ...

    def reading(self) -> Session:
        """A session for reads; the caller closes it."""
        ...

    def snapshot(self) -> Session:
        """The same, but all of its reads see one moment, whatever is written meanwhile."""
        ...

    def close(self) -> None: ...


@dataclass
class _Job:
    unit: Callable[[Any], Any]
    core: bool
    done: Future[Any] | _Soon
    between: bool = False  # it is no unit: it is run between two transactions, with the driver's connection
    result: Any = None
    error: BaseException | None = None

    def answer(self) -> None:
        if self.error is None:
            self.done.set_result(self.result)
        else:
            self.done.set_exception(self.error)


class _Soon:
    """A result for the event loop. `asyncio.wrap_future` does the same at three times the cost."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self._loop.create_future()

    def set_result(self, result: Any) -> None:
        self._call(self.future.set_result, result)

    def set_exception(self, error: BaseException) -> None:
        self._call(self.future.set_exception, error)

    def _call(self, answer: Callable[[Any], None], value: Any) -> None:
        def soon() -> None:
            if not self.future.done():  # who waited may have gone
                answer(value)
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(soon)


class SqliteDatabase:
    """A file. `synchronous` FULL keeps what was acknowledged through a power cut, NORMAL through a crash."""

    def __init__(self, path: str, synchronous: str = "FULL") -> None:
        # last in, first out: the connection that was used last has its pages at hand
        self.engine = create_engine(f"sqlite:///{path}", pool_size=16, max_overflow=16, pool_use_lifo=True)
        self.path = path
        self._descriptor: int | None = None
        self.revisions: Iterator[int] = itertools.count(1)
        event.listen(self.engine, "connect", _sqlite_settings(synchronous, lambda: next(self.revisions)))
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._closing = threading.Lock()  # no job comes after the None that ends the writer
        self._thread = threading.Thread(target=self._work, name="dumbbell-writer", daemon=True)
        self._thread.start()

    def write(self, unit: Unit[T]) -> T:
        done: Future[T] = Future()
        self._submit(_Job(unit, core=False, done=done))
        return done.result()

    async def write_soon(self, unit: Unit[T]) -> T:
        return await self._submit_soon(unit, core=False)  # type: ignore[no-any-return]

    async def write_core_soon(self, unit: CoreUnit[T]) -> T:
        return await self._submit_soon(unit, core=True)  # type: ignore[no-any-return]

    def between_units(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run this in the writer, with its connection, while no unit runs."""
        done: Future[T] = Future()
        self._submit(_Job(work, core=True, done=done, between=True))
        return done.result()

    def reading(self) -> Session:
        return ReadingSession(self.engine)

    def snapshot(self) -> Session:
        session = self.reading()
        session.connection().exec_driver_sql("BEGIN")
        return session

    def descriptor(self) -> int:
        """The file, opened once beside SQLite's connections, for the writer to copy.

        It stays open as long as they do: to close it would end the locks that they have on the file, since those are
        the process's, and another process could then take the database for unused.
        """
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_RDONLY)
        return self._descriptor

    def close(self) -> None:
        """What was handed to the writer is committed first; whoever calls it waits for that."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()
        self.engine.dispose()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _submit_soon(self, unit: Callable[[Any], Any], *, core: bool) -> asyncio.Future[Any]:
        soon = _Soon()
        self._submit(_Job(unit, core, soon))
        return soon.future

    def _submit(self, job: _Job) -> None:
        with self._closing:
            if self._closed:
                raise RuntimeError("the database is closed")
            self._jobs.put(job)

    def _work(self) -> None:
        with self.engine.connect() as connection:
            following: _Job | None = None
            while (job := following or self._jobs.get()) is not None:
                following = None
                if job.between:
                    _run_between(connection, job)
                    continue
                group = [job]
                stop = False
                with contextlib.suppress(queue.Empty):
                    while len(group) < _GROUP and not stop and following is None:
                        other = self._jobs.get_nowait()
                        if other is None:
                            stop = True
                        elif other.between:
                            following = other
                        else:
                            group.append(other)
                _commit(connection, group)
                if stop:
                    return


def _run_between(connection: Connection, job: _Job) -> None:
    try:
        job.result = job.unit(driver_of(connection))
    except sqlite3.Error as error:
        job.error = refusal_of(DBAPIError("", {}, error))
    except BaseException as error:  # noqa: BLE001 - carried to the caller, who waits in another thread
        job.error = error
    job.answer()


def _commit(connection: Connection, group: list[_Job]) -> None:
    try:
        _run_group(connection, group)
    except _TransactionEnded as error:
        if len(group) > 1:
            for job in group:
                job.result = job.error = None
                _commit(connection, [job])
            return
        group[0].error = error
    except BaseException as error:  # noqa: BLE001 - the commit failed: everybody who waits for it must hear so
        refusal = refusal_of(error)
        for job in group:
            job.error = job.error or refusal
    for job in group:
        job.answer()


def _run_group(connection: Connection, group: list[_Job]) -> None:
    try:
        with connection.begin():
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            for job in group:
                if len(group) == 1:
                    _run_alone(connection, job)
                else:
                    _run_under_savepoint(connection, job)
                _check_open(connection)
    except BaseException:
        driver_of(connection).rollback()  # a commit that failed leaves the transaction open, and none could follow it
        raise


class _TransactionEnded(StorageUnavailable):
    """The database has ended the transaction by itself, and with it undone every unit of the group."""


def _check_open(connection: Connection) -> None:
    """Only the driver knows. A unit may have swallowed the error that says so."""
    if not driver_of(connection).in_transaction:
        raise _TransactionEnded(UNDONE)


def _run_alone(connection: Connection, job: _Job) -> None:
    """The transaction is savepoint enough: what the unit raises takes it back."""
    job.result = job.unit(connection) if job.core else _session_result(connection, job.unit, "rollback_only")


def _run_under_savepoint(connection: Connection, job: _Job) -> None:
    try:
        job.result = _core_result(connection, job.unit) if job.core else \
            _session_result(connection, job.unit, "create_savepoint")
    except BaseException as error:  # noqa: BLE001 - carried to the caller, who waits in another thread
        job.error = refusal_of(error)


def _core_result(connection: Connection, unit: CoreUnit[T]) -> T:
    connection.exec_driver_sql("SAVEPOINT unit")
    try:
        return unit(connection)
    except BaseException:
        connection.exec_driver_sql("ROLLBACK TO unit")
        raise
    finally:
        connection.exec_driver_sql("RELEASE unit")


def _session_result(connection: Connection, unit: Unit[T], mode: JoinTransactionMode) -> T:
    with UnitSession(connection, expire_on_commit=False, join_transaction_mode=mode) as session:
        result = unit(session)
        session.commit()
        return result


def _sqlite_settings(synchronous: str, next_revision: Callable[[], int]) -> Callable[[Any, Any], None]:
    def settings(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON", "busy_timeout=10000",
                       "cache_size=-2000", "journal_size_limit=67108864"):
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function("next_revision", 0, next_revision)
    return settings


class PostgresDatabase:
    """Anything that speaks Postgres. Races end in a violated constraint or a deadlock; the unit is then run again."""

    def __init__(self, url: str) -> None:
        # said by us: of a database without an encoding (SQL_ASCII, as `initdb` makes under LANG=C) texts come as bytes
        self.engine = create_engine(url, pool_size=8, max_overflow=24, pool_use_lifo=True, pool_pre_ping=True,
                                    connect_args={"client_encoding": "utf8"})
        self._reader = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._still = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._pool = ThreadPoolExecutor(8, "dumbbell-writer")

    def write(self, unit: Unit[T]) -> T:
        def attempt() -> T:
            with UnitSession(self.engine, expire_on_commit=False) as session:
                result = unit(session)
                session.commit()
                return result
        return _run(attempt)

    def _write_core(self, unit: CoreUnit[T]) -> T:
        def attempt() -> T:
            with self.engine.begin() as connection:
                return unit(connection)
        return _run(attempt)

    async def write_core_soon(self, unit: CoreUnit[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._write_core, unit)

    async def write_soon(self, unit: Unit[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.write, unit)

    def reading(self) -> Session:
        return ReadingSession(self._reader)

    def snapshot(self) -> Session:
        return ReadingSession(self._still)

    def close(self) -> None:
        self._pool.shutdown()
        self.engine.dispose()


def _run(attempt: Callable[[], T]) -> T:
    try:
        return _again_after_races(attempt)
    except DBAPIError as error:
        raise refusal_of(error) from error.orig


def _again_after_races(attempt: Callable[[], T]) -> T:
    for _ in range(_TRIES - 1):
        try:
            return attempt()
        except DBAPIError as error:
            if not _is_race(error):
                raise
    return attempt()


def _is_race(error: DBAPIError) -> bool:
    # unique violation, a row that went while the unit wrote what names it, serialization failure, deadlock
    return getattr(error.orig, "sqlstate", None) in {"23505", "23503", "40001", "40P01"}


@contextlib.contextmanager
def reading(database: Database) -> Iterator[Session]:
    session = database.reading()
    try:
        yield session
    finally:
        session.close()


@contextlib.contextmanager
def snapshot(database: Database) -> Iterator[Session]:
    """For reads of several rows that belong together, such as chunks and their bodies."""
    session = database.snapshot()
    try:
        yield session
    finally:
        session.close()
