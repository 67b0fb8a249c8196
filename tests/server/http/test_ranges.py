"""GET and HEAD of stored bytes: whole, in ranges, and only where they changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from dumbbell_server.blobs.memory import MemoryBlobs
from dumbbell_server.errors import NotFound
from dumbbell_server.http.middleware import Edge
from dumbbell_server.http.ranges import Blob, etag_of, found_and_sent, send_blob
from dumbbell_server.settings import Settings

DATA = b"0123456789"
ETAG = '"781e5e245d69b566979b86e28d23f2c7"'
DIGEST = "eB5eJF1ptWaXm4bijSPyxw=="


@pytest.fixture(params=["stored", "loaded"])
def client(request: pytest.FixtureRequest) -> Iterator[TestClient]:
    """`/full` and `/empty`, from the store or from bytes that were read already."""
    blobs = MemoryBlobs()

    async def send(http: Request) -> Response:
        data = DATA if http.path_params["name"] == "full" else b""
        blobs.store("a/b", data)
        blob = Blob("a/b", len(data), etag_of(DIGEST), "text/plain", "folder/a b.txt")
        return await send_blob(http, blobs, blob, data if request.param == "loaded" else None)

    with TestClient(Starlette(routes=[Route("/{name}", send)])) as made:
        yield made


def test_the_whole(client: TestClient) -> None:
    got = client.get("/full")
    assert (got.status_code, got.content) == (200, DATA)
    expected = {"etag": ETAG, "accept-ranges": "bytes", "content-length": "10", "x-content-type-options": "nosniff",
                "content-disposition": "attachment; filename*=UTF-8''a%20b.txt"}
    assert expected.items() <= dict(got.headers).items()
    assert got.headers["content-type"].startswith("text/plain")
    assert "content-range" not in got.headers
    assert (client.get("/empty").status_code, client.get("/empty").content) == (200, b"")


@pytest.mark.parametrize(("requested", "content", "answered"), [
    ("bytes=0-0", b"0", "0-0"), ("bytes=2-4", b"234", "2-4"), ("bytes=9-", b"9", "9-9"), ("bytes=0-", DATA, "0-9"),
    ("bytes=5-99", b"56789", "5-9"), ("bytes=9-9", b"9", "9-9"), ("bytes=-1", b"9", "9-9"), ("bytes=-3", b"789", "7-9"),
    ("bytes=-10", DATA, "0-9"), ("bytes=-99", DATA, "0-9"), (" bytes=1-1 ", b"1", "1-1"),
])
def test_a_range(client: TestClient, requested: str, content: bytes, answered: str) -> None:
    got = client.get("/full", headers={"Range": requested})
    assert (got.status_code, got.content, got.headers["content-range"]) == (206, content, f"bytes {answered}/10")
    assert got.headers["content-length"] == str(len(content))
    head = client.head("/full", headers={"Range": requested})
    assert (head.status_code, head.content, dict(head.headers)) == (206, b"", dict(got.headers))


@pytest.mark.parametrize("requested", ["bytes=10-", "bytes=10-20", "bytes=99-", "bytes=-0", "bytes=99999999999999-"])
def test_a_range_of_which_nothing_exists(client: TestClient, requested: str) -> None:
    for got in (client.get("/full", headers={"Range": requested}), client.head("/full", headers={"Range": requested})):
        assert (got.status_code, got.content, got.headers["content-range"]) == (416, b"", "bytes */10")


@pytest.mark.parametrize("requested", ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"])
def test_no_range_of_an_empty_file_exists(client: TestClient, requested: str) -> None:
    got = client.get("/empty", headers={"Range": requested})
    assert (got.status_code, got.headers["content-range"]) == (416, "bytes */0")


@pytest.mark.parametrize("requested", [
    "bytes=5-4", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes=-", "bytes=", "bytes=--1", "bytes=1", "0-1",
    "bytes=9999999999999999999-"])
def test_a_range_that_is_not_understood_is_none(client: TestClient, requested: str) -> None:
    got = client.get("/full", headers={"Range": requested})
    assert (got.status_code, got.content) == (200, DATA)


def test_if_range(client: TestClient) -> None:
    got = client.get("/full", headers={"Range": "bytes=1-2", "If-Range": ETAG})
    assert (got.status_code, got.content) == (206, b"12")
    for other in ('"other"', ETAG.strip('"'), "Wed, 21 Oct 2015 07:28:00 GMT"):
        got = client.get("/full", headers={"Range": "bytes=1-2", "If-Range": other})
        assert (got.status_code, got.content) == (200, DATA)
    assert client.get("/full", headers={"Range": "bytes=10-", "If-Range": '"other"'}).status_code == 200


def test_if_none_match(client: TestClient) -> None:
    got = client.get("/full", headers={"If-None-Match": ETAG, "Range": "bytes=1-2"})
    assert (got.status_code, got.content, got.headers["etag"]) == (304, b"", ETAG)
    assert client.get("/full", headers={"If-None-Match": '"other"'}).content == DATA


def test_head_tells_what_get_would(client: TestClient) -> None:
    head = client.head("/full")
    assert (head.status_code, head.content, dict(head.headers)) == (200, b"", dict(client.get("/full").headers))


def test_bytes_that_go_between_finding_and_opening_are_looked_for_again() -> None:
    """Somebody sends the file again while it is being read; that the store has lost it is a 404."""
    gone = 0

    async def send(_: Request) -> Response:
        async def look() -> Response | None:
            nonlocal gone
            gone -= 1
            if gone >= 0:
                raise FileNotFoundError
            return Response("found")
        return await found_and_sent("a", "a is not there", look)

    async def nothing(_: Request) -> Response:
        async def look() -> None:
            return None
        return await found_and_sent("b", "b is not there", look)

    app = Starlette(routes=[Route("/a", send), Route("/b", nothing)], middleware=[Middleware(Edge, Settings())])
    with TestClient(app) as client:
        for tries, status in ((0, 200), (4, 200), (5, 404)):
            gone = tries
            assert client.get("/a").status_code == status
        assert client.get("/b").json() == {"errors": [{"message": "b is not there"}]}
    assert NotFound.status == 404
