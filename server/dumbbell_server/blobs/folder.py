"""A folder of files. It is read and written directly: a library for stores cost three times the CPU.

With `durable` bytes outlive a power cut: file and folder are on the disk before `commit` and `store` return, and so
before any row names them. A device that is full or fails is a refusal that clients send again.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import math
import os
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import structlog

from dumbbell_server.blobs.store import (
    CHUNK,
    DirectStore,
    StagedBlob,
    check_key,
    file_name,
    gather,
    key_of,
    new_staging_key,
)
from dumbbell_server.database.lock import private
from dumbbell_server.errors import StorageFull, StorageUnavailable

_log = structlog.get_logger()

_FOLDER_MODE = 0o700
_QUICK = 1 << 15  # bytes that are hashed and written in less time than a thread takes to wake


class FolderBlobs:
    direct: DirectStore | None = None

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self._folder = str(folder)
        self._durable = durable
        self._folders: set[str] = set()  # that are on the disk
        self._making = threading.Lock()
        arriving = folder / "arriving"
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        folder.chmod(_FOLDER_MODE)
        arriving.mkdir(exist_ok=True)
        if durable:
            _sync_above(folder)
        for left_over in arriving.iterdir():  # uploads that an earlier server did not finish
            left_over.unlink()

    async def receive(self, chunks: AsyncIterator[bytes], limit: int) -> StagedBlob:
        loop = asyncio.get_running_loop()
        key = new_staging_key()
        digest = hashlib.md5(usedforsecurity=False)
        size = 0
        try:
            with _created(self._path(key)) as out:
                async for chunk in gather(chunks, limit, CHUNK):
                    if len(chunk) <= _QUICK:
                        _absorb(out, digest, chunk)
                    else:
                        await loop.run_in_executor(None, _absorb, out, digest, chunk)
                    size += len(chunk)
        except BaseException:
            self.delete(key)
            raise
        return StagedBlob(key, size, digest.digest())

    async def commit(self, staged: StagedBlob, key: str) -> None:
        if self._durable:
            await asyncio.get_running_loop().run_in_executor(None, self._move, staged.key, key)
        else:
            self._move(staged.key, key)

    async def discard(self, staged: StagedBlob) -> None:
        self.delete(staged.key)

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        with self._opened(key) as source:
            position = start
            while position < end:
                size = min(CHUNK, end - position)
                chunk = await loop.run_in_executor(None, os.pread, source.fileno(), size, position)
                if not chunk:
                    return
                position += len(chunk)
                yield chunk

    def load(self, key: str) -> bytes:
        with _refusing(), self._opened(key) as source:
            return source.readall()

    def store(self, key: str, data: bytes) -> None:
        staging_key = new_staging_key()
        try:
            with _created(self._path(staging_key)) as out:
                _write(out, data)
            self._move(staging_key, key)
        except BaseException:
            self.delete(staging_key)
            raise

    def delete(self, key: str) -> None:
        with contextlib.suppress(FileNotFoundError), _refusing():
            os.unlink(self._path(key))

    def keys(self, before: float | None = None) -> Iterator[str]:
        for folder, _, names in os.walk(self._folder):
            for path in (Path(folder) / name for name in names):
                if before is None or _written(path) < before:
                    yield path.relative_to(self._folder).as_posix()

    def copy_out(self, folder: Path) -> None:
        """Whatever has arrived lies in the folder too, on the same file system as links: bytes never change."""
        folder.mkdir(mode=_FOLDER_MODE)
        start = len(self._folder) + 1
        for path in self._arrived():
            with contextlib.suppress(FileNotFoundError), _refusing():  # it went meanwhile: nothing names it
                _link(path, f"{folder}/{file_name(path[start:])}")

    def copy_in(self, folder: Path) -> None:
        """What the folder has is stored; what is there by its key is left."""
        for name in os.listdir(folder):
            target = self._path(key_of(name))
            if not os.path.exists(target):
                self._make(os.path.dirname(target))
                with _refusing():
                    _link(f"{folder}/{name}", target)

    def _arrived(self) -> Iterator[str]:
        for above, folders, names in os.walk(self._folder):
            if above == self._folder and "arriving" in folders:
                folders.remove("arriving")
            yield from (os.path.join(above, name) for name in names)

    def _opened(self, key: str) -> FileIO:
        with _refusing():
            return FileIO(self._path(key))

    def _path(self, key: str) -> str:
        return f"{self._folder}/{check_key(key)}"

    def _move(self, staging_key: str, key: str) -> None:
        source, target = self._path(staging_key), self._path(key)
        folder = os.path.dirname(target)
        with _refusing():
            if folder not in self._folders:
                self._make(folder)
            os.rename(source, target)
            if not self._durable:
                return
            try:
                # the file after it was moved: a journal that has one has the other too, and syncs once for both
                _sync(target)
                _sync(folder)
            except BaseException:
                self.delete(key)  # nobody names it
                raise

    def _make(self, folder: str) -> None:
        """The folder is there, and those above it are on the disk with their names, whoever made them."""
        with self._making:
            os.makedirs(folder, exist_ok=True)
            above = folder
            while self._durable and above != self._folder:
                above = os.path.dirname(above)
                _sync(above)
            self._folders.add(folder)


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_above(folder: Path) -> None:
    """The names of the folder and of the one that holds it, which may both be new, as far as they are ours to open."""
    for above in list(folder.parents)[:2]:
        with contextlib.suppress(OSError):
            _sync(str(above))


def _link(path: str, target: str) -> None:
    try:
        os.link(path, target)
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP}:
            raise
        shutil.copyfile(path, target)


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """What the device says becomes a refusal, but that a file is not there."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        _log.error("the folder of stored files failed", reason=str(error))
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull("the disk of the stored files is full; make room on it, then send this again") from error
        raise StorageUnavailable("the stored files cannot be read or written now; send this again, and see the "
                                 "server's log if it stays so") from error


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # arrived, or gone, since it was listed
        return math.inf


def _absorb(out: FileIO, digest: Any, chunk: bytes) -> None:
    digest.update(chunk)
    _write(out, chunk)


def _created(path: str) -> FileIO:
    with _refusing():
        return FileIO(path, "xb", opener=private)


def _write(out: FileIO, data: bytes) -> None:
    view = memoryview(data)
    with _refusing():
        while view:
            view = view[out.write(view):]
