"""Snapshots: all that the server holds, put aside under a name and put back, in milliseconds.

In the folder `snapshots` a file NAME.json says which folder beside it has the database and the blobs, so that a name
is there or not, and another snapshot takes its place, in one step. Blobs are links to the same bytes.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from dumbbell_server import __version__
from dumbbell_server.backend import Backend
from dumbbell_server.blobs.folder import FolderBlobs
from dumbbell_server.blobs.garbage import delete_orphaned_blobs, named_keys
from dumbbell_server.blobs.memory import MemoryBlobs
from dumbbell_server.blobs.store import BlobStore, file_name, key_of
from dumbbell_server.database.copies import check_copy, copy_in, copy_out, remove_secret, tidy
from dumbbell_server.database.engine import SqliteDatabase, reading
from dumbbell_server.database.lock import private
from dumbbell_server.errors import BadInput, NotFound, StorageFull

_FOLDER = "snapshots"  # below the data folder: links do not go from one file system to another
_DATABASE, _BLOBS = "dumbbell.db", "blobs"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LINKED = ".json"


@dataclass(frozen=True)
class Snapshot:
    name: str
    created: str
    version: str
    size: int  # bytes of its database; those of blobs are shared with the server
    folder: str


class Snapshots:
    """Those of one server. One thing at a time is done to them."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._lock = threading.Lock()
        self._folder = backend.settings.data_dir.absolute() / _FOLDER
        self._later = ThreadPoolExecutor(1, "dumbbell-snapshots")  # a large file takes long to remove
        self._deleting: Future[None] = self._later.submit(lambda: None)
        backend.register_threads(self._later.shutdown)
        self._clear()

    def every(self) -> list[Snapshot]:
        """By name."""
        names = sorted(path.name.removesuffix(_LINKED) for path in self._folder.glob("*" + _LINKED))
        found: list[Snapshot] = []
        for name in names:
            with contextlib.suppress(NotFound):  # deleted meanwhile
                found.append(self._read(name))
        return found

    def make(self, name: str) -> Snapshot:
        """All that is there now goes by this name; what went by it before is gone."""
        _check_name(name)
        database, blobs = self._stores()
        with self._lock, self._new_folder() as folder, _explained():
            copy_out(database, folder / _DATABASE, lambda: blobs.copy_out(folder / _BLOBS))
            return self._link(name, folder)

    def restore(self, name: str) -> Snapshot:
        """The server holds what the snapshot holds, for whoever asks from now on; requests under way end first.

        The database goes over in one transaction, so that a crash leaves the one or the other state.
        """
        database, blobs = self._stores()
        with self._lock, _explained():
            found = self._read(name)
            folder = self._folder / found.folder
            self._deleting.result()  # what one restore deletes, the next may bring back
            with self._backend.paused():
                before = self._named()
                blobs.copy_in(folder / _BLOBS)
                copy_in(database, folder / _DATABASE)
                self._backend.clear_caches()
                gone = before - self._named()
            self._later.submit(tidy, database)  # first: until then a power cut may bring back what names them
            self._deleting = self._later.submit(_delete_blobs, blobs, gone)
        self._backend.remove()
        delete_orphaned_blobs(database, blobs)
        return found

    def delete(self, name: str) -> None:
        """NotFound where there is none."""
        with self._lock:
            found = self._read(name)
            self._link_of(name).unlink()
            self._later.submit(_remove, self._folder / found.folder)

    def finish(self) -> None:
        """What nobody waits for is done: folders and files that are not needed any more are gone."""
        self._later.submit(lambda: None).result()

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[Path]:
        """A folder with what is in it but the server's secret, also if it is replaced or deleted meanwhile."""
        self._read(name)
        with self._new_folder() as folder:
            with self._lock, _explained():
                source = self._folder / self._read(name).folder
                shutil.copytree(source / _BLOBS, folder / _BLOBS, copy_function=os.link)
                shutil.copyfile(source / _DATABASE, folder / _DATABASE)
            remove_secret(folder / _DATABASE)
            yield folder

    def take(self, name: str, source: Path) -> Snapshot:
        """What another server's snapshot has in this folder goes by the name here. BadInput for anything else."""
        _check_name(name)
        self._stores()
        others = [path.name for path in source.iterdir() if path.name not in {_DATABASE, _BLOBS}]
        if others or not (source / _DATABASE).is_file():
            raise BadInput(f"a snapshot is a tar stream of {_DATABASE} and {_BLOBS}/…, as `dumbbell admin snapshot "
                           "save` writes it")
        (source / _BLOBS).mkdir(exist_ok=True)
        for path in (source / _BLOBS).iterdir():
            if path.is_dir() or file_name(key_of(path.name)) != path.name:
                raise BadInput(f"{path.name[:80]!r} is no name of a blob in a snapshot")
        check_copy(source / _DATABASE)
        with self._lock, self._new_folder() as folder, _explained():
            for path in source.iterdir():
                path.replace(folder / path.name)
            return self._link(name, folder)

    def _stores(self) -> tuple[SqliteDatabase, FolderBlobs | MemoryBlobs]:
        database, blobs = self._backend.database, self._backend.blobs
        if not isinstance(database, SqliteDatabase) or not isinstance(blobs, FolderBlobs | MemoryBlobs):
            raise BadInput("snapshots are made of SQLite with files in the data folder or in memory; this server is on "
                           "Postgres or a bucket: use reset, export and seed")
        return database, blobs

    def _named(self) -> set[str]:
        with reading(self._backend.database) as session:
            return named_keys(session)

    @contextlib.contextmanager
    def _new_folder(self) -> Iterator[Path]:
        """A folder that is gone afterwards, unless a name leads to it by then."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        folder = self._folder / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            if folder.name not in {found.folder for found in self.every()}:
                shutil.rmtree(folder, ignore_errors=True)

    def _link(self, name: str, folder: Path) -> Snapshot:
        size = (folder / _DATABASE).stat().st_size
        made = Snapshot(name, self._backend.clock.text(), __version__, size, folder.name)
        before = self._read(name) if self._link_of(name).exists() else None
        waiting = folder / _LINKED
        with open(waiting, "x", opener=private) as file:
            json.dump(asdict(made), file)
        waiting.replace(self._link_of(name))
        if before is not None:
            self._later.submit(_remove, self._folder / before.folder)
        return made

    def _link_of(self, name: str) -> Path:
        return self._folder / f"{name}{_LINKED}"

    def _read(self, name: str) -> Snapshot:
        _check_name(name)
        try:
            return Snapshot(**json.loads(self._link_of(name).read_text()))
        except FileNotFoundError:
            raise NotFound(f"there is no snapshot {name!r}") from None

    def _clear(self) -> None:
        """At a start: what a server that was killed had under way."""
        if self._folder.is_dir():
            linked = {found.folder for found in self.every()}
            for folder in self._folder.iterdir():
                if folder.is_dir() and folder.name not in linked:
                    _remove(folder)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _delete_blobs(blobs: BlobStore, keys: Iterable[str]) -> None:
    """The restored rows name none of them. One that comes again in the meantime has another key."""
    for key in keys:
        blobs.delete(key)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadInput(f"{name[:80]!r} is no name of a snapshot; it has up to 64 letters, digits and ._-, and begins "
                       "with a letter or digit")


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull("the disk of the data folder is full; delete snapshots, then send this again") from error
        raise
