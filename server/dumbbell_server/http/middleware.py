"""Around every request: refusals get their status, surprises a 500, downloads CORS headers, all of it a log line."""

from __future__ import annotations

import asyncio
import time

import orjson
import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dumbbell_server.errors import Busy, DumbbellError, NotFound
from dumbbell_server.http.forwarding import Forwarding, Reached
from dumbbell_server.http.gate import Gate
from dumbbell_server.http.hosts import known_names
from dumbbell_server.http.state import check_stranger
from dumbbell_server.json_text import storable
from dumbbell_server.settings import Settings

_log = structlog.get_logger()

_RETRY_AFTER = "1"  # seconds

# Pages of others may read what a signed URL leads to, and nothing else: `wandb verify` looks for it, and browsers need
# it for Parquet and media (docs/protocol/http.md#downloads).
_SIGNED = "/storage/"
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Range, If-Range, If-None-Match",
    "Access-Control-Expose-Headers": "Content-Length, Content-Range, ETag, Accept-Ranges",
    "Access-Control-Max-Age": "600",
}


def refusal(error: DumbbellError) -> Response:
    body = orjson.dumps({"errors": [{"message": error.message}]})
    headers = {"Retry-After": _RETRY_AFTER} if isinstance(error, Busy) else None
    return Response(body, error.status, headers, media_type="application/json")


def failure() -> Response:
    """Of what nobody foresaw: the client gets no stack trace, the log does."""
    message = b'{"errors":[{"message":"internal error; the server\'s log says more"}]}'
    return Response(message, 500, media_type="application/json")


async def no_route(_: Request, error: Exception) -> Response:
    """No such path, or not this method there."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


class Edge:
    """Plain ASGI: a middleware of Starlette's own kind would cost as much as a small request."""

    def __init__(self, app: ASGIApp, settings: Settings, gate: Gate | None = None) -> None:
        self.app = app
        self._gate = gate or Gate()
        self._forwarding = Forwarding(settings)
        self._known = known_names(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin = time.perf_counter()
        status = 0
        here: Reached | None = None

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if here is not None and here.origin is not None and scope["path"].startswith(_SIGNED):
                    MutableHeaders(scope=message).update(_CORS)
            await send(message)

        await self._gate.enter()
        try:
            here = self._forwarding.read(scope)
            await self._answer(here, scope, receive, sending)
        except DumbbellError as error:
            if status:
                raise
            await refusal(error)(scope, receive, sending)
        except Exception:  # the edge of the server: the client gets no stack trace, the log does
            _log.exception("a request failed", method=scope["method"], path=scope["path"])
            if status:
                raise
            await failure()(scope, receive, sending)
        finally:
            self._gate.leave()
            # the path only: a query string may hold a signature
            _log.debug("request", method=scope["method"], path=scope["path"], status=status,
                       ms=round((time.perf_counter() - begin) * 1e3, 2))

    async def _answer(self, here: Reached, scope: Scope, receive: Receive, send: Send) -> None:
        """By the app, unless a browser only asks what it may ask."""
        if here.origin is not None and scope["method"] == "OPTIONS" and scope["path"].startswith(_SIGNED):
            await Response(status_code=204)(scope, receive, send)
            return
        if not (self._known(here.received) and (here.host is here.received or self._known(here.host))):
            await check_stranger(Request(scope))
        # what is named in a path can be looked up: nothing has a name that cannot be stored
        if not storable(scope["path"]):
            raise NotFound("there is nothing at this path: it holds a NUL")
        try:
            await self.app(scope, receive, send)
        except ClientDisconnect:
            _log.debug("the client is gone", method=scope["method"], path=scope["path"])
        except asyncio.CancelledError:  # the server ends, and has closed the connection already
            _log.debug("the request was cut", method=scope["method"], path=scope["path"])
