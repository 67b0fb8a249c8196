"""Bytes of a fixture on their way into the store: before the unit of work that names them."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from dumbbell_server.backend import Backend
from dumbbell_server.blobs.store import CHUNK, commit_or_discard, new_key
from dumbbell_server.errors import BadInput
from dumbbell_server.json_text import dumps
from dumbbell_server.seeding.form.documents import Content
from dumbbell_server.seeding.form.reading import Read


@dataclass(frozen=True)
class Stored:
    """Bytes that are in the store."""

    key: str
    size: int
    md5: bytes

    @property
    def digest(self) -> str:
        """As it stands in manifests and rows."""
        return base64.b64encode(self.md5).decode()


Chunks = Callable[[], AsyncIterator[bytes]]


def opened(read: Read, content: Content | str) -> Chunks:
    """The bytes that a content means. BadInput where they are not there."""
    if isinstance(content, str):
        return once(content.encode())
    if content.file is not None:
        return of_file(read.file(content.file))
    if content.blob is not None:
        return of_file(read.blob(content.blob))
    if content.random is not None:
        return _random(content.random, content.seed)
    if content.text is not None:
        return once(content.text.encode())
    return once(as_json(content.json_))


def as_json(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # a number beyond 64 bits
        return dumps(value).encode()


def once(data: bytes) -> Chunks:
    async def chunks() -> AsyncIterator[bytes]:
        yield data
    return chunks


def of_file(path: Path) -> Chunks:
    async def chunks() -> AsyncIterator[bytes]:
        with path.open("rb") as file:
            while data := file.read(CHUNK):
                yield data
    return chunks


def _random(size: int, seed: str) -> Chunks:
    async def chunks() -> AsyncIterator[bytes]:
        source = random.Random(f"dumbbell:{seed}")  # noqa: S311 - the same each time
        for at in range(0, size, CHUNK):
            yield source.randbytes(min(CHUNK, size - at))
    return chunks


class Incoming:
    """Takes bytes into the store, and out again where nothing came to name them."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._keys: set[str] = set()

    async def take(self, folder: str, chunks: Chunks, expected: str | None = None) -> Stored:
        """The bytes, under a key of their own. BadInput where their MD5 (hex) is not the expected one."""
        staged = await self._backend.blobs.receive(chunks(), self._backend.settings.max_upload)
        if expected is not None and staged.md5.hex() != expected:
            await self._backend.blobs.discard(staged)
            raise BadInput(f"the bytes of blob {expected} have the MD5 {staged.md5.hex()}")
        key = new_key(folder)
        await commit_or_discard(self._backend.blobs, staged, key)
        self._keys.add(key)
        return Stored(key, staged.size, staged.md5)

    def store(self, folder: str, data: bytes) -> Stored:
        """The same of what is at hand."""
        key = new_key(folder)
        self._backend.blobs.store(key, data)
        self._keys.add(key)
        return Stored(key, len(data), hashlib.md5(data, usedforsecurity=False).digest())

    def drop(self, used: set[str]) -> None:
        """Out of the store with what nothing names."""
        for key in self._keys - used:
            self._backend.blobs.delete(key)
