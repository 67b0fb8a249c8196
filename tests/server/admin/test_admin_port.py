"""The admin port: who gets in, what is taken, and what the document says."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate
from starlette.testclient import TestClient

from dumbbell_server.admin.api import admin_app
from support.world import World, world_on_backend

TOKEN = "the-token-of-this-port.1"
RIGHT = {"authorization": f"Bearer {TOKEN}"}
TAR = {"content-type": "application/x-tar"}
PATHS = [("GET", "/admin/info"), ("GET", "/admin/export"), ("GET", "/admin/export?with_keys=true"),
         ("POST", "/admin/reset"), ("POST", "/admin/seed"), ("GET", "/admin/openapi.json"),
         ("GET", "/admin/clock"), ("POST", "/admin/clock"), ("GET", "/admin/snapshots"), ("POST", "/admin/snapshots/a"),
         ("DELETE", "/admin/snapshots/a"), ("POST", "/admin/snapshots/a/restore"), ("GET", "/admin/snapshots/a/file"),
         ("PUT", "/admin/snapshots/a/file"), ("POST", "/admin/recorder"),
         ("GET", "/admin/recorder"), ("GET", "/admin/exchanges"), ("GET", "/admin/exchanges.har"),
         ("POST", "/admin/faults"), ("GET", "/admin/faults"), ("DELETE", "/admin/faults"),
         ("DELETE", "/admin/exchanges"), ("GET", "/admin/exchanges/wait"),
         ("GET", "/admin/no-such"), ("GET", "/"), ("GET", "/docs"), ("GET", "//admin/info"), ("GET", "/health/"),
         ("POST", "/dbx"), ("DELETE", "/admin/info"), ("OPTIONS", "/admin/reset")]
FIXTURE = """created: 2026-01-05T10:00:00Z
users: [{name: first, first: true}]
projects:
  - entity: first
    name: mine
    user: first
    runs: [{id: one, user: first}]
"""


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    request.param = "sqlite"
    with world_on_backend(request, tmp_path) as opened:
        yield opened


@pytest.fixture
def port(world: World) -> Iterator[TestClient]:
    with TestClient(admin_app(world.backend, TOKEN), base_url="http://localhost:8081") as opened:
        yield opened


def ask(port: TestClient, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> Any:
    return port.request(method, path, headers={"content-type": "application/json"} | (headers or {}), **more)


def said(answer: Any) -> str:
    text: str = answer.json()["errors"][0]["message"]
    return text


def tar_of(**files: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("__", "/").replace("_", "."))
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


@pytest.mark.parametrize("headers", [
    {}, {"authorization": ""}, {"authorization": "Bearer"}, {"authorization": "Bearer "},
    {"authorization": f"Bearer {TOKEN}x"}, {"authorization": f"Bearer {TOKEN[:-1]}"},
    {"authorization": f"Bearer {TOKEN.upper()}"}, {"authorization": f"Basic {TOKEN}"}, {"authorization": TOKEN},
    {"authorization": "Bearer \N{LATIN SMALL LETTER U WITH DIAERESIS}".encode("latin-1").decode("latin-1")},
    {"authorization": "Bearer " + "f" * 40},  # a key of the first user is no token
])
@pytest.mark.parametrize(("method", "path"), PATHS)
def test_nobody_gets_in_without_the_token(port: TestClient, method: str, path: str, headers: dict[str, str]) -> None:
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = port.request(method, path, headers={"content-type": "application/json", **sent}, content=b"{}")
    assert (answer.status_code, "DUMBBELL_ADMIN_TOKEN" in said(answer)) == (401, True)


@pytest.mark.parametrize("spelled", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Bearer   {TOKEN}"])
def test_the_token_gets_in(port: TestClient, spelled: str) -> None:
    assert ask(port, "GET", "/admin/info", {"authorization": spelled}).status_code == 200


@pytest.mark.parametrize(("headers", "status", "message"), [
    ({"origin": "http://localhost:8081"}, 403, "browsers"),
    ({"origin": "null"}, 403, "browsers"),
    ({"sec-fetch-site": "same-origin"}, 403, "browsers"),
    ({"sec-fetch-site": "cross-site"}, 403, "browsers"),
    ({"host": "rebound.example"}, 403, "DUMBBELL_ADMIN_HOST"),
    ({"host": "192.0.2.1:8081"}, 403, "DUMBBELL_ADMIN_HOST"),
    ({"content-type": "text/plain"}, 400, "application/json"),
    ({"content-type": "application/x-www-form-urlencoded"}, 400, "application/json"),
    ({"content-type": "multipart/form-data; boundary=x"}, 400, "application/json"),
    ({"content-type": ""}, 400, "application/json"),
    ({"content-type": "application/x-tar2"}, 400, "application/json"),
])
@pytest.mark.parametrize("path", ["/admin/reset", "/admin/seed"])
def test_nothing_of_browsers_comes_in_with_the_token(port: TestClient, world: World, path: str,
                                                     headers: dict[str, str], status: int, message: str) -> None:
    world.upsert()
    answer = ask(port, "POST", path, RIGHT | headers, content=b'{"entity": null}')
    assert (answer.status_code, message in said(answer)) == (status, True), answer.text
    assert world.run("id") is not None


@pytest.mark.parametrize(("path", "body", "status", "message"), [
    ("/admin/reset", b"", 400, "not JSON"),
    ("/admin/reset", b"[]", 400, "JSON object"),
    ("/admin/reset", b'{"entity": 7}', 400, "entity: Input should be a valid string"),
    ("/admin/reset", b'{"entiti": "local"}', 400, "entiti: Extra inputs are not permitted"),
    ("/admin/reset", b'{"entity": "nobody"}', 404, "entity 'nobody' not found"),
    ("/admin/reset", b'{"entity": ""}', 404, "entity '' not found"),
    ("/admin/reset", b'{"entity": "/removed"}', 404, "entity '/removed' not found"),
    ("/admin/reset", b'{"entity": "a\\u0000b"}', 404, "not found"),
    ("/admin/reset", b'{"entity": "' + b"x" * (1 << 20) + b'"}', 400, "the most this server reads"),
    ("/admin/reset", b"[" * 100_000, 400, "the body"),
    ("/admin/seed", b"{}", 400, "name: Field required"),
    ("/admin/seed", b'{"name": null}', 400, "name: Input should be a valid string"),
    ("/admin/seed", b'{"name": "none"}', 404, "as a tar stream"),
    ("/admin/seed", b'{"name": "/etc/passwd"}', 404, "as a tar stream"),
    ("/admin/seed", b'{"name": "../demo"}', 404, "as a tar stream"),
    ("/admin/seed", b'{"name": "demo.yaml"}', 404, "as a tar stream"),
])
def test_bodies_that_are_refused_change_nothing(port: TestClient, world: World, path: str, body: bytes, status: int,
                                                message: str) -> None:
    world.upsert()
    answer = ask(port, "POST", path, RIGHT, content=body)
    assert (answer.status_code, message in said(answer)) == (status, True), answer.text
    assert world.run("id") is not None


def test_a_shipped_fixture_is_loaded_once(port: TestClient) -> None:
    before = ask(port, "GET", "/admin/info", RIGHT).json()
    assert before["counts"]["runs"] == 0
    made = ask(port, "POST", "/admin/seed", RIGHT, json={"name": "demo"})
    assert (made.status_code, made.json()["runs"] > 0) == (200, True)
    again = ask(port, "POST", "/admin/seed", RIGHT, json={"name": "demo"})
    assert set(again.json().values()) == {0}
    after = ask(port, "GET", "/admin/info", RIGHT).json()
    assert after["counts"]["runs"] == made.json()["runs"]
    assert after["version"]


def test_a_folder_of_ones_own_is_loaded_and_leaves_nothing(port: TestClient, world: World) -> None:
    answer = ask(port, "POST", "/admin/seed", RIGHT | TAR, content=tar_of(deep__mine_dumbbell_yaml=FIXTURE))
    assert (answer.status_code, answer.json().get("runs")) == (200, 1), answer.text
    assert world.run("state", "one", project="mine")["state"] == "finished"
    assert [*(world.backend.settings.data_dir / "moving").iterdir()] == []


@pytest.mark.parametrize(("content", "status", "message"), [
    (tar_of(deep__mine_dumbbell_yaml=FIXTURE.replace("user: first\n    runs", "user: nobody\n    runs")), 400,
     "deep/mine.dumbbell.yaml:4: user 'nobody'"),
    (tar_of(___evil_yaml=FIXTURE), 400, "does not lie in the folder"),
    (tar_of(readme="x"), 400, "dumbbell"),
    (b"created: ", 400, "no tar stream"),
    (b"", 400, "no tar stream"),
    (tar_of(big_dumbbell_yaml="#" * 2_000_000 + "\n" + FIXTURE), 413, "DUMBBELL_MAX_UPLOAD"),
])
def test_folders_that_are_refused_leave_nothing(port: TestClient, world: World, content: bytes, status: int,
                                                message: str) -> None:
    world.backend.settings.max_upload = 1 << 20
    answer = ask(port, "POST", "/admin/seed", RIGHT | TAR, content=content)
    assert (answer.status_code, message in said(answer)) == (status, True), answer.text
    assert str(world.backend.settings.data_dir) not in answer.text  # nor where it lay
    assert world.count("projects") == 0
    assert [*(world.backend.settings.data_dir / "moving").iterdir()] == []


def test_a_tar_stream_is_taken_at_one_path(port: TestClient) -> None:
    answer = ask(port, "POST", "/admin/reset", RIGHT | TAR, content=tar_of(a_yaml=FIXTURE))
    assert answer.status_code == 400
    assert said(answer) == "Content-Type is 'application/x-tar'; commands are application/json"


@pytest.mark.parametrize(("query", "status"), [
    ("scope=nobody", 404), ("scope=local/none", 404), ("scope=", 400), ("scope=/", 404), ("scope=local/a/b", 404),
    ("scope=../..", 404), ("scope=a%00b", 404), ("scope=local/a%00b", 404),
    ("scope=%2Fremoved", 404), ("scope=" + "x" * 5000, 404), ("with_keys=perhaps", 400),
])
def test_exports_that_are_refused_leave_nothing(port: TestClient, world: World, query: str, status: int) -> None:
    world.upsert()
    answer = ask(port, "GET", f"/admin/export?{query}", RIGHT)
    assert (answer.status_code, bool(said(answer))) == (status, True), answer.text
    assert [*(world.backend.settings.data_dir / "moving").glob("*")] == []


def test_a_packed_body_is_refused(port: TestClient) -> None:
    answer = ask(port, "POST", "/admin/seed", RIGHT | TAR | {"content-encoding": "gzip"}, content=b"x")
    assert (answer.status_code, "Content-Encoding" in said(answer)) == (400, True)


def test_what_fails_inside_is_a_500_without_a_trace(port: TestClient, world: World,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.backend, "write", lambda *_: 1 / 0)
    answer = ask(port, "POST", "/admin/reset", RIGHT, json={"entity": None})
    assert (answer.status_code, said(answer)) == (500, "internal error; the server's log says more")


def test_the_document_is_one_of_openapi_and_says_what_is_taken(port: TestClient) -> None:
    document = ask(port, "GET", "/admin/openapi.json", RIGHT).json()
    validate(document)
    assert set(document["paths"]) == {"/admin/info", "/admin/reset", "/admin/seed", "/admin/export", "/admin/clock",
                                      "/admin/snapshots", "/admin/snapshots/{name}", "/admin/snapshots/{name}/restore",
                                      "/admin/snapshots/{name}/file", "/admin/recorder", "/admin/exchanges",
                                      "/admin/exchanges/wait", "/admin/exchanges.har", "/admin/faults",
                                      "/admin/faults/{number}"}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["security"] == [{"token": []}], path
            assert {"200", "400", "401", "403", "404"} <= operation["responses"].keys()
            assert "422" not in operation["responses"]  # what FastAPI would refuse so is a 400 here
            if method == "post" and "{name}" not in path:
                assert "application/json" in operation["requestBody"]["content"]
    assert "application/x-tar" in document["paths"]["/admin/seed"]["post"]["requestBody"]["content"]
    assert document["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    assert TOKEN not in json.dumps(document)


def test_there_is_no_page_that_loads_from_elsewhere(port: TestClient) -> None:
    for path in ("/docs", "/redoc", "/admin/docs", "/openapi.json"):
        assert ask(port, "GET", path, RIGHT).status_code == 404
