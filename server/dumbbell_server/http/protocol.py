"""HTTP/1.1 on a connection: uvicorn's protocol, with limits on what a peer may send and how long it may take.

The only module that relies on the inside of `HttpToolsProtocol`. A head is counted as it comes; for all that takes time
`look` goes over the connections once a second, so that no request has a timer of its own.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import httptools
import orjson
import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_log = structlog.get_logger()

LONGEST_HEAD = 64 << 10  # bytes
MOST_FIELDS = 256
LONGEST_URL = 16 << 10  # bytes
HEAD_TIME = 10.0  # seconds for a connection's first byte, and from the first for a whole head
IDLE_TIME = 75.0  # seconds between two requests
LEAST = 4 << 10  # bytes that must move
BODY_TIME = 30.0  # within so many seconds of a body
ANSWER_TIME = 60.0  # and within so many of an answer
MOST_UNREAD = 64 << 20  # bytes of a body that come after its answer; a client that still sends reads no answer
CUT = "dumbbell.cut"  # in the scope: what ends the request's connection
_NO_LINGER = struct.pack("ii", 1, 0)  # to close a socket resets its connection
MOST_PIPELINED = 32  # requests that wait for the one before

_REASONS = {
    HTTPStatus.BAD_REQUEST: "this is no HTTP/1.1 request",
    HTTPStatus.REQUEST_TIMEOUT: f"the head of a request must be whole within {HEAD_TIME:.0f} seconds",
    HTTPStatus.REQUEST_URI_TOO_LONG: f"a URL has at most {LONGEST_URL} bytes",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
        f"the head of a request has at most {LONGEST_HEAD} bytes and {MOST_FIELDS} fields",
}


class _Refused(Exception):
    """The parser is to go no further."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._requests = 0  # heads that were whole
        self._in_head = self._in_body = False
        self._received = self._arriving = 0  # bytes in all, and of what the parser has now
        self._head = 0  # bytes of a head that is not whole
        self._unread = 0  # bytes of a body that came after its answer
        self._phase = ("idle", 0)
        self._since = self.loop.time()  # when something has last moved in this phase
        self._moved = 0  # bytes received, or waiting to be sent, then

    # what comes

    def data_received(self, data: bytes) -> None:
        """Instead of uvicorn's: without its timers and its line in the log for all that is no HTTP."""
        self._arriving = len(data)
        self._received += len(data)
        before = (self._in_body, self._requests)
        try:
            self.parser.feed_data(data)
            if self._in_head:
                # where the end of another request came with it, nobody knows how much is of this head
                self._head += len(data) if before == (False, self._requests) else 0
                self._check_head(self._head)
        except httptools.HttpParserUpgrade:
            self.cycle.keep_alive = False  # there is nothing to upgrade to: this is answered as the request that it is
        except (httptools.HttpParserError, _Refused) as error:
            cause = error if isinstance(error, _Refused) else error.__context__
            self._refuse(cause.args[0] if isinstance(cause, _Refused) else HTTPStatus.BAD_REQUEST)
        if before[0] and self.cycle.response_complete:
            self._unread += len(data)
            if self._unread > MOST_UNREAD:
                self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head = 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._head + self._arriving > LONGEST_HEAD:  # else it cannot be too long, and need not be added up
            self._head = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        self._check_head(self._head)
        if len(self.pipeline) >= MOST_PIPELINED:
            raise _Refused(HTTPStatus.BAD_REQUEST)
        self._requests += 1
        self._in_body = True
        self._unread = 0
        super().on_headers_complete()
        self.scope[CUT] = self.cut  # type: ignore[literal-required]  # a key of our own

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()

    def _check_head(self, size: int) -> None:
        if len(self.url) > LONGEST_URL:
            raise _Refused(HTTPStatus.REQUEST_URI_TOO_LONG)
        if size > LONGEST_HEAD or len(self.headers) > MOST_FIELDS:
            raise _Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def cut(self, *, hard: bool) -> None:
        """The connection ends: by a TCP reset, or once what was written is sent."""
        if hard:
            found = self.transport.get_extra_info("socket")
            if found is not None:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self.transport.abort()
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus) -> None:
        """An answer, where none is on its way on this connection; nothing more is read."""
        cycle = self.cycle
        idle = cycle is None or cycle.response_complete
        if idle or (self._in_body and not self.pipeline and not cycle.response_started):
            self.transport.write(_refusal(status))
        if not idle:
            cycle.disconnected = True
            cycle.message_event.set()
        _log.debug("refused", status=int(status))
        self.transport.close()

    # what goes

    def on_response_complete(self) -> None:
        """Instead of uvicorn's, which has a timer for the next request."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    # what takes its time

    def look(self, now: float) -> None:
        """End what has taken too long."""
        phase = self._current()
        moving = self._received if phase[0] == "body" else self.transport.get_write_buffer_size()
        moved = abs(moving - self._moved) >= LEAST and phase[0] in {"body", "answer"}
        if moved or phase != self._phase:
            self._phase, self._since, self._moved = phase, now, moving
        elif now - self._since >= _TIMES[phase[0]]:
            self._end(phase[0])

    def _current(self) -> tuple[str, int]:
        """What is going on, and of which request."""
        if self.transport.get_write_buffer_size():
            return "answer", self._requests
        if self._in_head:
            return "head", self._requests
        if self._in_body and not self.flow.read_paused and not self.cycle.waiting_for_100_continue:
            return "body", self._requests
        if self.cycle is not None and not self.cycle.response_complete:
            return "work", self._requests
        return "idle" if self._requests == 0 else "between", self._requests

    def _end(self, phase: str) -> None:
        _log.debug("connection ended", phase=phase)
        if phase == "head":
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif phase in {"body", "answer"}:
            self.transport.abort()
        else:
            self.transport.close()


_TIMES = {
    "idle": HEAD_TIME, "head": HEAD_TIME, "between": IDLE_TIME, "body": BODY_TIME, "answer": ANSWER_TIME,
    "work": float("inf"),
}


def look(connections: Iterable[asyncio.BaseProtocol], now: float) -> None:
    """At all connections, which may be any protocol's."""
    for connection in list(connections):
        if isinstance(connection, BoundedProtocol):
            connection.look(now)


def _refusal(status: HTTPStatus) -> bytes:
    body = orjson.dumps({"errors": [{"message": _REASONS[status]}]})
    head = (f"HTTP/1.1 {int(status)} {status.phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n")
    return head.encode("ascii") + body
