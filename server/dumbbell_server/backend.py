"""What every request needs, in one hand."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Concatenate, Generic, ParamSpec, TypeVar

import structlog
from sqlalchemy.orm import Session

from dumbbell_server.blobs.folder import FolderBlobs
from dumbbell_server.blobs.memory import MemoryBlobs
from dumbbell_server.blobs.removal import Remover, carry_on, find_removals
from dumbbell_server.blobs.store import BlobStore
from dumbbell_server.budget import Limits, Together
from dumbbell_server.clock import Clock
from dumbbell_server.database.engine import Database
from dumbbell_server.database.events import Events
from dumbbell_server.database.lock import take_folder
from dumbbell_server.database.opening import open_database
from dumbbell_server.database.tables import ServerStateRow
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import StartupError
from dumbbell_server.identity import Actor
from dumbbell_server.listing.cache import ColumnCache
from dumbbell_server.settings import Settings
from dumbbell_server.signing import Signer

_log = structlog.get_logger()

P = ParamSpec("P")
T = TypeVar("T")

_REGISTRY_SHARE = 2  # of the bytes that columns of runs may take, columns of linked versions may take one in so many


@dataclass(frozen=True, eq=False)
class Provided(Generic[T]):
    """What a domain asks of the domains above it, which it may not import: a function of type T, by this name."""

    name: str


@dataclass
class Backend:
    settings: Settings
    clock: Clock
    database: Database
    blobs: BlobStore
    signer: Signer
    lock: IO[bytes]
    run_columns: ColumnCache
    registry_columns: ColumnCache
    events: Events = field(default_factory=Events)
    removers: dict[str, Remover] = field(default_factory=dict)  # by kind, of what goes in pieces: see app.py
    ending: threading.Event = field(default_factory=threading.Event)  # set: what can go on after a start ends now
    opened_at: str = field(init=False)  # nothing could be heard of anybody before
    _provided: dict[Provided[Any], Any] = field(default_factory=dict)
    _clears: list[Callable[[], None]] = field(default_factory=list)
    _closes: list[Callable[[], None]] = field(default_factory=list)
    _pauses: list[Callable[[], AbstractContextManager[None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.opened_at = self.clock.text()

    @cached_property
    def query_limits(self) -> Limits:
        given = self.settings
        return Limits(given.max_query_length, given.max_query_price, given.max_query_fields, given.max_query_cells,
                      given.max_query_text, given.max_query_seconds)

    @cached_property
    def query_texts(self) -> Together:
        return Together(self.settings.max_query_text)

    def provide(self, what: Provided[T], provider: T) -> None:
        """Wired in `app.py`: a higher domain does what a lower one asks for."""
        self._provided[what] = provider

    def provided(self, what: Provided[T]) -> T | None:
        found: T | None = self._provided.get(what)
        return found

    def register_cache(self, clear: Callable[[], None]) -> None:
        """A cache of a domain's own is emptied by `clear`, with all others."""
        self._clears.append(clear)

    def register_threads(self, close: Callable[[], None]) -> None:
        """Threads of a domain's own are ended by `close`, while the database is still open."""
        self._closes.append(close)

    def register_pause(self, pause: Callable[[], AbstractContextManager[None]]) -> None:
        """Within the context nobody is at work who takes what was read a moment ago for what is."""
        self._pauses.append(pause)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """All that was under way has ended, and what comes waits: nobody sees a state with parts of another."""
        with contextlib.ExitStack() as stack:
            for pause in self._pauses:
                stack.enter_context(pause())
            yield

    def clear_caches(self) -> None:
        """Everything that is remembered is read again when it is next asked for."""
        for clear in (self.run_columns.clear, self.registry_columns.clear, *self._clears):
            clear()

    def write(self, viewer: Actor | None, work: Callable[Concatenate[Unit, P], T], *arguments: P.args,
              **named: P.kwargs) -> T:
        """Run a unit of work in this viewer's name or the server's own; its result once it is on disk."""
        units: list[Unit] = []
        result = self.database.write(self._attempt(units, viewer, lambda unit: work(unit, *arguments, **named)))
        units[-1].follow_up()
        return result

    def remove(self, removals: Sequence[int] | None = None) -> None:
        """Carry on with these removals, or with all that an earlier server left."""
        found = self.write(None, find_removals) if removals is None else removals
        carry_on(lambda work, *given: self.write(None, work, *given), self.removers, found, self.ending.is_set)

    def remove_leftovers(self) -> None:
        """All that an earlier server left, in a thread of its own."""
        try:
            self.remove()
        except Exception:  # noqa: BLE001 - the next start, or pass that removes garbage, goes on with it
            _log.exception("what was deleted is not removed yet")

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
        for close in self._closes:
            close()
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
    return Backend(settings, clock, database, blobs, Signer(secret, clock, settings.url_lifetime), lock,
                   ColumnCache(settings.column_cache), ColumnCache(settings.column_cache // _REGISTRY_SHARE))


def _open_blobs(settings: Settings, folder: Path) -> BlobStore:
    """The store that `DUMBBELL_BLOB_URL` names; the data folder without it."""
    url = settings.blob_url
    if url is None:
        return FolderBlobs(folder / "blobs", durable=settings.synchronous == "FULL")
    if url.startswith("memory:"):
        return MemoryBlobs()
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
