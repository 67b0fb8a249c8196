"""What proxies say of a request, whom of them we believe, and the URLs that follow."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from dumbbell_server.http.forwarding import Forwarding
from dumbbell_server.settings import Settings
from support.world import KEY, World, open_world

OPEN = Callable[..., TestClient]
UPLOAD = """mutation { createRunFiles(input: {
  entityName: "local", projectName: "p", runName: "r", files: ["a b.txt"]}) { files { uploadUrl } } }"""
FILE = '{ project(name: "p", entityName: "local") { run(name: "r") { files { edges { node { url directUrl } } } } } }'


@pytest.fixture
def client(tmp_path: Path) -> Iterator[OPEN]:
    """A server with these settings and a run, and a client at this address, which may be a proxy's."""
    with ExitStack() as stack:
        def opened(address: str = "127.0.0.1", **settings: Any) -> TestClient:
            world: World = stack.enter_context(open_world(tmp_path / uuid.uuid4().hex, **settings))
            world.upsert("r")
            app: Any = world.client.app
            headers = {"authorization": f"Bearer {KEY}", "host": "inside:8080"}
            return TestClient(app, client=(address, 50000), headers=headers)
        yield opened


def ask(client: TestClient, text: str, headers: dict[str, str] | None = None, path: str = "/graphql") -> Any:
    answer = client.post(path, json={"query": text}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def base_of(client: TestClient, headers: dict[str, str] | None = None, path: str = "/graphql") -> str:
    """The base of an upload URL."""
    url: str = ask(client, UPLOAD, headers, path)["createRunFiles"]["files"][0]["uploadUrl"]
    base, _, rest = url.partition("/storage/")
    assert rest.startswith("runs/1/a%20b.txt?")
    return base


ALL = {"x-forwarded-proto": "https", "x-forwarded-host": "wandb.example.com:8443", "x-forwarded-prefix": "/ml/wandb/"}


@pytest.mark.parametrize(("address", "trusted", "base"), [
    ("127.0.0.1", None, "https://wandb.example.com:8443/ml/wandb"),
    ("127.5.5.5", None, "https://wandb.example.com:8443/ml/wandb"),
    ("::1", None, "https://wandb.example.com:8443/ml/wandb"),
    ("::ffff:127.0.0.1", None, "https://wandb.example.com:8443/ml/wandb"),
    ("10.1.2.3", None, "http://inside:8080"),
    ("10.1.2.3", "192.0.2.7, 10.0.0.0/8", "https://wandb.example.com:8443/ml/wandb"),
    ("192.0.2.7", "192.0.2.7,10.0.0.0/8", "https://wandb.example.com:8443/ml/wandb"),
    ("192.0.2.8", "192.0.2.7,10.0.0.0/8", "http://inside:8080"),
    ("127.0.0.1", "192.0.2.7", "http://inside:8080"),
])
def test_urls_follow_trusted_proxies_alone(client: OPEN, address: str, trusted: str | None, base: str) -> None:
    more = {} if trusted is None else {"trusted_proxies": trusted}
    assert base_of(client(address, **more), ALL) == base


@pytest.mark.parametrize(("headers", "base"), [
    ({}, "http://inside:8080"),
    ({"x-forwarded-proto": "HTTPS"}, "https://inside:8080"),
    ({"x-forwarded-host": "a.example"}, "http://a.example"),
    ({"x-forwarded-prefix": "/"}, "http://inside:8080"),
    ({"x-forwarded-prefix": "/outer, /inner"}, "http://inside:8080/outer/inner"),
    # what the sender wrote stands first; each proxy adds what it has seen
    ({"x-forwarded-host": "evil.example, a.example", "x-forwarded-for": "192.0.2.1"}, "http://a.example"),
    ({"x-forwarded-host": "evil.example, a.example", "x-forwarded-for": "127.0.0.1, 192.0.2.1"}, "http://a.example"),
    ({"x-forwarded-host": "a.example, b.example", "x-forwarded-for": "192.0.2.1, 127.0.0.2"}, "http://a.example"),
    ({"x-forwarded-host": "a.example", "x-forwarded-for": "192.0.2.1, 127.0.0.2:99, [::1]:7"}, "http://a.example"),
    ({"x-forwarded-proto": "https, http", "x-forwarded-for": "192.0.2.1, 127.0.0.2"}, "https://inside:8080"),
    ({"x-forwarded-proto": "https, http", "x-forwarded-for": "unknown"}, "http://inside:8080"),
    # Traefik with stripPrefix
    ({"x-forwarded-for": "192.0.2.1", "x-forwarded-host": "a.example", "x-forwarded-port": "443",
      "x-forwarded-prefix": "/wandb", "x-forwarded-proto": "https", "x-forwarded-server": "box",
      "x-real-ip": "192.0.2.1"}, "https://a.example/wandb"),
])
def test_what_each_header_changes(client: OPEN, headers: dict[str, str], base: str) -> None:
    assert base_of(client(), headers) == base


@pytest.mark.parametrize(("peer", "header", "sender"), [
    ("192.0.2.9", None, "192.0.2.9"),
    ("192.0.2.9", "198.51.100.7", "192.0.2.9"),  # anybody can write it
    ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
    ("127.0.0.1", "203.0.113.1, 198.51.100.7:5000", "198.51.100.7"),
    ("127.0.0.1", "203.0.113.1, [2001:db8::1]:5000, ::1", "2001:db8::1"),
    ("127.0.0.1", "127.0.0.2", "127.0.0.2"),
    ("127.0.0.1", "", "127.0.0.1"),
    ("127.0.0.1", "x" * 1000, "x" * 64),
])
def test_the_sender_is_who_the_first_trusted_proxy_heard_from(peer: str, header: str | None, sender: str) -> None:
    headers = [] if header is None else [(b"x-forwarded-for", header.encode())]
    scope = {"type": "http", "scheme": "http", "path": "/", "raw_path": b"/", "headers": headers, "client": (peer, 1)}
    assert Forwarding(Settings()).read(scope).sender == sender


@pytest.mark.parametrize("headers", [
    {"x-forwarded-proto": "gopher"}, {"x-forwarded-prefix": "wandb"}, {"x-forwarded-prefix": "//evil.example"},
    {"x-forwarded-prefix": "/a b"}, {"x-forwarded-prefix": '/"><script>'},
])
def test_a_header_that_makes_no_sense_is_named(client: OPEN, headers: dict[str, str]) -> None:
    here = client()
    answer = here.post("/graphql", json={"query": "{ viewer { id } }"}, headers=headers)
    assert answer.status_code == 400
    (name, value), = headers.items()
    assert name in answer.text.lower()
    assert here.get("/healthz").status_code == 200
    assert client("10.0.0.1").get("/healthz", headers={name: value}).status_code == 200


@pytest.mark.parametrize("path", ["", "/ml", "/ml/wan%20db"])
@pytest.mark.parametrize("strips", [True, False])
def test_the_public_url_may_have_a_path(client: OPEN, path: str, strips: bool) -> None:
    """A proxy takes the path away, or passes it on: both are understood."""
    here = client("10.0.0.1", public_url=f"https://wandb.example.com{path}/")
    start = "" if strips else path
    base = base_of(here, ALL, f"{start}/graphql")
    assert base == f"https://wandb.example.com{path}"
    url: str = ask(here, UPLOAD, path=f"{start}/graphql")["createRunFiles"]["files"][0]["uploadUrl"]
    assert here.put(url.replace(base, start), content=b"bytes").status_code == 200
    node = ask(here, FILE, path=f"{start}/graphql")["project"]["run"]["files"]["edges"][0]["node"]
    for name in ("url", "directUrl"):
        assert here.get(node[name].replace(base, start)).content == b"bytes"


def test_a_prefix_that_was_taken_away_is_not_looked_for_again(client: OPEN) -> None:
    """The entity has the name of the prefix."""
    here = client(public_url="https://wandb.example.com/local")
    assert here.get("/local/p/runs/r", headers={"x-forwarded-prefix": "/local"}).status_code == 200
    assert here.get("/local/local/p/runs/r").status_code == 200


@pytest.mark.parametrize(("public", "path", "headers", "origin", "fine", "where"), [
    (None, "", {"host": "wandb.example"}, "http://wandb.example", True, ("/", False)),
    (None, "", {"host": "a.test", "x-forwarded-proto": "https"}, "https://a.test", True, ("/", True)),
    (None, "", {"host": "a.test", "x-forwarded-proto": "https"}, "http://a.test", False, None),
    (None, "", {"host": "a.test", "x-forwarded-prefix": "/ml"}, "http://a.test", True, ("/ml/", False)),
    # the public URL says what the proxy does not
    ("https://a.test/ml", "", {"host": "a.test"}, "https://a.test", True, ("/ml/", True)),
    ("https://a.test/ml", "/ml", {"host": "A.test"}, "https://a.test", True, ("/ml/", True)),
    ("https://a.test/ml", "/ml", {"host": "localhost:8080"}, "https://a.test", True, ("/ml/", False)),
    ("https://a.test/ml", "/ml", {"host": "localhost:8080"}, "http://localhost:8080", True, ("/ml/", False)),
    ("https://a.test", "", {"host": "a.test"}, "https://b.test", False, None),
    ("https://a.test", "", {"host": "a.test"}, "null", False, None),
])
def test_signing_in_behind_a_proxy(client: OPEN, public: str | None, path: str, headers: dict[str, str], origin: str,
                                   fine: bool, where: tuple[str, bool] | None) -> None:
    """Which forms are our own, and where their cookie is good."""
    here = client(public_url=public, allowed_hosts="wandb.example")
    del here.headers["authorization"]
    prefix = where[0] if where else "/"
    asked = here.get(f"{path}/local/p", headers={**headers, "accept": "text/html"}, follow_redirects=False)
    assert asked.headers["location"] == f"{prefix}login?next=/local/p" or not fine
    entered = here.post(f"{path}/login", data={"key": KEY, "next": "/local/p"}, headers={**headers, "origin": origin},
                        follow_redirects=False)
    assert entered.status_code == (303 if fine else 403)
    if where is not None:
        cookie = entered.headers["set-cookie"].lower()
        assert entered.headers["location"] == f"{prefix}local/p"
        assert (f"path={prefix};" in cookie, "secure" in cookie) == (True, where[1])


@pytest.mark.parametrize(("settings", "headers", "start"), [
    ({}, {}, ""),
    ({}, {"x-forwarded-prefix": "/ml"}, "/ml"),
    ({"public_url": "https://wandb.example.com/ml"}, {}, "/ml"),
])
def test_links_of_pages_have_the_prefix(client: OPEN, settings: dict[str, str], headers: dict[str, str],
                                        start: str) -> None:
    assert f'href="{start}/local/p/runs/r"' in client(**settings).get("/local/p", headers=headers).text


def test_paths_that_are_read_before_they_are_unescaped(client: OPEN) -> None:
    """The second layout of artifact paths: what is found behind a prefix is what is found without it."""
    here = client(public_url="https://wandb.example.com/m%20l")
    rest = f"/artifactsV2/default/local/p/set//{'0' * 32}/deep%2Fname.txt"
    texts = [here.get(start + rest).text for start in ("", "/m%20l", "/m%20l/x")]
    assert "name.txt" in texts[0]
    assert texts[1] == texts[0] != texts[2]


@pytest.mark.parametrize(("name", "value"), [
    ("trusted_proxies", "localhost"), ("trusted_proxies", "10.0.0.1/8"), ("public_url", "wandb.example.com"),
    ("public_url", "https://"), ("public_url", "https://a.example/?x=1"), ("public_url", "ftp://a.example"),
])
def test_settings_that_make_no_sense_are_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"DUMBBELL_{name.upper()}", value)
    with pytest.raises(ValidationError, match=name):
        Settings()
