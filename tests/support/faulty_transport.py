"""The way between a client and a server, watched, and broken where a test wants it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx2

Fault = Callable[[httpx2.Request], "httpx2.Response | None"]


class RecordingTransport(httpx2.BaseTransport):
    """Passes requests on to a server. Each of `faults` is asked once, in order, until it answers a request."""

    def __init__(self, inner: httpx2.BaseTransport) -> None:
        self.inner = inner
        self.requests: list[httpx2.Request] = []
        self.faults: list[Fault] = []
        self.mangle: Callable[[httpx2.Request, httpx2.Response], httpx2.Response] | None = None
        self._lock = threading.Lock()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        with self._lock:
            self.requests.append(request)
            for number, fault in enumerate(self.faults):
                answer = fault(request)
                if answer is not None:
                    del self.faults[number]
                    return answer
        answer = self.inner.handle_request(request)
        return self.mangle(request, answer) if self.mangle is not None else answer

    def close(self) -> None:
        self.inner.close()

    @property
    def operations(self) -> list[str]:
        """Names of the GraphQL operations that were sent."""
        return [body["query"].split("(")[0].split("{")[0].split()[1] for body in self.bodies]

    @property
    def bodies(self) -> list[Any]:
        """Bodies of the GraphQL requests."""
        return [json.loads(request.read()) for request in self.requests if request.url.path.endswith("/graphql")]

    def clear(self) -> None:
        self.requests.clear()


def answering(status: int, body: Any = None, *, path: str = "", **headers: str) -> Fault:
    """A fault that answers requests whose path holds `path`, with JSON or bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda request: httpx2.Response(
        status, content=content, headers={name.replace("_", "-"): value for name, value in headers.items()},
        request=request) if path in request.url.path else None


def failing(error: type[httpx2.TransportError], path: str = "") -> Fault:
    """A fault that raises as a broken connection does."""
    def fault(request: httpx2.Request) -> httpx2.Response | None:
        if path in request.url.path:
            raise error("the line is down", request=request)
        return None
    return fault


class Once:
    """A fault that happens once, though it raises."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.done = False

    def __call__(self, request: httpx2.Request) -> httpx2.Response | None:
        if self.done:
            return None
        self.done = True
        return self.fault(request)


class _Cut(httpx2.SyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        raise httpx2.RemoteProtocolError("peer closed connection without sending complete message body")


def cut(answer: httpx2.Response, after: int) -> httpx2.Response:
    """The answer, whose body ends too early."""
    body = answer.read()
    headers = [(name, value) for name, value in answer.headers.items() if name != "content-length"]
    return httpx2.Response(answer.status_code, headers=headers, stream=_Cut([body[:after]]), request=answer.request)
