"""Around every request: refusals get their status, surprises a 500, downloads CORS headers, all of it a log line."""

from __future__ import annotations

import time

import orjson
import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dumbbell_server.errors import Busy, DumbbellError, NotFound
from dumbbell_server.http.forwarding import Forwarding
from dumbbell_server.json_text import storable
from dumbbell_server.settings import Settings

_log = structlog.get_logger()

_RETRY_AFTER = "1"  # seconds

_CORS = {
    "Access-Control-Allow-Methods": "GET, HEAD, PUT, POST, OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Expose-Headers": "Content-Length, Content-Range, ETag, Accept-Ranges",
    "Access-Control-Max-Age": "600",
}


def refusal(error: DumbbellError) -> Response:
    body = orjson.dumps({"errors": [{"message": error.message}]})
    headers = {"Retry-After": _RETRY_AFTER} if isinstance(error, Busy) else None
    return Response(body, error.status, headers, media_type="application/json")


async def no_route(_: Request, error: Exception) -> Response:
    """No such path, or not this method there."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


class Edge:
    """Plain ASGI: a middleware of Starlette's own kind would cost as much as a small request."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._forwarding = Forwarding(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin = time.perf_counter()
        status = 0
        origin = Headers(scope=scope).get("origin")

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if origin is not None:
                    MutableHeaders(scope=message).update(
                        {"Access-Control-Allow-Origin": origin, "Vary": "Origin", **_CORS})
            await send(message)

        try:
            if origin is not None and scope["method"] == "OPTIONS":
                await Response(status_code=204)(scope, receive, sending)
            else:
                await self._answer(scope, receive, sending)
        except DumbbellError as error:
            if status:
                raise
            await refusal(error)(scope, receive, sending)
        except Exception:  # the edge of the server: the client gets no stack trace, the log does
            _log.exception("a request failed", method=scope["method"], path=scope["path"])
            if status:
                raise
            message = b'{"errors":[{"message":"internal error; the server\'s log says more"}]}'
            await Response(message, 500, media_type="application/json")(scope, receive, sending)
        finally:
            # the path only: a query string may hold a signature
            _log.debug("request", method=scope["method"], path=scope["path"], status=status,
                       ms=round((time.perf_counter() - begin) * 1e3, 2))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """By the app, which can ask how the request came."""
        self._forwarding.read(scope)
        # what is named in a path can be looked up: nothing has a name that cannot be stored
        if not storable(scope["path"]):
            raise NotFound("there is nothing at this path: it holds a NUL")
        try:
            await self.app(scope, receive, send)
        except ClientDisconnect:
            _log.debug("the client is gone", method=scope["method"], path=scope["path"])
