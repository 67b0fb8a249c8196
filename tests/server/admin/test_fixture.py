"""The fixture service, command by command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from dumbbell_server.accounts import queries
from dumbbell_server.accounts.access import Keys
from dumbbell_server.admin.api import admin_app
from dumbbell_server.backend import Backend
from dumbbell_server.database.engine import reading
from dumbbell_server.errors import Unauthenticated
from support.server import start_server

ADA = "user_gw0-" + "a" * 40
BOB = "user_gw0-" + "b" * 40


@pytest.fixture
def client(backend: Backend) -> Iterator[TestClient]:
    with TestClient(admin_app(backend, "t" * 20), base_url="http://localhost:8081") as opened:
        yield opened


def user(client: TestClient, command: str, name: str = ADA, **more: Any) -> int:
    return client.post("/db/user", json={"command": command, "username": name, **more}).status_code


def test_user_commands(client: TestClient, backend: Backend) -> None:
    assert client.get("/health").status_code == 200
    assert user(client, "password") == 404
    for _ in range(2):
        assert user(client, "up", admin=False) == 200
        assert user(client, "password", password=ADA) == 200
    actor = Keys(backend.database, backend.settings).actor(ADA)
    assert (actor.username, actor.admin, actor.entity_name) == (ADA, False, ADA)
    with reading(backend.database) as session:
        assert len(queries.keys_of(session, actor.user_id)) == 1
    assert user(client, "login") == user(client, "logout") == 200
    assert user(client, "down") == user(client, "down") == 200
    with pytest.raises(Unauthenticated):
        Keys(backend.database, backend.settings).actor(ADA)
    assert user(client, "up", admin=True) == 200
    assert Keys(backend.database, backend.settings).actor(ADA).admin
    assert user(client, "down_all") == 200
    with pytest.raises(Unauthenticated):
        Keys(backend.database, backend.settings).actor(ADA)


def test_short_name_gets_no_key(client: TestClient) -> None:
    answer = client.post("/db/user", json={"command": "up", "username": "ada"})
    assert answer.status_code == 200
    assert "no key was made" in answer.json()["message"]


@pytest.mark.parametrize(("path", "body", "status", "said"), [
    ("user", {"command": "upp", "username": "x"}, 400, "'upp'"),
    ("user", {"command": "up"}, 400, "username"),
    ("user", {"command": "up", "username": "a/b"}, 400, "a/b"),
    ("user", {"command": "up", "username": "ada", "admin": "yes"}, 400, "admin"),
    ("organization", {"command": "up", "orgName": "o", "username": "nobody"}, 404, "nobody"),
    ("organization", {"command": "add_members", "orgName": "o"}, 404, "'o'"),
    ("team", {"command": "up", "username": ADA}, 400, "fixtureData"),
    ("team", {"command": "up", "username": ADA, "fixtureData": {"team": {"name": "t"}, "organization": {"name": "o"}}},
     404, "organization 'o'"),
])
def test_errors_name_what_is_wrong(client: TestClient, path: str, body: dict[str, Any], status: int, said: str) -> None:
    user(client, "up")
    answer = client.post(f"/db/{path}", json=body)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["errors"][0]["message"]


def test_organization_and_team(client: TestClient, backend: Backend) -> None:
    user(client, "up")
    user(client, "up", BOB)
    team = {"command": "up", "username": ADA, "fixtureData": {
        "planName": "x", "team": {"name": "crew"}, "organization": {"name": "Org 1"}}}
    members = {"command": "add_members", "orgName": "Org 1", "fixtureData": {
        "members": [{"username": BOB, "role": "viewer"}]}}
    for _ in range(2):
        assert client.post("/db/organization", json={"command": "up", "orgName": "Org 1", "username": ADA}).is_success
        assert client.post("/db/team", json=team).is_success
        assert client.post("/db/organization", json=members).is_success
    members["fixtureData"]["members"][0]["role"] = "king"  # type: ignore[index]
    assert client.post("/db/organization", json=members).status_code == 400
    with reading(backend.database) as session:
        org = queries.organization_by_name(session, "Org 1")
        assert org is not None
        assert [role for _, role in queries.organization_members_of(session, org.id)] == ["admin", "viewer"]
        assert [row.name for row in queries.teams_of_organization(session, org.id)] == ["crew"]
        assert queries.entity_by_name(session, "Org-1-org") is not None
    assert user(client, "down") == 200
    for _ in range(2):
        assert client.post("/db/organization", json={"command": "down", "orgName": "Org 1"}).is_success
    with reading(backend.database) as session:
        assert queries.entity_by_name(session, "crew") is None
        assert queries.entity_by_name(session, "Org-1-org") is None
    team["command"] = "down"
    assert client.post("/db/team", json=team).is_success


COMMAND = {"command": "up", "username": ADA}
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(("headers", "status", "said"), [
    (JSON, 200, ""),
    ({"content-type": "Application/JSON; charset=utf-8"}, 200, ""),
    (JSON | {"sec-fetch-site": "none"}, 200, ""),
    (JSON | {"host": "127.0.0.1:1"}, 200, ""),
    (JSON | {"host": "[::1]"}, 200, ""),
    (JSON | {"origin": "http://localhost:8081"}, 403, "browsers"),
    (JSON | {"origin": "null"}, 403, "browsers"),
    (JSON | {"sec-fetch-site": "cross-site"}, 403, "browsers"),
    (JSON | {"sec-fetch-site": "same-origin"}, 403, "browsers"),
    ({}, 400, "application/json"),
    ({"content-type": "text/plain"}, 400, "'text/plain'"),
    ({"content-type": "application/x-www-form-urlencoded"}, 400, "application/json"),
    ({"content-type": "text/plain; application/json"}, 400, "application/json"),
    (JSON | {"host": "rebound.example"}, 403, "DUMBBELL_ADMIN_HOST"),
    (JSON | {"host": "localhost.rebound.example"}, 403, "DUMBBELL_ADMIN_HOST"),
    (JSON | {"host": "dumbbell:8081"}, 403, "DUMBBELL_ADMIN_HOST"),
    (JSON | {"host": "192.0.2.1"}, 403, "DUMBBELL_ADMIN_HOST"),
])
def test_nothing_of_browsers_is_taken(client: TestClient, backend: Backend, headers: dict[str, str], status: int,
                                      said: str) -> None:
    answer = client.post("/db/user", content=json.dumps(COMMAND), headers=headers)
    assert (answer.status_code, said in answer.text) == (status, True), answer.text
    with reading(backend.database) as session:
        assert (queries.user_by_name(session, ADA) is not None) is (status == 200)
    if status == 403:
        assert client.get("/health", headers=headers).status_code == 403


@pytest.mark.parametrize(("admin_host", "yes", "no"), [
    ("0.0.0.0", ["dumbbell:8081", "192.0.2.1", "localhost", "host.docker.internal"], ["rebound.example"]),
    ("::", ["dumbbell", "[2001:db8::1]:8081"], ["rebound.example"]),
    ("Fixtures.example", ["fixtures.example:8081", "localhost"], ["dumbbell", "rebound.example"]),
    ("192.0.2.1", ["192.0.2.1:8081", "localhost"], ["192.0.2.2", "dumbbell"]),
])
def test_where_it_was_told_to_listen(backend: Backend, admin_host: str, yes: list[str], no: list[str]) -> None:
    backend.settings.admin_host = admin_host
    with TestClient(admin_app(backend, "t" * 20)) as opened:
        for hosts, status in ((yes, 200), (no, 403)):
            for host in hosts:
                assert opened.get("/health", headers={"host": host}).status_code == status, host


def test_it_listens_where_it_is_told(tmp_path: Path) -> None:
    with start_server(tmp_path, DUMBBELL_FIXTURE_PORT="0", DUMBBELL_ADMIN_HOST="127.0.0.2") as server:
        assert (server.fixture_url or "").startswith("http://127.0.0.2:")
        assert httpx2.get(f"{server.fixture_url}/health").status_code == 200
