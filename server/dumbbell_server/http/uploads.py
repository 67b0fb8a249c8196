"""Taking in a file: the body whole and as announced, then kept under a key by a unit that names it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from dumbbell_server.backend import Backend
from dumbbell_server.blobs.store import StagedBlob, commit_or_discard
from dumbbell_server.errors import BadInput, StorageUnavailable, TooLarge
from dumbbell_server.http.state import state_of

T = TypeVar("T")
_SETTING = "DUMBBELL_MAX_UPLOAD"
GONE = 400  # the status for a sender who is gone: nobody reads it


def announced_size(request: Request, limit: int, setting: str = _SETTING) -> int | None:
    """What Content-Length says; BadInput or TooLarge before a byte is read."""
    text = request.headers.get("content-length")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):  # noqa: PLR2004 - 64 bits
        raise BadInput(f"Content-Length {text[:40]!r} is not a number of bytes")
    if int(text) > limit:
        raise TooLarge(f"the file is {text} bytes long; {limit} are the most this server takes ({setting})")
    return int(text)


async def receive(request: Request, limit: int, setting: str = _SETTING) -> StagedBlob | None:
    """The body, or None where the sender is gone. BadInput, and nothing stays, where it is not what was announced."""
    blobs = state_of(request).backend.blobs
    announced = announced_size(request, limit, setting)
    try:
        incoming = await blobs.receive(request.stream(), limit)
    except ClientDisconnect:
        return None
    try:
        _check_whole(request, incoming, announced)
    except BadInput:
        await blobs.discard(incoming)
        raise
    return incoming


def _check_whole(request: Request, incoming: StagedBlob, announced: int | None) -> None:
    if announced is not None and announced != incoming.size:
        raise BadInput(f"Content-Length says {announced} bytes, {incoming.size} came; send the file again")
    wanted = request.headers.get("content-md5")
    if wanted is not None and wanted.strip() != incoming.md5_base64:
        raise BadInput(f"Content-MD5 says {wanted[:40]!r}, the body has {incoming.md5_base64!r}; send the file again")


async def commit_and_write(backend: Backend, incoming: StagedBlob, key: str, write: Callable[[], Awaitable[T]]) -> T:
    """The bytes are under the key, and what `write` stores names them; where it fails, they are nobody's and go."""
    await commit_or_discard(backend.blobs, incoming, key)
    try:
        return await write()
    except StorageUnavailable:  # the row may be there all the same; bytes without one are found by their age
        raise
    except Exception:  # a cancelled wait is no failure: the unit may still be committed, and needs the bytes
        backend.blobs.delete(key)
        raise


def taken(incoming: StagedBlob) -> Response:
    """An answer without a body: wandb 0.31 does not read one, and then never uses nor closes the connection again."""
    return Response(headers={"ETag": f'"{incoming.md5.hex()}"'})
