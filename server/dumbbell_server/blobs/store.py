"""Bytes by key. They arrive under a temporary name, are looked at, and are then kept or dropped.

A folder is read and written directly: through obstore the same bytes cost three times the CPU (256 MiB down: 1.9 s
against 0.06). obstore serves memory and S3-compatible stores.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import math
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

import obstore

from dumbbell_server.errors import BadInput, TooLarge

PIECE = 1 << 20  # what is written, hashed and sent at a time
_QUICK = 1 << 15  # bytes that are hashed and written in less time than a thread takes to wake


def new_key(folder: str) -> str:
    """A key that nobody can guess and that says nothing about the bytes."""
    token = secrets.token_hex(16)
    return f"{folder}/{token[:2]}/{token}"


@dataclass(frozen=True)
class StagedBlob:
    """Bytes that have arrived and belong to nobody yet."""

    place: str
    size: int
    md5: bytes

    @property
    def md5_base64(self) -> str:
        return base64.b64encode(self.md5).decode()


class DirectStore(Protocol):
    """A store that clients reach without us."""

    def download_url(self, key: str, mimetype: str, disposition: str) -> str:
        """Where the store gives the bytes, with these headers."""
        ...

    def upload_url(self, key: str) -> str:
        """Where the store takes the bytes. Nobody tells us when they came: `look` does."""
        ...

    def look(self, key: str) -> StagedBlob | None:
        """What came under the key; None while nothing did. The digest is empty where the store does not know it."""
        ...

    def begin_parts(self, key: str) -> str:
        """What the store calls an upload in parts."""
        ...

    def part_url(self, key: str, upload: str, number: int) -> str: ...

    def begun_parts(self, before: float) -> Iterator[tuple[str, str]]:
        """Keys and uploads that were begun before a moment (seconds) and neither joined nor dropped."""
        ...

    def drop_parts(self, key: str, upload: str) -> None:
        """What came of them goes; those that are gone are gone already."""
        ...

    def join_parts(self, key: str, upload: str, parts: dict[int, str]) -> None:
        """Make one of the parts, by number, each with its MD5 in hex. BadInput where one did not come so."""
        ...


class Blobs(Protocol):
    @property
    def direct(self) -> DirectStore | None:
        """None where all bytes go through this server."""
        ...

    async def receive(self, pieces: AsyncIterator[bytes], limit: int) -> StagedBlob:
        """Take in a stream of at most `limit` bytes; what came of a broken one is removed."""
        ...

    async def commit(self, incoming: StagedBlob, key: str) -> None: ...

    async def discard(self, incoming: StagedBlob) -> None: ...

    def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Bytes `start` to `end` (exclusive) in pieces. Raises FileNotFoundError before the first."""
        ...

    def load(self, key: str) -> bytes:
        """All of it, for what is small enough to be held. Raises FileNotFoundError."""
        ...

    def store(self, key: str, data: bytes) -> None:
        """Keep what the server made itself."""
        ...

    def delete(self, key: str) -> None:
        """Remove; what is not there is gone already."""
        ...

    def keys(self, before: float | None = None) -> Iterator[str]:
        """Of all that is stored, and of what is arriving (`arriving/…`); or of what came before a moment (seconds)."""
        ...


async def commit_or_discard(blobs: Blobs, incoming: StagedBlob, key: str) -> None:
    """The bytes are under the key, or nowhere."""
    try:
        await blobs.commit(incoming, key)
    except BaseException:
        await blobs.discard(incoming)
        raise


async def _gathered(pieces: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """The same bytes in pieces of about PIECE."""
    waiting: list[bytes] = []
    held = total = 0
    async for piece in pieces:
        waiting.append(piece)
        held += len(piece)
        total += len(piece)
        if total > limit:
            raise TooLarge(f"the file is longer than {limit} bytes, the most this server takes (DUMBBELL_MAX_UPLOAD)")
        if held >= PIECE:
            yield b"".join(waiting)
            waiting, held = [], 0
    if held:
        yield b"".join(waiting)


class FolderBlobs:
    direct: DirectStore | None = None

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        arriving = folder / "arriving"
        arriving.mkdir(parents=True, exist_ok=True)
        for left_over in arriving.iterdir():  # uploads that an earlier server did not finish
            left_over.unlink()

    def _path(self, key: str) -> str:
        if key.startswith("/") or ".." in key.split("/"):
            raise BadInput(f"{key!r} is not a key of a blob")
        return f"{self._folder}/{key}"

    def _new_place(self) -> str:
        return f"{self._folder}/arriving/{secrets.token_hex(16)}"

    async def receive(self, pieces: AsyncIterator[bytes], limit: int) -> StagedBlob:
        loop = asyncio.get_running_loop()
        path = self._new_place()
        digest = hashlib.md5(usedforsecurity=False)
        size = 0
        out = FileIO(path, "xb")
        try:
            with out:
                async for piece in _gathered(pieces, limit):
                    if len(piece) <= _QUICK:
                        _absorb(out, digest, piece)
                    else:
                        await loop.run_in_executor(None, _absorb, out, digest, piece)
                    size += len(piece)
        except BaseException:
            _unlink(path)
            raise
        return StagedBlob(path, size, digest.digest())

    async def commit(self, incoming: StagedBlob, key: str) -> None:
        _move(incoming.place, self._path(key))

    async def discard(self, incoming: StagedBlob) -> None:
        _unlink(incoming.place)

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        with FileIO(self._path(key)) as source:
            at = start
            while at < end:
                piece = await loop.run_in_executor(None, os.pread, source.fileno(), min(PIECE, end - at), at)
                if not piece:
                    return
                at += len(piece)
                yield piece

    def load(self, key: str) -> bytes:
        with FileIO(self._path(key)) as source:
            return source.readall()

    def store(self, key: str, data: bytes) -> None:
        arriving = self._new_place()
        with FileIO(arriving, "xb") as out:
            _write(out, data)
        _move(arriving, self._path(key))

    def delete(self, key: str) -> None:
        _unlink(self._path(key))

    def keys(self, before: float | None = None) -> Iterator[str]:
        for folder, _, names in os.walk(self._folder):
            for path in (Path(folder) / name for name in names):
                if before is None or _written(path) < before:
                    yield path.relative_to(self._folder).as_posix()


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # arrived, or gone, since it was listed
        return math.inf


def _move(place: str, target: str) -> None:
    try:
        os.rename(place, target)
    except FileNotFoundError:  # the first of its folder
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(place, target)


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _absorb(out: FileIO, digest: Any, piece: bytes) -> None:
    digest.update(piece)
    _write(out, piece)


def _write(out: FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[out.write(view):]


class StoreBlobs:
    """What obstore can reach: memory, and a bucket (`s3.py`)."""

    def __init__(self, store: Any, direct: DirectStore | None = None) -> None:
        self._store = store
        self.direct = direct

    async def receive(self, pieces: AsyncIterator[bytes], limit: int) -> StagedBlob:
        digest = hashlib.md5(usedforsecurity=False)
        size = 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size
            async for piece in _gathered(pieces, limit):
                digest.update(piece)
                size += len(piece)
                yield piece

        place = f"arriving/{secrets.token_hex(16)}"
        try:
            await obstore.put_async(self._store, place, counted())
        except BaseException:
            self.delete(place)
            raise
        return StagedBlob(place, size, digest.digest())

    async def commit(self, incoming: StagedBlob, key: str) -> None:
        await obstore.rename_async(self._store, incoming.place, key)

    async def discard(self, incoming: StagedBlob) -> None:
        self.delete(incoming.place)

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        if start == end:
            return
        got = await obstore.get_async(self._store, key, options={"range": (start, end)})
        async for piece in got.stream(min_chunk_size=PIECE):
            yield bytes(piece)

    def load(self, key: str) -> bytes:
        return bytes(obstore.get(self._store, key).bytes())

    def store(self, key: str, data: bytes) -> None:
        obstore.put(self._store, key, data)

    def delete(self, key: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, key)

    def keys(self, before: float | None = None) -> Iterator[str]:
        for listed in obstore.list(self._store):
            for blob in listed:
                if before is None or blob["last_modified"].timestamp() < before:
                    yield blob["path"]
