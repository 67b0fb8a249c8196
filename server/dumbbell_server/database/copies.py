"""Copies of a SQLite database that is in use, and back.

A copy is made of the file between two units, once all that was committed is in it. It comes back by SQLite's own
backup, as one transaction: who reads meanwhile sees the one or the other, and a crash leaves the one or the other.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlmodel import SQLModel

from dumbbell_server.database.engine import SqliteDatabase
from dumbbell_server.database.lock import private
from dumbbell_server.database.opening import HEAD
from dumbbell_server.errors import BadInput

_OWN = "SELECT value FROM server_state WHERE key = 'secret'"
_OTHERS = "SELECT count(*) FROM sqlite_master WHERE type NOT IN ('table', 'index')"  # triggers would run in ours
_COLUMNS = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
_PAGE = 4096  # bytes: what SQLite gives a new database, and a live one cannot change
_PIECE = 1 << 30  # bytes that the system copies at once


def copy_out(database: SqliteDatabase, target: Path, also: Callable[[], object]) -> None:
    """The database is in the file `target`, and `also` was done while nothing was written."""
    database.between_units(lambda driver: _copy(database, driver, target, also))
    if _log_of(target).exists():
        with contextlib.closing(sqlite3.connect(target)) as copied:
            copied.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _copy(database: SqliteDatabase, driver: sqlite3.Connection, target: Path, also: Callable[[], object]) -> None:
    _checkpoint(driver)
    driver.execute("BEGIN IMMEDIATE")  # for other processes: `dumbbell token` writes beside a server
    try:
        _copy_bytes(database.descriptor(), target)
        log = _log_of(Path(database.path))
        if log.exists() and log.stat().st_size:  # somebody reads an older moment: what is newer is still in there
            with log.open("rb") as file:
                _copy_bytes(file.fileno(), _log_of(target))
        also()
    finally:
        driver.execute("ROLLBACK")


def _checkpoint(driver: sqlite3.Connection) -> None:
    """As much of the log as may be is in the file, without waiting for who reads."""
    patience = driver.execute("PRAGMA busy_timeout").fetchone()[0]
    driver.execute("PRAGMA busy_timeout=0")
    try:
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        driver.execute(f"PRAGMA busy_timeout={patience}")


def _copy_bytes(source: int, target: Path) -> None:
    size, done = os.fstat(source).st_size, 0
    with open(target, "xb", opener=private) as out:
        while done < size:
            count = _copy_some(source, out.fileno(), size - done, done)
            if not count:
                raise OSError(f"{target} could not be written whole")
            done += count


def _copy_some(source: int, target: int, size: int, at: int) -> int:
    try:
        return os.copy_file_range(source, target, min(size, _PIECE), at, at)
    except OSError:  # not between these two file systems
        return os.pwrite(target, os.pread(source, 1 << 20, at), at)


def remove_secret(path: Path) -> None:
    """Who gets the copy cannot sign URLs and cookies in the name of the server that it is of."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as copied:
        copied.execute("PRAGMA secure_delete=ON")  # nor find it in bytes that are in use no more
        copied.execute("UPDATE server_state SET value = '' WHERE key = 'secret'")


def check_copy(path: Path) -> None:
    """BadInput for what is no whole database of this version."""
    try:
        with _opened(path) as copied:
            revision = copied.execute("SELECT version_num FROM alembic_version").fetchone()
            others = copied.execute(_OTHERS).fetchone()[0] or not _has_our_columns(copied)
            sound = copied.execute("PRAGMA quick_check(1)").fetchone()
            page_size = copied.execute("PRAGMA page_size").fetchone()
    except sqlite3.DatabaseError as error:
        raise BadInput(f"the snapshot's database cannot be read: {error}") from None
    if revision is None or revision[0] != HEAD:
        raise BadInput(f"the snapshot is of revision {revision and revision[0]}, and this is the dumbbell of {HEAD}; "
                       "load it with the version that made it, and move what it holds by export and seed")
    if others or sound[0] != "ok" or page_size[0] != _PAGE:
        raise BadInput("the snapshot's database is damaged, or none of ours")


def _has_our_columns(copied: sqlite3.Connection) -> bool:
    found = {(table, column) for table, column in copied.execute(_COLUMNS)}
    return all((table.name, column.name) in found for table in SQLModel.metadata.sorted_tables for column in table.c)


def copy_in(database: SqliteDatabase, source: Path) -> None:
    """The database is what the file says, but for the secret that signs URLs: that stays the server's own.

    Revisions go on above all that were in use before or are now, so that no cache takes old rows for new ones.
    """
    def restore(driver: sqlite3.Connection) -> None:
        secret = driver.execute(_OWN).fetchone()
        with _opened(source) as copied, _without_checkpoints(driver):
            copied.backup(driver)
            if driver.execute(_OWN).fetchone() != secret:
                driver.execute("UPDATE server_state SET value = ? WHERE key = 'secret'", secret)
        database.revisions = itertools.count(max(next(database.revisions), _highest(driver) + 1))
    database.between_units(restore)


@contextlib.contextmanager
def _without_checkpoints(driver: sqlite3.Connection) -> Iterator[None]:
    """Who waits for a large restore need not wait until it is on the disk and in the file: see `tidy`."""
    names = ("wal_autocheckpoint", "synchronous")
    before = [driver.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
    driver.execute("PRAGMA wal_autocheckpoint=0")
    driver.execute("PRAGMA synchronous=NORMAL")
    try:
        yield
    finally:
        for name, value in zip(names, before, strict=True):
            driver.execute(f"PRAGMA {name}={value}")


def tidy(database: SqliteDatabase) -> None:
    """What a restore has left in the log is on the disk, and goes into the file, beside who reads and writes.

    Until then a power cut, but no crash, may bring back what was there before.
    """
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")


def _highest(driver: sqlite3.Connection) -> int:
    tables = driver.execute(f"{_COLUMNS} AND c.name = 'revision'").fetchall()
    found = [driver.execute(f'SELECT max(revision) FROM "{name}"').fetchone()[0] for name, _ in tables]  # noqa: S608
    return max((number or 0 for number in found), default=0)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """For reads of a file that nobody writes."""
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as opened:
        yield opened


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")
