"""Malformed paths, queries and headers for every route: never a 5xx, never a stack trace, and nothing is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest

from support.owned_resources import OWNER, OwnedResources, restore, send, tables
from support.routes import KEYED, NEW, OPEN_ROUTES, SIGNED, Route, path_of
from support.shared_resources import SharedResources
from support.world import World

SEGMENTS = ["", ".", "..", "%2e%2e", "%2F..%2F..", "%00", "a%00b", "%ff", "%ED%A0%80", "%F0%9F%99%82", "9" * 5000,
            str(2**31), str(2**63), str(2**64), "-1", "+1", "1e3", "x" * 10_000, "%", "%zz",
            "'; DROP TABLE runs; --", "%0A"]
HEADERS = {
    "range": ["bytes=5-1", "bytes=-0", "bytes=" + "9" * 400 + "-", "bytes=0-0,2-3", "lines=1-2", "bytes=a-b", "\xff"],
    "if-range": ['"x"', "\xff"],
    "if-none-match": ["*", "\xff"],
    "content-length": ["-1", "x", "9" * 400, "1e3", ""],
    "content-md5": ["", "x", "\xff", "A" * 5000],
    "content-encoding": ["gzip", "br", "\xff"],
    "authorization": ["", "Basic", "Basic !!!", "Basic " + "A" * 9999, "Bearer \xff", "Digest x", "Basic AAAAOgA="],
    "host": ["", "[bad", "a b", "x" * 9999, "\xff", "localhost:99999999", "[::1", "a/b?c#d"],
    "origin": ["", "null", "\xff", "x" * 9999],
    "x-wandb-async-client-id": ["\xff", "x" * 9999],
}
EACH = [pytest.param(route, id=f"{route[0]}-{route[1]}") for route in (*SIGNED, *KEYED, *sorted(OPEN_ROUTES))]
NOTED = {"parquet_offers"}


def good_paths(world: World, route: Route, shared: SharedResources, owned: OwnedResources) -> Iterator[str]:
    """Paths at which there is something, percent-encoded."""
    for way in KEYED.get(route, ()):
        yield path_of(way, owned if way.shared == "team" else shared.registry).partition("?")[0]
    for way in SIGNED.get(route, ())[:1]:
        own = shared.team if way.shared == "team" else shared.registry
        status, body = send(world, way.text, way.variables(own), OWNER)
        assert status == 200, body
        text = str(body)
        start = text.index("http://testserver/storage")
        yield urlsplit(text[start:text.index("'", start)]).path
    if route in OPEN_ROUTES:
        yield route[1].replace("{rest:path}", "v1/metrics")


def spoiled(path: str) -> Iterator[str]:
    """The path with one of its segments replaced, left out, or added."""
    parts = path.split("/")[1:]
    for at in range(len(parts)):
        for segment in SEGMENTS:
            yield "/" + "/".join([*parts[:at], segment, *parts[at + 1:]])
        yield "/" + "/".join([*parts[:at], *parts[at + 1:]])
    for segment in SEGMENTS:
        yield "/" + "/".join([*parts, segment])


class RecordingTransport:
    """Requests as a server of its own would pass them on: no client tidies their paths first."""

    def __init__(self, world: World) -> None:
        self.app: Any = world.client.app

    async def ask(self, method: str, path: str, query: str = "", headers: dict[str, str] | None = None,
                  body: bytes = b"") -> tuple[int, bytes]:
        given = {"host": "testserver", "authorization": f"Bearer {OWNER}", "content-length": str(len(body)),
                 **(headers or {})}
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
            "client": ("127.0.0.1", 1), "server": ("testserver", 80), "state": {}}
        messages = [{"type": "http.request", "body": body, "more_body": False}]
        answers: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def answer(message: Any) -> None:
            answers.append(message)

        await self.app(scope, receive, answer)
        return int(answers[0]["status"]), b"".join(message.get("body", b"") for message in answers[1:])


def check(status: int, text: bytes, said: str) -> None:
    assert status < 500, (said[:300], text)
    assert b"Traceback" not in text, said[:300]
    assert b"internal error" not in text, said[:300]


@pytest.mark.parametrize("route", EACH)
def test_hostile_paths_are_the_callers_fault(route: Route, world: World, owned: OwnedResources,
                                             shared: SharedResources) -> None:
    method, body = route[0], NEW if route[0] == "PUT" else b"{}"
    good = [*dict.fromkeys(good_paths(world, route, shared, owned))]
    before = tables(world)

    async def tell() -> None:
        wire = RecordingTransport(world)
        for path in (bad for known in good for bad in spoiled(known) if bad not in good):
            status, text = await wire.ask(method, path, "expires=1&signature=x", body=body)
            check(status, text, path)
            if route in SIGNED:
                assert status in {403, 404, 405}, path[:300]
                # and had we signed it, by some mistake
                url = world.backend.signer.url("", method, unquote(path))
                check(*await wire.ask(method, quote(unquote(path)), url.partition("?")[2], body=body), path)

    asyncio.run(tell())
    after = tables(world)
    changed = {name for name, rows in before.items() if after[name] != rows} - NOTED
    if route not in SIGNED:
        assert not changed
    restore(world, before)


@pytest.mark.parametrize("route", EACH)
def test_hostile_headers_are_the_callers_fault(route: Route, world: World, owned: OwnedResources,
                                               shared: SharedResources) -> None:
    method, body = route[0], NEW if route[0] == "PUT" else b"{}"
    (path, *_) = good_paths(world, route, shared, owned)
    before = tables(world)

    async def tell() -> None:
        wire = RecordingTransport(world)
        query = world.backend.signer.url("", method, unquote(path)).partition("?")[2] if route in SIGNED else ""
        for name, values in HEADERS.items():
            for value in values:
                check(*await wire.ask(method, path, query, {name: value}, body), f"{name}: {value}")
        for bad in ("\0", "a=%00", "&&&", "=" * 5000, "expires=%ff&signature=%ff", "view=x&version=%00", "x=[]"):
            check(*await wire.ask(method, path, bad, body=body), bad)

    asyncio.run(tell())
    assert {name for name, rows in tables(world).items() if before[name] != rows} <= NOTED | (
        {"run_files", "orphans", "artifact_blobs", "artifact_manifests", "artifact_parts", "artifacts", "runs",
         "api_keys"})
    restore(world, before)
