"""What tests of stores do with them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator

from dumbbell_server.blobs.store import BlobStore, StagedBlob


async def stream(*chunks: bytes | Exception) -> AsyncIterator[bytes]:
    """These chunks; an exception among them is where the stream is cut."""
    for chunk in chunks:
        if isinstance(chunk, Exception):
            raise chunk
        yield chunk


def receive(blobs: BlobStore, *chunks: bytes | Exception, limit: int = 1 << 30) -> StagedBlob:
    return asyncio.run(blobs.receive(stream(*chunks), limit))


def read(blobs: BlobStore, key: str, start: int, end: int) -> bytes:
    async def chunks() -> list[bytes]:
        return [chunk async for chunk in blobs.read(key, start, end)]
    return b"".join(asyncio.run(chunks()))


def is_empty(blobs: BlobStore) -> bool:
    """Whether nothing is stored, arriving, or begun in parts."""
    return [*blobs.keys()] == [] and (blobs.direct is None or [*blobs.direct.begun_parts(math.inf)] == [])
