"""Bytes by key. They arrive under a key of their own, are looked at, and are then committed or discarded."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, unquote

from dumbbell_server.errors import BadInput, TooLarge

CHUNK = 1 << 20  # bytes that are written, hashed and sent at a time


def new_key(folder: str) -> str:
    """A key that nobody can guess and that says nothing about the bytes."""
    token = secrets.token_hex(16)
    return f"{folder}/{token[:2]}/{token}"


def new_staging_key() -> str:
    """Where bytes arrive that belong to nobody yet."""
    return f"arriving/{secrets.token_hex(16)}"


def is_key(text: str) -> bool:
    """Whether it can name a blob in every store, and nothing outside of it."""
    return "\0" not in text and not any(segment in {"", ".", ".."} for segment in text.split("/"))


def check_key(key: str) -> str:
    """The key itself; BadInput for what can be none."""
    if not is_key(key):
        raise BadInput(f"{key!r} is not a key of a blob")
    return key


def file_name(key: str) -> str:
    """Of the blob in a folder without folders; `key_of` gives the key back."""
    return quote(key, safe="")


def key_of(name: str) -> str:
    """BadInput for what is the name of none."""
    return check_key(unquote(name))


@dataclass(frozen=True)
class StagedBlob:
    """Bytes that have arrived and belong to nobody yet."""

    key: str
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
        """Where the store takes the bytes. Nobody says when they came: `look` does."""
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


class BlobStore(Protocol):
    @property
    def direct(self) -> DirectStore | None:
        """None where all bytes go through this server."""
        ...

    async def receive(self, chunks: AsyncIterator[bytes], limit: int) -> StagedBlob:
        """Take in a stream of at most `limit` bytes; what came of a broken one is removed."""
        ...

    async def commit(self, staged: StagedBlob, key: str) -> None:
        """The bytes are under the key; until then nothing of them was."""
        ...

    async def discard(self, staged: StagedBlob) -> None: ...

    def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Bytes `start` to `end` (exclusive) in chunks. Raises FileNotFoundError before the first."""
        ...

    def load(self, key: str) -> bytes:
        """All of it, for what is small enough to be held. Raises FileNotFoundError."""
        ...

    def store(self, key: str, data: bytes) -> None:
        """Store what the server made itself."""
        ...

    def delete(self, key: str) -> None:
        """Remove; what is not there is gone already."""
        ...

    def keys(self, before: float | None = None) -> Iterator[str]:
        """Of all that is stored, and of what is arriving (`arriving/…`); or of what came before a moment (seconds)."""
        ...


async def commit_or_discard(blobs: BlobStore, staged: StagedBlob, key: str) -> None:
    """The bytes are under the key, or nowhere."""
    try:
        await blobs.commit(staged, key)
    except BaseException:
        await blobs.discard(staged)
        raise


async def gather(chunks: AsyncIterator[bytes], limit: int, size: int) -> AsyncIterator[bytes]:
    """The same bytes in chunks of `size`, the last of which may be shorter. TooLarge for more than `limit` bytes."""
    waiting: list[bytes] = []
    held = total = 0
    async for chunk in chunks:
        waiting.append(chunk)
        held += len(chunk)
        total += len(chunk)
        if total > limit:
            raise TooLarge(f"the file is longer than {limit} bytes, the most this server takes (DUMBBELL_MAX_UPLOAD)")
        if held < size:
            continue
        joined = b"".join(waiting)
        whole = held - held % size
        for start in range(0, whole, size):
            yield joined[start:start + size]
        waiting, held = [joined[whole:]], held - whole
    if held:
        yield b"".join(waiting)
