"""Answering GET and HEAD for stored bytes: whole, or the range that was asked for."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from dumbbell_server.blobs.store import BlobStore
from dumbbell_server.errors import NotFound

_log = structlog.get_logger()

_TRIES = 5
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True)
class Blob:
    """Stored bytes as a client sees them; `etag` without quotes."""

    key: str
    size: int
    etag: str
    mimetype: str
    name: str


def etag_of(md5: str) -> str:
    """A base64 MD5 in hex."""
    return base64.b64decode(md5).hex()


def requested_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Start and end (exclusive) of a `Range` of one part; None for no range or one that we do not understand.

    An end before the start means that nothing of the range exists: 416.
    """
    match = _RANGE.fullmatch((header or "").strip())
    if match is None or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    if first == "":
        start, end = max(0, size - int(last)), size
    elif last and int(last) < int(first):
        return None
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    return (start, end) if start < size else (0, -1)


async def found_and_sent(path: str, missing: str, send: Callable[[], Awaitable[Response | None]]) -> Response:
    """What `send` answers. NotFound where it finds nothing.

    Between finding bytes and opening them others may take their place, when a file is sent again: then it looks again.
    """
    for _ in range(_TRIES):
        with contextlib.suppress(FileNotFoundError):
            answer = await send()
            if answer is not None:
                return answer
            raise NotFound(missing)
    _log.error("the store has lost bytes", path=path)
    raise NotFound(missing)


async def send_blob(request: Request, blobs: BlobStore, blob: Blob, data: bytes | None = None) -> Response:
    """`data` are the bytes, where they were few enough to be read already. FileNotFoundError where they are gone."""
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": f'"{blob.etag}"',
        "Content-Type": blob.mimetype,
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(blob.name.rsplit('/', 1)[-1], safe='')}",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    unchanged = request.headers.get("if-range") in (None, headers["ETag"])
    requested = requested_range(request.headers.get("range"), blob.size) if unchanged else None
    start, end = requested or (0, blob.size)
    if end < start:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{blob.size}"})
    status = 200
    if requested is not None:
        status = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{blob.size}"
    headers["Content-Length"] = str(end - start)
    if request.method == "HEAD" or start == end:
        return Response(status_code=status, headers=headers)
    if blobs.direct is not None:  # ranges are the store's own affair
        url = blobs.direct.download_url(blob.key, blob.mimetype, headers["Content-Disposition"])
        return Response(status_code=307, headers={"Location": url, "Cache-Control": "no-store"})
    if data is not None:
        return Response(data[start:end], status, headers)
    return StreamingResponse(await _begun(blobs.read(blob.key, start, end)), status, headers)


async def _begun(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same pieces, once the first is here: what is open stays, whatever happens to its key."""
    first = await anext(pieces, b"")

    async def every() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return every()
