"""Opening a database: find it, bring it to our revision, or say clearly why not."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlmodel import SQLModel

from dumbbell_server.database.engine import Database, PostgresDatabase, SqliteDatabase
from dumbbell_server.database.lock import private
from dumbbell_server.database.revisions import counter
from dumbbell_server.errors import StartupError

# The newest file in migrations/versions; a test holds the two together. Alembic itself is imported only when a
# database has another revision: it costs half a second of every start.
HEAD = "0018"

_FILE = "dumbbell.db"


def open_database(database_url: str | None, folder: Path, synchronous: str = "FULL") -> Database:
    """Open and migrate. Raises StartupError with one line that says what to do."""
    database = _connect(database_url, folder, synchronous)
    try:
        with _explained(database_url, folder):
            _bring_up(database)
            if isinstance(database, SqliteDatabase):
                with database.engine.connect() as connection:
                    database.revisions = counter(connection)
    except BaseException:
        database.close()
        raise
    return database


def open_unchanged(database_url: str | None, folder: Path, synchronous: str = "FULL") -> Database:
    """Open a database of this version that is there, beside a server that may be running. Else StartupError.

    For short writes only, and none to a table with revisions: those are counted in the memory of the server.
    """
    require_database(database_url, folder)
    database = _connect(database_url, folder, synchronous)
    try:
        with _explained(database_url, folder), database.engine.connect() as connection:
            revision = revision_of(connection)
    except BaseException:
        database.close()
        raise
    if revision != HEAD:
        database.close()
        raise StartupError(f"the database is of revision {revision}, and this is the dumbbell of {HEAD}; "
                           "end the server, and run `dumbbell migrate`")
    return database


def require_database(database_url: str | None, folder: Path) -> None:
    """StartupError where the folder has no database: a command that makes one by itself hides a mistyped name."""
    if database_url is None and not (folder / _FILE).exists():
        raise StartupError(f"there is no database in {folder}; check --data-dir: `dumbbell serve` makes one")


def _connect(database_url: str | None, folder: Path, synchronous: str) -> Database:
    if database_url is None:
        _make_private(folder / _FILE)
        return SqliteDatabase(str(folder / _FILE), synchronous)
    try:
        return PostgresDatabase(_driver_url(database_url))
    except ModuleNotFoundError as error:
        raise StartupError("--database-url needs psycopg: pip install 'dumbbell[postgres]'") from error


def _make_private(path: Path) -> None:
    """The file is there, for its owner only: SQLite gives -wal and -shm the same mode."""
    try:
        os.close(private(str(path), os.O_RDWR | os.O_CREAT))
    except OSError as error:
        raise StartupError(f"cannot open {path}: {error.strerror}; check --data-dir") from error


@contextlib.contextmanager
def _explained(database_url: str | None, folder: Path) -> Iterator[None]:
    """What the driver says of a database that cannot be opened, as a StartupError that says what to look at."""
    try:
        yield
    except OperationalError as error:
        where = "Postgres" if database_url else f"the database in {folder}"
        reason = str(error.orig).strip().splitlines()[0]
        raise StartupError(f"cannot open {where}: {reason}; check --database-url and --data-dir") from error
    except DatabaseError as error:
        raise StartupError(f"{folder / _FILE} is not a database of ours: {error.orig}") from error


def _driver_url(url: str) -> str:
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    raise StartupError(f"--database-url {url.split(':', 1)[0]}:… is not supported; it starts with postgresql://")


def revision_of(connection: Connection) -> str | None:
    """The revision of the tables that are there, None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _bring_up(database: Database) -> None:
    with database.engine.connect() as connection:
        revision = revision_of(connection)
    if revision == HEAD:
        return
    if revision is None:
        with database.engine.begin() as connection:
            if connection.dialect.name == "postgresql":  # several servers may start at once
                connection.execute(text("SELECT pg_advisory_xact_lock(4207849484)"))
                if revision_of(connection) is not None:
                    return
            SQLModel.metadata.create_all(connection)
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
        return
    upgrade(database)


def upgrade(database: Database, target: str = "head") -> None:
    """Run the migrations that are missing, all of them or none."""
    from alembic import command  # noqa: PLC0415 - see HEAD
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "dumbbell_server:migrations")
    with database.engine.connect() as connection:
        revision = revision_of(connection)
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if revision is not None and revision not in known:
            raise StartupError(f"the database is from a newer version of dumbbell (revision {revision}, "
                               f"we know up to {HEAD}); upgrade dumbbell, or start with another --data-dir")
        config.attributes["connection"] = connection
        try:
            with _one_piece(connection):
                command.upgrade(config, target)
        except CommandError as error:
            raise StartupError(f"cannot migrate the database: {error}") from error


@contextlib.contextmanager
def _one_piece(connection: Connection) -> Iterator[None]:
    """A transaction in which SQLite's tables may be made again: to drop the old one must not delete what names it."""
    if connection.dialect.name != "sqlite":
        yield
        connection.commit()
        return
    connection.rollback()
    connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield
        connection.commit()
    finally:
        connection.rollback()
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
