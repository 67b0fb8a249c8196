"""The body of an answer in large pieces; that of a long one straight from its socket.

httpx hands 64 KiB at a time through its parser and four iterators, which for a gigabyte is more work than all the rest.
It still connects, sends, follows redirects and reads the head; only the bytes after that are taken past it.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import httpx2

from dumbbell._retry import CutError

PIECE = 1 << 20  # bytes at a time
_LONG = 4 << 20  # bytes from which on it is worth a connection, which is not used again afterwards


def pieces(answer: httpx2.Response) -> Iterator[bytes | bytearray]:
    """The bytes of an open answer, a mebibyte at a time. What came before a fault is given out, and then the fault."""
    length = answer.headers.get("content-length", "")
    plain = not {"content-encoding", "transfer-encoding"} & answer.headers.keys()
    if plain and length.isdecimal() and int(length) >= _LONG:
        connection = _socket_of(answer)
        if connection is not None:
            return _received(answer, connection, int(length))
    return _joined(answer)


def _socket_of(answer: httpx2.Response) -> socket.socket | None:
    """What the body will come from; None where it is no socket, or one whose bytes are not yet those of the body."""
    stream = answer.extensions.get("network_stream")
    if stream is None or answer.http_version != "HTTP/1.1":
        return None
    found = stream.get_extra_info("socket")
    within = isinstance(stream.get_extra_info("ssl_object"), ssl.SSLObject)  # TLS inside a proxy's TLS
    return found if isinstance(found, socket.socket) and not within else None


def _received(answer: httpx2.Response, connection: socket.socket, length: int) -> Iterator[bytes | bytearray]:
    begun = answer.iter_raw()  # kept: when it is dropped, it closes the connection
    first = next(begun, b"")  # all that came along with the head; the rest is still to be received
    yield first
    left = length - len(first)
    connection.settimeout(answer.request.extensions.get("timeout", {}).get("read"))
    while left > 0:
        piece = bytearray(min(left, PIECE))
        count, fault = _fill(connection, piece)
        left -= count
        yield piece if count == len(piece) else piece[:count]
        if fault is not None:
            raise CutError(f"the connection ended {left} bytes too early: {fault}") from fault


def _fill(connection: socket.socket, piece: bytearray) -> tuple[int, Exception | None]:
    """How many bytes came, and why not all of them."""
    rest, count = memoryview(piece), 0
    try:
        while count < len(piece):
            came = connection.recv_into(rest[count:])
            if not came:
                return count, EOFError("the other end closed it")
            count += came
    except OSError as error:
        return count, error
    return count, None


def _joined(answer: httpx2.Response) -> Iterator[bytes]:
    waiting: list[bytes] = []
    held = 0
    try:
        for part in answer.iter_bytes():
            waiting.append(part)
            held += len(part)
            if held >= PIECE:
                yield b"".join(waiting)
                waiting, held = [], 0
    except Exception:
        yield b"".join(waiting)
        raise
    yield b"".join(waiting)
