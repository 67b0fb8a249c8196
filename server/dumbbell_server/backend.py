"""What every request needs, in one hand."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Concatenate, ParamSpec, TypeVar

from obstore.store import MemoryStore
from sqlalchemy.orm import Session

from dumbbell_server.blobs.store import Blobs, FolderBlobs, StoreBlobs
from dumbbell_server.clock import Clock
from dumbbell_server.database.engine import Database
from dumbbell_server.database.events import Events
from dumbbell_server.database.lock import take_folder
from dumbbell_server.database.opening import open_database
from dumbbell_server.database.tables import ServerStateRow
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import StartupError
from dumbbell_server.identity import Actor
from dumbbell_server.settings import Settings
from dumbbell_server.signing import Signer

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Backend:
    settings: Settings
    clock: Clock
    database: Database
    blobs: Blobs
    signer: Signer
    lock: IO[bytes]
    events: Events = field(default_factory=Events)
    _kept: dict[Callable[[Settings], Any], Any] = field(default_factory=dict)
    _keeping: threading.Lock = field(default_factory=threading.Lock)

    def keeps(self, kind: Callable[[Settings], T]) -> T:
        """What a domain remembers from one request to the next: one of its kind, made when first asked for."""
        with self._keeping:
            if kind not in self._kept:
                self._kept[kind] = kind(self.settings)
            found: T = self._kept[kind]
            return found

    def write(self, viewer: Actor | None, work: Callable[Concatenate[Unit, P], T], *arguments: P.args,
              **named: P.kwargs) -> T:
        """Run a unit of work in this viewer's name or the server's own; its result once it is on disk."""
        units: list[Unit] = []
        result = self.database.write(self._attempt(units, viewer, lambda unit: work(unit, *arguments, **named)))
        units[-1].follow_up()
        return result

    async def write_soon(self, viewer: Actor | None, work: Callable[Concatenate[Unit, P], T], *arguments: P.args,
                         **named: P.kwargs) -> T:
        """The same for the event loop."""
        units: list[Unit] = []
        attempt = self._attempt(units, viewer, lambda unit: work(unit, *arguments, **named))
        result = await self.database.write_soon(attempt)
        if units[-1].follow_ups:
            await asyncio.to_thread(units[-1].follow_up)
        return result

    def _attempt(self, units: list[Unit], viewer: Actor | None, work: Callable[[Unit], T]) -> Callable[[Session], T]:
        """A unit for each time that the database tries: what the last of them wants done afterwards is done."""
        def attempt(session: Session) -> T:
            unit = Unit(session, self.clock, self.events, viewer)
            units.append(unit)
            return work(unit)
        return attempt

    def close(self) -> None:
        self.database.close()
        self.lock.close()


def open_backend(settings: Settings, clock: Clock) -> Backend:
    """Open the data folder. Raises StartupError where it is taken, unwritable or too new."""
    folder = settings.data_dir.absolute()
    lock = take_folder(folder)
    try:
        database = open_database(settings.database_url, folder, settings.synchronous)
        secret = database.write(_secret)
        blobs = _open_blobs(settings, folder)
    except BaseException:
        lock.close()
        raise
    return Backend(settings, clock, database, blobs, Signer(secret, clock, settings.url_lifetime), lock)


def _open_blobs(settings: Settings, folder: Path) -> Blobs:
    """The store that `DUMBBELL_BLOB_URL` names; the data folder without it."""
    url = settings.blob_url
    if url is None:
        return FolderBlobs(folder / "blobs")
    if url.startswith("memory:"):
        return StoreBlobs(MemoryStore())
    if not url.startswith("s3://"):
        raise StartupError(f"--blob-url {url} is not supported; it is memory:// or s3://bucket/prefix")
    try:
        from dumbbell_server.blobs.bucket import open_bucket  # noqa: PLC0415 - an extra, and a quarter second of every start
    except ModuleNotFoundError as error:
        raise StartupError(f"--blob-url {url} needs botocore: pip install 'dumbbell[s3]'") from error
    return open_bucket(url, settings.blob_public_url, settings.url_lifetime)


def _secret(session: Session) -> str:
    row = session.get(ServerStateRow, "secret")
    if row is None:
        row = ServerStateRow(key="secret", value=secrets.token_hex(32))
        session.add(row)
    return row.value
