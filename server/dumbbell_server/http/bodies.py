"""Reading bodies: bounded, and unpacked where they come gzipped."""

from __future__ import annotations

import zlib
from typing import Any

import orjson
from starlette.requests import Request

from dumbbell_server.errors import BadInput, TooLarge


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body, at most `limit` bytes of it, unpacked."""
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            raise TooLarge(f"the body is longer than {limit} bytes, the most this server reads (DUMBBELL_MAX_BODY)")
        pieces.append(piece)
    body = b"".join(pieces)
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise BadInput(f"Content-Encoding {encoding!r} is not known; send gzip or none")
    return _unpacked(body, limit)


def _unpacked(body: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise BadInput(f"the body is not gzip, though Content-Encoding says so: {error}") from None
    if len(plain) > limit:
        raise TooLarge(f"the unpacked body is longer than {limit} bytes, "
                       "the most this server reads (DUMBBELL_MAX_BODY)")
    if not unpacker.eof:
        raise BadInput("the gzip body ends too early")
    return plain


def json_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object; BadInput for anything else."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadInput("the body must be a JSON object")
    return value
