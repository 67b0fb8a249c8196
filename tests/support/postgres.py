"""The system's Postgres, started for the tests on a free port and ended by its own pid."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_START = 30.0  # seconds
_TRIES = 3  # somebody may take the port between finding and using it


_LOCKED = "5s"  # for which a table may be locked by whoever used a database before


@dataclass(frozen=True)
class Postgres:
    port: int
    pid: int
    free: list[str] = field(default_factory=list)  # names of databases that were lent, and are empty again

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"


def find_binaries() -> Path | None:
    """The folder of initdb and postgres: $PG_BIN, PATH, or where Debian puts the newest."""
    on_path = shutil.which("initdb")
    folders = [Path(os.environ["PG_BIN"])] if os.environ.get("PG_BIN") else []
    folders += [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: folder.parent.name.zfill(4),
                      reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


@contextlib.contextmanager
def start_postgres() -> Iterator[Postgres]:
    """An empty Postgres without passwords, on loopback only; fast, since it need not survive."""
    binaries = find_binaries()
    assert binaries is not None, "no initdb: set PG_BIN, or install Postgres"
    folder = Path(tempfile.mkdtemp(prefix="dumbbell-pg-"))
    user = None
    if os.geteuid() == 0:  # initdb refuses root
        user = "postgres"
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)
    try:
        data = folder / "data"
        subprocess.run([str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8",
                        "--locale=C", "--no-sync"], check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)
        process, port = _start(binaries, folder, data, user)
        try:
            yield Postgres(port, process.pid)
        finally:
            process.send_signal(signal.SIGINT)  # SIGTERM would wait for open connections
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def create_database(server: Postgres, name: str) -> str:
    """Make an empty database and return its URL."""
    import psycopg  # noqa: PLC0415 - an extra that light runs do without
    from psycopg import sql  # noqa: PLC0415

    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return server.url(name)


@contextlib.contextmanager
def lent_database(server: Postgres, name: str) -> Iterator[str]:
    """The URL of a database without rows; it may have our tables, which somebody before had made.

    To make a database and its tables takes ten times as long as to empty them, and its 300 files have to be removed.
    """
    given = server.free.pop() if server.free else None
    url = create_database(server, name) if given is None else server.url(given)
    yield url
    with contextlib.suppress(LookupError):
        _empty(url)
        server.free.append(given or name)


def _empty(url: str) -> None:
    """LookupError for one that has no tables of ours, or that somebody still uses."""
    import psycopg  # noqa: PLC0415 - as above
    from psycopg import sql  # noqa: PLC0415

    with psycopg.connect(url, autocommit=True) as connection:
        found = [row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        if "alembic_version" not in found:
            raise LookupError(url)
        connection.execute(sql.SQL("SET lock_timeout = {}").format(sql.Literal(_LOCKED)))
        tables = sql.SQL(", ").join(sql.Identifier(name) for name in found if name != "alembic_version")
        try:
            connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(tables))
        except psycopg.errors.LockNotAvailable:
            raise LookupError(url) from None


def _start(binaries: Path, folder: Path, data: Path, user: str | None) -> tuple[subprocess.Popen[bytes], int]:
    log = folder / "log"
    for _ in range(_TRIES):
        port = _free_port()
        with log.open("ab") as output:
            process = subprocess.Popen(
                [str(binaries / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder), "-c", "fsync=off",
                 "-c", "listen_addresses=127.0.0.1"],
                user=user, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        if _answers(process, Postgres(port, process.pid)):
            return process, port
    raise AssertionError(f"Postgres did not start:\n{log.read_text(errors='replace')[-4000:]}")


def _answers(process: subprocess.Popen[bytes], server: Postgres) -> bool:
    import psycopg  # noqa: PLC0415 - as above

    deadline = time.monotonic() + _START
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(server.url("postgres"), connect_timeout=2).close()
            return True
        time.sleep(0.05)
    if process.poll() is None:
        process.send_signal(signal.SIGQUIT)
    process.wait(30)
    return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
