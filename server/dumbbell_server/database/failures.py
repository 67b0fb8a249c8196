"""What fails in the database, not in the unit: a full disk, a lock that stays, a device that does not answer.

Clients send again what is refused so: the SDK retries every 5xx but 501 (wandb 0.31 core, retryablehttp).
"""

from __future__ import annotations

import sqlite3

import structlog
from sqlalchemy.exc import DBAPIError

from dumbbell_server.errors import DumbbellError, StorageFull, StorageUnavailable

_log = structlog.get_logger()
_PRIMARY = 0xFF  # the low byte of SQLite's code says what it is, the rest which of the kind

_LOCKED = "the database is locked by another process; send this again"
_FULL = "the disk of the database is full; make room on it, then send this again"
_UNREACHABLE = "the database cannot read or write now; send this again, and see the server's log if it stays so"
_MEMORY = "there is no memory left for the database; send this again"
UNDONE = "the database has undone this by itself; send it again"

_SQLITE: dict[int, DumbbellError] = {
    sqlite3.SQLITE_FULL: StorageFull(_FULL),
    sqlite3.SQLITE_BUSY: StorageUnavailable(_LOCKED),
    sqlite3.SQLITE_LOCKED: StorageUnavailable(_LOCKED),
    sqlite3.SQLITE_IOERR: StorageUnavailable(_UNREACHABLE),
    sqlite3.SQLITE_NOMEM: StorageUnavailable(_MEMORY),
}
_POSTGRES: dict[str, DumbbellError] = {
    "53100": StorageFull(_FULL),
    "53200": StorageUnavailable(_MEMORY),
    "53300": StorageUnavailable("the database has no connection to spare; send this again"),
    "55P03": StorageUnavailable(_LOCKED),
    "58030": StorageUnavailable(_UNREACHABLE),
}


def refusal_of(error: BaseException) -> BaseException:
    """What a caller is to hear: a refusal that says what to do where the database failed, else the error itself."""
    refusal = _find(error)
    if refusal is None:
        return error
    _log.error("the database failed", reason=str(getattr(error, "orig", error)))
    made = type(refusal)(str(refusal))
    made.__cause__ = error
    return made


def _find(error: BaseException) -> DumbbellError | None:
    if isinstance(error, MemoryError):  # so the driver says SQLITE_NOMEM
        return _SQLITE[sqlite3.SQLITE_NOMEM]
    if not isinstance(error, DBAPIError):
        return None
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE.get(code & _PRIMARY)
    if error.connection_invalidated:  # cut, or the server is being ended
        return StorageUnavailable(_UNREACHABLE)
    return _POSTGRES.get(getattr(error.orig, "sqlstate", None) or "")
