"""Names by which the server may be asked, by strangers and by those who have a key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from dumbbell_server.http.credentials import PUBLIC_KEY
from dumbbell_server.http.hosts import known_names, loopback
from dumbbell_server.settings import Settings
from support.routes import KEYED, OPEN_ROUTES, SIGNED
from support.world import KEY, World, open_world

ELSEWHERE = "rebound.example:8080"
UPLOAD = """mutation { createRunFiles(input: {entityName: "local", projectName: "p", runName: "r", files: ["a.txt"]}) {
  files { uploadUrl } } }"""
ROOT = Path(__file__).parents[3]


def asked(settings: dict[str, Any], host: str) -> bool:
    return known_names(Settings(**settings))(host)


@pytest.mark.parametrize("host", [
    "localhost", "localhost:8080", "LOCALHOST.", "127.0.0.1:80", "[::1]:8080", "[fe80::1%25eth0]", "192.0.2.7:8080",
    "127.1", "0x7f.1", "dumbbell", "dumbbell:8080", "my_box", "a.localhost", "box.local:8080", "host.docker.internal",
    "host.docker.internal:8080", "a.test", "dumbbell.ml.svc", "dumbbell.ml.svc.cluster.local.", "testserver"])
def test_names_that_nobody_can_rebind(host: str) -> None:
    assert asked({}, host)


@pytest.mark.parametrize("host", [
    "rebound.example", ELSEWHERE, "127.0.0.1.rebound.example", "localhost.rebound.example", "rebound.example.:80",
    "test.example", "a.internal.example", "evil.xlocal", "", ".", "a b", "[bad", "[::1", "a/b.c", "x" * 9999,
    "a." * 4000 + "local", "user@localhost", "localhost,rebound.example", "\xff"])
def test_names_that_somebody_may_own(host: str) -> None:
    assert not asked({}, host)


@pytest.mark.parametrize(("settings", "yes", "no"), [
    ({"public_url": "https://Wandb.Example.com:8443/ml"}, ["wandb.example.com", "WANDB.example.com:1"],
     ["a.wandb.example.com", "example.com"]),
    ({"allowed_hosts": "a.example, B.example"}, ["a.example:1", "b.example"], ["c.example", "x.a.example"]),
    ({"allowed_hosts": "*.corp.example"}, ["x.corp.example", "x.y.corp.example"], ["corp.example", "xcorp.example"]),
    ({"allowed_hosts": "*"}, ["anything.example", "a b"], []),
    ({"host": "dumbbell.corp.example"}, ["dumbbell.corp.example:8080"], ["corp.example"]),
])
def test_settings_that_name_more(settings: dict[str, str], yes: list[str], no: list[str]) -> None:
    assert [host for host in yes if not asked(settings, host)] == []
    assert [host for host in no if asked(settings, host)] == []


@pytest.mark.parametrize("value", ["https://a.example", "a.example:80", "a b", "*example.com", "a.*", "a/b"])
def test_a_name_that_is_none_is_refused_at_start(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUMBBELL_ALLOWED_HOSTS", f"fine.example,{value}")
    with pytest.raises(ValidationError, match="allowed_hosts"):
        Settings()


@pytest.mark.parametrize(("host", "yes"), [
    ("localhost:1", True), ("127.9.9.9", True), ("[::1]", True), ("a.localhost", True), ("dumbbell", False),
    ("10.0.0.1", False), ("localhost.example", False), ("[::1", False), ("", False)])
def test_loopback(host: str, yes: bool) -> None:
    assert loopback(host) is yes


PUBLIC = sorted(route for route in OPEN_ROUTES if route[1].startswith(("/ready", "/healthz", "/sdk/otel")))
GUARDED = [route for route in (*SIGNED, *KEYED, *sorted(OPEN_ROUTES)) if route not in PUBLIC]


@pytest.mark.parametrize("headers", [
    {"host": ELSEWHERE}, {"host": ELSEWHERE, "authorization": f"Bearer {PUBLIC_KEY}"},
    {"host": ELSEWHERE, "x-forwarded-host": "localhost"}, {"host": "localhost", "x-forwarded-host": ELSEWHERE}])
def test_strangers_at_a_name_that_somebody_owns(headers: dict[str, str], world: World) -> None:
    """Also where they have the key that everybody has, or say that a proxy changed the name."""
    world.add_user("everybody", PUBLIC_KEY)
    client = TestClient(world.client.app, client=("127.0.0.1", 1))
    for method, route in GUARDED:
        answer = client.request(method, re.sub(r"{\w+(:path)?}", "1", route), headers=headers)
        assert answer.status_code == 403, route
        assert "DUMBBELL_ALLOWED_HOSTS" in answer.text
        assert "'rebound.example:8080'" in answer.text


def test_probes_come_by_any_name(world: World) -> None:
    for method, route in PUBLIC:
        path = route.replace("{rest:path}", "v1/metrics")
        status = 404 if "otel" in path else 200
        assert world.client.request(method, path, headers={"host": ELSEWHERE}).status_code == status


def test_a_key_of_ones_own_works_at_any_name(world: World) -> None:
    """And with it what it was given: URLs of files, which carry no key."""
    world.upsert("r")
    headers = {"host": ELSEWHERE, "authorization": f"Bearer {KEY}"}
    answer = world.client.post("/graphql", json={"query": UPLOAD}, headers=headers)
    url: str = answer.json()["data"]["createRunFiles"]["files"][0]["uploadUrl"]
    assert url.startswith("http://rebound.example:8080/storage/")
    path = url.removeprefix("http://rebound.example:8080")
    assert world.client.put(path, content=b"x", headers={"host": ELSEWHERE}).status_code == 200
    assert world.client.put(f"{path[:-1]}!", content=b"x", headers={"host": ELSEWHERE}).status_code == 403
    assert world.client.get(path, headers={"host": ELSEWHERE}).status_code == 403
    assert world.client.get("/local/p", headers=headers).status_code == 200
    unknown = {"host": ELSEWHERE, "authorization": f"Bearer {'u' * 40}"}
    assert world.client.get("/local/p", headers=unknown).status_code == 401


def test_a_name_that_is_allowed(tmp_path: Path) -> None:
    with open_world(tmp_path, allowed_hosts="rebound.example") as world:
        assert world.client.get("/", headers={"host": ELSEWHERE}).status_code == 200
        assert world.client.get("/", headers={"host": "other.example"}).status_code == 403


VIEWER = {"query": "{ viewer { username } }"}


@pytest.mark.parametrize(("headers", "status"), [
    ({"host": "localhost:8080"}, 200), ({"host": "127.0.0.1"}, 200), ({"host": "[::1]:8080"}, 200),
    ({"host": "dumbbell:8080"}, 401), ({"host": "192.0.2.7"}, 401), ({"host": ELSEWHERE}, 401),
    ({"host": "localhost", "x-forwarded-host": "dumbbell"}, 401),
    ({"host": "localhost", "x-forwarded-for": "::1"}, 401), ({"host": "localhost", "via": "1.1 proxy"}, 401)])
def test_open_is_for_this_machine(headers: dict[str, str], status: int, tmp_path: Path) -> None:
    with open_world(tmp_path, open=True) as world:
        any_key = {"authorization": f"Bearer {'u' * 40}"}
        for _ in range(2):  # what was remembered of one who may is of no use to one who may not
            assert world.client.post("/graphql", json=VIEWER, headers=any_key | {"host": "localhost"}).is_success
            answer = world.client.post("/graphql", json=VIEWER, headers=any_key | headers)
            assert answer.status_code == status, answer.text
            assert status == 200 or "--open" in answer.text
        known = {"authorization": f"Bearer {KEY}"}
        assert world.client.post("/graphql", json=VIEWER, headers=known | headers).status_code == 200


@pytest.mark.parametrize("page", ["README.md", "Makefile", "docker-compose.yml"])
def test_the_public_key_is_the_one_that_is_printed(page: str) -> None:
    assert re.findall(r"local0+\b", (ROOT / page).read_text()) == [PUBLIC_KEY]
