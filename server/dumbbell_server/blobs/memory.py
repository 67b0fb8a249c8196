"""A dict: bytes that are gone with the process."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

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


class MemoryBlobs:
    direct: DirectStore | None = None

    def __init__(self) -> None:
        self._held: dict[str, tuple[bytes, float]] = {}  # with the moment they came, in seconds

    async def receive(self, chunks: AsyncIterator[bytes], limit: int) -> StagedBlob:
        key = new_staging_key()
        data = b"".join([chunk async for chunk in gather(chunks, limit, CHUNK)])
        self.store(key, data)
        return StagedBlob(key, len(data), hashlib.md5(data, usedforsecurity=False).digest())

    async def commit(self, staged: StagedBlob, key: str) -> None:
        self.store(key, self.load(staged.key))
        self.delete(staged.key)

    async def discard(self, staged: StagedBlob) -> None:
        self.delete(staged.key)

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        data = self.load(key)[start:end]
        for position in range(0, len(data), CHUNK):
            yield data[position:position + CHUNK]

    def load(self, key: str) -> bytes:
        found = self._held.get(check_key(key))
        if found is None:
            raise FileNotFoundError(key)
        return found[0]

    def store(self, key: str, data: bytes) -> None:
        self._held[check_key(key)] = data, time.time()

    def delete(self, key: str) -> None:
        self._held.pop(check_key(key), None)

    def copy_out(self, folder: Path) -> None:
        """Whatever is stored lies in the folder too."""
        folder.mkdir(mode=0o700)
        for key, (data, _) in list(self._held.items()):
            if not key.startswith("arriving/"):
                (folder / file_name(key)).write_bytes(data)

    def copy_in(self, folder: Path) -> None:
        """What the folder has is stored; what is there by its key is left."""
        for path in folder.iterdir():
            key = key_of(path.name)
            if key not in self._held:
                self.store(key, path.read_bytes())

    def keys(self, before: float | None = None) -> Iterator[str]:
        return (key for key, (_, came) in list(self._held.items()) if before is None or came < before)
