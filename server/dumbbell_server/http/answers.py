"""Answers of JSON that are counted while they are in memory."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dumbbell_server.http.memory import Lease

_FITS = 1 << 16  # bytes that are on their way at once, whoever reads them or not


def answer_with(body: bytes, status: int, lease: Lease, *, needed: bool) -> Response:
    """JSON. Busy where too many answers wait to be read, but for one that is `needed`: its question changed things."""
    if len(body) <= _FITS:
        return Response(body, status, media_type="application/json")
    lease.take_answer(len(body), needed=needed)
    return _Counted(body, status, lease)


class _Counted(Response):
    """It holds its lease until nearly all of it has gone to the network."""

    def __init__(self, body: bytes, status: int, lease: Lease) -> None:
        super().__init__(body, status, media_type="application/json")
        self._lease = lease

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        with self._lease:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": self.body, "more_body": True})
            # this waits until what was sent before is read
            await send({"type": "http.response.body", "body": b"", "more_body": False})
