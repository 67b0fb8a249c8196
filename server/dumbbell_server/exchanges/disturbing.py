"""Around the app: what rules of faults do to requests. One look at a list where there are none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dumbbell_server.errors import BadInput
from dumbbell_server.exchanges.faults import Asked, Effect, Fault, Faults
from dumbbell_server.exchanges.reading import GRAPHQL, Routes, question, run_of, unpacked
from dumbbell_server.exchanges.watching import FAULT
from dumbbell_server.http.protocol import CUT
from dumbbell_server.signing import EXPIRED

_MOST_READ = 1 << 20  # bytes of a GraphQL body that are read before it is known which rules match
_SENDING = 0.05  # seconds for what was written to leave before a connection is reset
_JSON = "application/json"


class Disturb:
    """Plain ASGI, outside of all that answers and inside of what records."""

    def __init__(self, app: ASGIApp, faults: Faults, routes: Routes) -> None:
        self.app = app
        self._faults = faults
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._faults.rules or scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked, receive = await self._asked(scope, receive)
        try:
            fault = self._faults.of(asked)
        except BadInput:  # a path that is too long for a pattern is none that it matches
            fault = None
        if fault is None:
            await self.app(scope, receive, send)
            return
        scope[FAULT] = f"rule {fault.rule}: {fault.effect.kind}"
        await _Disturbed(self.app, fault, scope, receive, send).run()

    async def _asked(self, scope: Scope, receive: Receive) -> tuple[Asked, Receive]:
        """What rules look at, and a way to read the body again."""
        method, path = scope["method"], scope["path"]
        route, parts = self._routes.of(method, path)
        headers = Headers(scope=scope)
        operation: str | None = None
        variables: dict[str, Any] = {}
        if route == GRAPHQL:
            body, receive = await _read(receive)
            plain, _ = unpacked(body, headers.get("content-encoding", "").lower(), _MOST_READ)
            operation, variables = question(plain.decode("utf-8", "replace"))
        return Asked(method, path, route, headers, operation, run_of(operation, variables, parts)), receive


async def _read(receive: Receive) -> tuple[bytes, Receive]:
    """The beginning of a body, and a `receive` that gives it again before the rest."""
    messages: list[Message] = []
    pieces: list[bytes] = []
    size = 0
    while size < _MOST_READ:
        message = await receive()
        messages.append(message)
        if message["type"] != "http.request":
            break
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if not message.get("more_body", False):
            break

    async def again() -> Message:
        return messages.pop(0) if messages else await receive()

    return b"".join(pieces), again


class _Disturbed:
    """One exchange of which something goes wrong."""

    def __init__(self, app: ASGIApp, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        self._app = app
        self._effect: Effect = fault.effect
        self._delay = fault.delay
        self._scope = scope
        self._receive = receive
        self._send = send
        self._ended = self._changed = False
        self._left: int | None = None  # bytes of the body that may still go, where it is truncated

    async def run(self) -> None:
        effect = self._effect
        if self._delay:
            await asyncio.sleep(self._delay)
        if effect.kind in {"status", "rate_limit", "expired"}:
            await _instead(effect)(self._scope, self._receive, self._send)
        elif effect.kind == "cut" and effect.when == "before":
            await self._cut()
        else:
            await self._app(self._scope, self._receive, self._sender())
            if effect.kind == "cut" and not self._ended:
                await self._cut()

    def _sender(self) -> Callable[[Message], Awaitable[None]]:
        if self._effect.kind == "cut" and self._effect.when != "after":
            return self._nothing if self._effect.when == "unanswered" else self._half
        if self._effect.kind == "truncate":
            return lambda message: self._paced(self._truncated(message))
        if self._effect.kind == "damage":
            return lambda message: self._paced(self._damaged(message))
        return self._paced

    async def _nothing(self, message: Message) -> None:
        """The client hears nothing of it."""

    async def _half(self, message: Message) -> None:
        """The head, half of the first of the body, and the end of the connection."""
        if self._ended:
            return
        body = message.get("body", b"")
        if message["type"] == "http.response.start":
            await self._send(message)
        elif body or not message.get("more_body", False):
            if len(body) > 1:
                await self._send({**message, "body": bytes(body[:len(body) // 2]), "more_body": True})
            await self._cut()

    def _truncated(self, message: Message) -> Message:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message["headers"]))
            if "content-length" in headers:
                self._left = int(headers["content-length"]) // 2
                headers["content-length"] = str(self._left)
            return {**message, "headers": headers.raw}
        body = message.get("body", b"")
        kept = body[:len(body) // 2 if self._left is None else self._left]
        if self._left is not None:
            self._left -= len(kept)
        return {**message, "body": kept}

    def _damaged(self, message: Message) -> Message:
        body = message.get("body", b"")
        if not body or self._changed:
            return message
        self._changed = True
        return {**message, "body": bytes([body[0] ^ 1]) + bytes(body[1:])}

    async def _paced(self, message: Message) -> None:
        """In slices, each of which takes its time."""
        speed, size = self._effect.bytes_per_second, self._effect.slice
        body = message.get("body", b"")
        if speed is None or not body:
            await self._send(message)
            return
        more = message.get("more_body", False)
        for begin in range(0, len(body), size):
            piece = bytes(body[begin:begin + size])
            await asyncio.sleep(len(piece) / speed)
            await self._send({**message, "body": piece, "more_body": more or begin + size < len(body)})

    async def _cut(self) -> None:
        """The connection has ended."""
        self._ended = True
        end = self._scope.get(CUT)
        if end is None:
            raise ConnectionAbortedError("the connection is cut, as a fault rule says")
        hard = self._effect.how == "reset"
        if hard and self._effect.when in {"middle", "after"}:
            await asyncio.sleep(_SENDING)
        end(hard=hard)
        if self._effect.when != "after":
            while (await self._receive())["type"] != "http.disconnect":
                """The server's own answer to an app that says nothing would be a 500."""


def _instead(effect: Effect) -> Response:
    """An answer that the app does not give."""
    if effect.kind == "rate_limit":  # wandb 0.16.4 and later read these (docs/protocol/http.md#file-stream)
        limits = {"RateLimit-Limit": f"{effect.limit:g}", "RateLimit-Remaining": f"{effect.remaining:g}",
                  "RateLimit-Reset": f"{effect.reset:g}"}
        message = f"rate limit exceeded, retry in {effect.reset:g} seconds"
        return Response(_error(message), 429, limits | effect.headers, media_type=_JSON)
    if effect.kind == "expired":
        return Response(_error(EXPIRED), 403, media_type=_JSON)
    body = effect.body if effect.body is not None else _error(f"fault: {effect.status}")
    has_type = any(name.lower() == "content-type" for name in effect.headers)
    return Response(body, effect.status, effect.headers, media_type=None if has_type else _JSON)


def _error(message: str) -> bytes:
    return orjson.dumps({"errors": [{"message": message}]})
