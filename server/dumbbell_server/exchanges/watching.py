"""Around the whole app: what is recorded. One look at a flag where nothing is."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable, Iterable

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dumbbell_server.errors import DumbbellError
from dumbbell_server.exchanges import recorder as stored
from dumbbell_server.exchanges.reading import GRAPHQL, Routes, question, run_of, unpacked
from dumbbell_server.exchanges.recorder import LONGEST_BODY, Exchange, Recorder
from dumbbell_server.exchanges.redaction import cut_text, safe_headers, secrets_of, without_secrets
from dumbbell_server.http.credentials import key_of
from dumbbell_server.identity import Actor

FAULT = "dumbbell.fault"  # in the scope: what was done wrong on purpose
_DECODER = codecs.getincrementaldecoder("utf-8")
Remembered = Callable[[str, bool], Actor | None]


class Watch:
    """Plain ASGI, outside of all that answers, so that it sees what clients see."""

    def __init__(self, app: ASGIApp, recorder: Recorder, routes: Routes, remembered: Remembered) -> None:
        self.app = app
        self._recorder = recorder
        self._routes = routes
        self._remembered = remembered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._recorder.on or scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path, query = scope["path"], scope["query_string"]  # a prefix is taken from the path later
        sent, answered = _Copy(), _Copy()
        head: Message | None = None
        started, begin = time.time(), time.perf_counter()

        async def receiving() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                sent.add(message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            nonlocal head
            if message["type"] == "http.response.start":
                head = message
            elif message["type"] == "http.response.body":
                answered.add(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receiving, sending)
        finally:
            if self._recorder.on:
                self._recorder.add(self._exchange(scope, path, query, sent, head, answered,
                                                  started, time.perf_counter() - begin))

    def _exchange(self, scope: Scope, path: str, query: bytes, sent: _Copy, head: Message | None, answered: _Copy,
                  started: float, duration: float) -> Exchange:
        own = secrets_of(scope["headers"])
        request = sent.message(scope["headers"], own)
        answer = answered.message(head["headers"] if head is not None else (), own)
        route, parts = self._routes.of(scope["method"], scope["path"])
        operation, variables = question(request.body or "") if route == GRAPHQL else (None, {})
        run = run_of(operation, variables, parts)
        return Exchange(
            self._recorder.next_number(), started, duration, scope["method"], without_secrets(path, own),
            without_secrets(query.decode("latin-1"), own), route, operation, variables,
            None if run is None else without_secrets(run, own), self._user(scope),
            head["status"] if head is not None else 0, scope.get(FAULT), request, answer)

    def _user(self, scope: Scope) -> str | None:
        """Whose key it is, as far as the request has made that known."""
        try:
            key = key_of(Request(scope))
        except DumbbellError:
            return None
        reached = scope.get("dumbbell.reached")
        actor = self._remembered(key, reached.at_home) if key is not None and reached is not None else None
        return actor.username if actor is not None else None


class _Copy:
    """The beginning of a body, and how long the whole is."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._taken = 0
        self._size = 0

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._taken < LONGEST_BODY and piece:
            taken = bytes(piece[:LONGEST_BODY - self._taken])
            self._pieces.append(taken)
            self._taken += len(taken)

    def message(self, headers: Iterable[tuple[bytes, bytes]], own: tuple[str, ...]) -> stored.Message:
        """Head and body as they may be stored."""
        pairs = list(headers)
        encoding = next((value for name, value in pairs if name.lower() == b"content-encoding"), b"")
        raw, cut = unpacked(b"".join(self._pieces), encoding.decode("latin-1").lower(), LONGEST_BODY)
        cut = cut or self._size > self._taken
        try:
            text: str | None = _DECODER().decode(raw, final=not cut)  # of one that was cut, half a letter goes
        except UnicodeDecodeError:
            text = None
        if text is not None and "\0" in text:  # no text, though it could be one
            text = None
        if text is not None:
            text = cut_text(text, own) if cut else without_secrets(text, own)
        return stored.Message(safe_headers(pairs, own), text, self._size, cut)
