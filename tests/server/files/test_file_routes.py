from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import os
from typing import Any
from urllib.parse import unquote

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dumbbell_server.backend import Backend
from dumbbell_server.blobs import folder
from dumbbell_server.files import routes
from dumbbell_server.runs.tables import RunRow
from support.run_files_env import BASE, RunFilesEnv


def test_what_was_put_is_got(place: RunFilesEnv, client: TestClient) -> None:
    body = bytes(range(256)) * 10
    etag = f'"{hashlib.md5(body).hexdigest()}"'
    answer = client.put(place.put_url("media/a.png"), content=body)
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (200, b"", etag)
    row = place.rows()[0]
    assert (row.name, row.size, row.mimetype) == ("media/a.png", 2560, "image/png")
    assert base64.b64decode(row.md5) == hashlib.md5(body).digest()
    url = place.get_url("media/a.png")
    got = client.get(url)
    assert (got.status_code, got.content, got.headers["etag"]) == (200, body, etag)
    assert (got.headers["content-type"], got.headers["accept-ranges"]) == ("image/png", "bytes")
    head = client.head(url)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "2560")
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 304


def test_ranges(place: RunFilesEnv, client: TestClient) -> None:
    client.put(place.put_url("a"), content=b"0123456789")
    url = place.get_url("a")
    part = client.get(url, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert client.get(url, headers={"Range": "bytes=-3"}).content == b"789"
    beyond = client.get(url, headers={"Range": "bytes=10-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */10")


@pytest.mark.parametrize("place", ["s3"], indirect=True)
def test_a_bucket_gives_its_bytes_itself(place: RunFilesEnv, client: TestClient, bucket: str) -> None:
    client.put(place.put_url("a b.txt"), content=b"x")
    answer = client.get(place.get_url("a b.txt"), follow_redirects=False)
    assert (answer.status_code, answer.content) == (307, b"")
    assert bucket.removeprefix("s3://") in answer.headers["location"]
    got = client.get(answer.headers["location"])
    assert (got.content, got.headers["content-type"]) == (b"x", "text/plain")
    assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''a%20b.txt"


@pytest.mark.parametrize("name", [
    "a b.txt", "100%.txt", "a#b.txt", "a?b&c=d", "a+b", "grüße/日本語/🙂.txt", "[x]*{y}", "back\\slash",
    "q'\"<>|;.txt",
])
def test_names_survive(place: RunFilesEnv, client: TestClient, name: str) -> None:
    assert client.put(place.put_url(name), content=b"x").status_code == 200
    assert [row.name for row in place.rows()] == [name]
    assert client.get(place.get_url(name)).content == b"x"


def test_no_bytes_are_a_file_too(place: RunFilesEnv, client: TestClient) -> None:
    assert client.put(place.put_url("empty"), content=b"").status_code == 200
    got = client.get(place.get_url("empty"))
    assert (got.status_code, got.content, got.headers["content-length"]) == (200, b"", "0")
    assert place.rows()[0].size == 0


def test_signatures(place: RunFilesEnv, client: TestClient) -> None:
    put, get = place.put_url("a"), place.get_url("a")
    wrong = [
        ("PUT", get), ("GET", put), ("HEAD", put), ("PUT", put[:-1] + ("0" if put[-1] != "0" else "1")),
        ("PUT", put.split("?", maxsplit=1)[0]), ("PUT", put.replace("/a?", "/b?")),
        ("PUT", put.replace("expires=1", "expires=2")),
        ("PUT", put.replace(f"/runs/{place.runs[0]}/", f"/runs/{place.runs[1]}/")),
        ("PUT", put.replace(f"/runs/{place.runs[0]}/", f"/runs/{'9' * 5000}/")),
    ]
    for method, url in wrong:
        assert client.request(method, url, content=b"x" if method == "PUT" else None).status_code == 403, (method, url)
    assert place.rows() == []
    assert client.post(put, content=b"x").status_code == 405


def test_urls_expire(place: RunFilesEnv, client: TestClient) -> None:
    put, get = place.put_url("a"), place.get_url("a")
    place.clock.move(86400)
    assert client.put(put, content=b"x").status_code == 200
    assert client.get(get).status_code == 200
    place.clock.move(1)
    assert client.put(put, content=b"y").status_code == 403
    assert client.get(get).status_code == 403


def test_content_md5(place: RunFilesEnv, client: TestClient) -> None:
    right = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    refused = client.put(place.put_url("a"), content=b"y", headers={"Content-MD5": right})
    assert refused.status_code == 400
    assert "Content-MD5" in refused.json()["errors"][0]["message"]
    assert (place.rows(), place.blobs()) == ([], 0)
    assert client.put(place.put_url("a"), content=b"x", headers={"Content-MD5": right}).status_code == 200


def test_the_last_put_wins_and_the_old_bytes_go(place: RunFilesEnv, client: TestClient) -> None:
    for body in (b"one", b"two", b"three"):
        assert client.put(place.put_url("a"), content=body).status_code == 200
    assert client.get(place.get_url("a")).content == b"three"
    assert (len(place.rows()), place.blobs()) == (1, 1)


def test_what_is_not_there(place: RunFilesEnv, client: TestClient) -> None:
    assert client.get(place.get_url("never")).status_code == 404
    assert client.put(place.put_url("a", 999), content=b"x").status_code == 404
    assert client.put(place.put_url("a/../b"), content=b"x").status_code in {400, 403}
    assert place.blobs() == 0


def test_too_long(place: RunFilesEnv, client: TestClient) -> None:
    assert client.put(place.put_url("a"), content=b"x" * ((1 << 20) + 1)).status_code == 413
    chunks = (b"x" * 65536 for _ in range(17))
    assert client.put(place.put_url("a"), content=chunks).status_code == 413
    assert (place.rows(), place.blobs()) == ([], 0)


def send(app: Starlette, url: str, messages: list[dict[str, Any]], length: int) -> int:
    """A PUT told message by message; the status of the answer."""
    path, query = url.removeprefix("http://testserver").split("?")
    scope = {"type": "http", "method": "PUT", "path": unquote(path), "raw_path": path.encode(),
             "query_string": query.encode(),
             "headers": [(b"content-length", str(length).encode())], "http_version": "1.1", "scheme": "http",
             "root_path": "", "client": None, "server": None}
    answers: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def answer(message: Any) -> None:
        answers.append(message)

    asyncio.run(app(scope, receive, answer))
    return int(answers[0]["status"])


def test_a_cut_connection_leaves_what_was_there(place: RunFilesEnv, app: Starlette) -> None:
    def piece(more: bool) -> dict[str, Any]:
        return {"type": "http.request", "body": b"abc", "more_body": more}

    url = place.put_url("a")
    assert send(app, url, [piece(True), {"type": "http.disconnect"}], 6) == 400
    assert send(app, url, [piece(False)], 6) == 400
    assert (place.rows(), place.blobs()) == ([], 0)
    assert send(app, url, [piece(True), piece(False)], 6) == 200
    assert (place.rows()[0].size, place.blobs()) == (6, 1)
    assert send(app, url, [piece(True), {"type": "http.disconnect"}], 6) == 400
    assert (place.rows()[0].size, place.blobs()) == (6, 1)


def test_a_name_is_decoded_once(place: RunFilesEnv, app: Starlette) -> None:  # the test client decodes twice
    assert send(app, place.put_url("a%2Fb%20c"), [{"type": "http.request", "body": b"x", "more_body": False}], 1) == 200
    assert [row.name for row in place.rows()] == ["a%2Fb%20c"]


def test_a_run_that_goes_during_the_upload_leaves_no_bytes(place: RunFilesEnv, client: TestClient) -> None:
    def body() -> Any:
        yield b"x"
        place.backend.database.write(lambda session: session.delete(session.get(RunRow, place.runs[0])))
        yield b"y"

    assert client.put(place.put_url("a"), content=body()).status_code == 404
    assert place.blobs() == 0


def test_a_reader_gets_the_new_file_where_the_old_one_went_meanwhile(place: RunFilesEnv, client: TestClient,
                                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """It was found, and before it could be opened another took its place."""
    client.put(place.put_url("a"), content=b"old")
    find, others = routes._find, [b"newer", b"newest"]

    def find_and_lose(backend: Backend, run_id: int, name: str) -> Any:
        row = find(backend, run_id, name)
        if others:
            client.put(place.put_url("a"), content=others.pop(0)).raise_for_status()
        return row

    monkeypatch.setattr(routes, "_find", find_and_lose)
    if place.backend.blobs.direct is not None:  # there the bytes come from the bucket
        others.clear()
    got = client.get(place.get_url("a"))
    assert (got.status_code, got.content) == (200, b"newest" if place.backend.blobs.direct is None else b"old")


@pytest.mark.parametrize("place", ["folder"], indirect=True)
def test_a_file_that_is_being_read_stays_though_another_takes_its_place(place: RunFilesEnv, app: Starlette,
                                                                        client: TestClient,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "CHUNK", 1 << 16)
    body = os.urandom(900_000)
    client.put(place.put_url("a"), content=body)
    path, query = place.get_url("a").split("?")
    scope = {"type": "http", "method": "GET", "path": path.removeprefix(BASE), "raw_path": b"", "root_path": "",
             "query_string": query.encode(), "headers": [], "http_version": "1.1", "scheme": "http", "client": None,
             "server": None}
    got: list[bytes] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def answer(message: Any) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200
            place.backend.blobs.delete(place.rows()[0].blob_key)
        got.append(message.get("body", b""))

    asyncio.run(app(scope, receive, answer))
    assert len(got) > 10
    assert b"".join(got) == body


@pytest.mark.parametrize("place", ["folder"], indirect=True)
def test_bytes_that_are_lost_are_not_there(place: RunFilesEnv, client: TestClient) -> None:
    client.put(place.put_url("a"), content=b"x")
    place.backend.blobs.delete(place.rows()[0].blob_key)
    assert client.get(place.get_url("a")).status_code == 404


@pytest.mark.parametrize("place", ["folder"], indirect=True)
def test_bytes_are_on_the_disk_before_the_row_that_names_them(place: RunFilesEnv, client: TestClient,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    rows_at_sync: list[int] = []
    fsync = os.fsync

    def syncing(descriptor: int) -> None:
        fsync(descriptor)
        rows_at_sync.append(len(place.rows()))

    monkeypatch.setattr(os, "fsync", syncing)
    assert client.put(place.put_url("a"), content=b"x").status_code == 200
    assert len(rows_at_sync) >= 2
    assert set(rows_at_sync) == {0}
    assert len(place.rows()) == 1


@pytest.mark.parametrize("place", ["folder"], indirect=True)
@pytest.mark.parametrize("size", [1, 100_000])
def test_a_full_disk_is_a_507_that_leaves_neither_bytes_nor_row(place: RunFilesEnv, client: TestClient, size: int,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    client.put(place.put_url("a"), content=b"before")
    before = [*place.backend.blobs.keys()]

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    refused = client.put(place.put_url("a"), content=b"x" * size)
    assert (refused.status_code, refused.json()["errors"][0]["message"]) == (
        507, "the disk of the stored files is full; make room on it, then send this again")
    assert [*place.backend.blobs.keys()] == before
    assert client.get(place.get_url("a")).content == b"before"
