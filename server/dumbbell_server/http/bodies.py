"""Reading bodies: bounded, and unpacked where they come gzipped."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

import orjson
from starlette.requests import Request

from dumbbell_server.errors import BadInput, BodyTooLong
from dumbbell_server.http.memory import LARGE, Lease
from dumbbell_server.json_text import check_values

_COPIES = 3  # of a large body are in memory at once: it, what is read out of it, and what is stored of that
_GZIP_WBITS = 31
_SHORTEST_GZIP = 18  # bytes of head and end


async def read_body(request: Request, limit: int, setting: str, lease: Lease) -> bytes:
    """The whole body, unpacked, of at most `limit` bytes; `setting` is the variable that says so.

    Without a key it is at most LARGE. BodyTooLong before anything is unpacked; Busy where too much is in memory.
    """
    if not lease.known and limit > LARGE:
        limit, setting = LARGE, ""
    body = await _received(request, limit, setting, lease)
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise BadInput(f"Content-Encoding {encoding!r} is not known; send gzip or none")
    size = _unpacked_size(body)
    if size > limit:
        raise _too_long("the unpacked body", size, limit, setting)
    if size <= LARGE:
        await lease.take(size)
        return _unpacked(body, size)
    await lease.take_large(_COPIES * size)
    return await asyncio.get_running_loop().run_in_executor(None, _unpacked, body, size)


async def _received(request: Request, limit: int, setting: str, lease: Lease) -> bytes:
    announced = _announced(request)
    if announced > limit:
        raise _too_long("the body", announced, limit, setting)
    if announced > LARGE:
        await lease.take_large(_COPIES * announced)
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            raise _too_long("the body", size, limit, setting)
        if announced <= LARGE:
            if size <= LARGE:
                await lease.take(len(piece))
            else:  # its length was not announced
                await lease.take_large(_COPIES * limit)
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _announced(request: Request) -> int:
    """What Content-Length says, 0 without it. The parser of HTTP has seen that it is a number."""
    text = request.headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0  # noqa: PLR2004 - 64 bits


def _too_long(what: str, size: int, limit: int, setting: str) -> BodyTooLong:
    reason = f"the most this server reads ({setting})" if setting else "the most without an API key; send one"
    return BodyTooLong(f"{what} has {size} bytes or more; {limit} are {reason}")


def _unpacked_size(body: bytes) -> int:
    """What the end of a gzip stream says that it holds; _unpacked sees that it does."""
    if len(body) < _SHORTEST_GZIP:
        raise BadInput("the body is not gzip, though Content-Encoding says so: it is too short")
    return int.from_bytes(body[-4:], "little")


def _unpacked(body: bytes, size: int) -> bytes:
    """No more than `size` bytes and one are ever unpacked."""
    unpacker = zlib.decompressobj(wbits=_GZIP_WBITS)
    try:
        plain = unpacker.decompress(body, size + 1)
    except zlib.error as error:
        raise BadInput(f"the body is not gzip, though Content-Encoding says so: {error}") from None
    if len(plain) > size or unpacker.unused_data:
        raise BadInput("the gzip body does not hold the number of bytes that its end names; send one gzip stream")
    if not unpacker.eof:
        raise BadInput("the gzip body ends too early")
    return plain


def json_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object; BadInput for anything else."""
    check_values(body, "the body")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadInput("the body must be a JSON object")
    return value
