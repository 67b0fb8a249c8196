"""Requests go on to the other server as they came, and its answers come back so."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx2
import orjson
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from dumbbell_server.moving.proxy.answers import Answers, Difference

# Of a connection, not of a request; and what follows from the bytes that are sent.
_OWN = frozenset({"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
                  "transfer-encoding", "upgrade", "host", "content-length"})
_LARGEST = 64 << 20  # bytes of a question, or of its answer, that are looked at
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_STREAM = re.compile(r"/files/([^/]+)/([^/]+)/([^/]+)/file_stream")
_RIGHT = frozenset({200, 201, 202, 204, 206, 301, 302, 304, 307, 308})
_CONNECTING = 10.0  # seconds


@dataclass
class Passing:
    """What has gone by, as far as somebody wants to know."""

    answers: Answers
    on_difference: Callable[[Difference], object]
    runs: dict[tuple[str, str], set[str]] = field(default_factory=dict)  # names by entity and project
    key: str | None = field(default=None, repr=False)  # the last that a client sent and the server took

    def look(self, body: Any, status: int, answer: Any) -> None:
        for difference in self.answers.look(body, status, answer):
            self.on_difference(difference)
        if isinstance(answer, dict):
            self._runs(answer.get("data"))

    def told(self, what: str, status: int) -> None:
        """The status of what is no GraphQL."""
        if status not in _RIGHT:
            difference = Difference(what, f"the status is {status}")
            if difference not in self.answers.seen:
                self.on_difference(difference)
            self.answers.seen[difference] = self.answers.seen.get(difference, 0) + 1

    def _runs(self, data: Any) -> None:
        """The runs that clients have written."""
        try:
            bucket = data["upsertBucket"]["bucket"]
            place = bucket["project"]["entity"]["name"], bucket["project"]["name"]
            self.runs.setdefault(place, set()).add(bucket["name"])
        except (TypeError, KeyError):
            return

    def streamed(self, path: str) -> None:
        match = _STREAM.fullmatch(path)
        if match is not None:
            entity, project, run = map(unquote, match.groups())
            self.runs.setdefault((entity, project), set()).add(run)


def proxy_app(upstream: str, passing: Passing, client: httpx2.AsyncClient | None = None) -> Starlette:
    """An app that asks the server at this base URL, of which there may be a path."""
    asking = client or httpx2.AsyncClient(timeout=httpx2.Timeout(None, connect=_CONNECTING), follow_redirects=False)
    base = upstream.rstrip("/")

    async def graphql(request: Request) -> Response:
        body = await request.body()
        try:
            answer = await asking.post(f"{base}/graphql", content=body, headers=_headers(request.headers.items()))
        except httpx2.HTTPError as error:
            return _unreachable(base, error)
        if answer.is_success:
            passing.key = _key(request) or passing.key
        if max(len(body), len(answer.content)) <= _LARGEST:
            passing.look(_json(body), answer.status_code, _json(answer.content))
        kept = [(name, value) for name, value in _headers(answer.headers.items()) if name != "content-encoding"]
        response = Response(answer.content, answer.status_code)
        response.raw_headers += [(name.encode(), value.encode()) for name, value in kept]
        return response

    async def other(request: Request) -> Response:
        path = request.scope.get("raw_path", request.url.path.encode()).decode("ascii").partition("?")[0]
        query = f"?{request.url.query}" if request.url.query else ""
        asked = asking.build_request(request.method, f"{base}{path}{query}", content=_body(request),
                                     headers=_headers(request.headers.items(), length=True))
        try:
            answer = await asking.send(asked, stream=True)
        except httpx2.HTTPError as error:
            return _unreachable(base, error)
        passing.told(f"{request.method} {_shown(path)}", answer.status_code)
        if answer.is_success:
            passing.streamed(path)
        response = StreamingResponse(answer.aiter_raw(), answer.status_code, background=BackgroundTask(answer.aclose))
        response.raw_headers = [(name.encode(), value.encode())
                                for name, value in _headers(answer.headers.items(), length=True)]
        return response

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await asking.aclose()

    return Starlette(lifespan=lifespan, routes=[Route("/graphql", graphql, methods=["POST"]),
                                                Route("/{rest:path}", other, methods=_METHODS)])


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        yield chunk


def _headers(items: Iterable[tuple[str, str]], *, length: bool = False) -> list[tuple[str, str]]:
    return [(name, value) for name, value in items
            if name.lower() not in _OWN or (length and name.lower() == "content-length")]


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _key(request: Request) -> str | None:
    """Of `Basic api:KEY`."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    try:
        return base64.b64decode(value).decode().partition(":")[2] or None if kind.lower() == "basic" else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _unreachable(base: str, error: httpx2.HTTPError) -> Response:
    """With a status that clients try again."""
    host = urlsplit(base).netloc
    return JSONResponse({"errors": [{"message": f"{host} does not answer: {type(error).__name__}"}]}, 502)


def _shown(path: str) -> str:
    """The kind of a path: names and numbers in it are of one run or file."""
    parts = path.split("/")
    return f"/{parts[1]}/…/{parts[-1]}" if path.startswith("/files/") else f"/{parts[1]}/…"
