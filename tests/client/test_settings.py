"""Where the client asks, and as whom."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

import dumbbell


def test_the_default_is_the_public_server() -> None:
    assert dumbbell.Api().settings == {"base_url": "https://api.wandb.ai", "entity": None, "project": None,
                                       "run": None, "organization": None}


def test_each_source_beats_the_weaker_ones(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "home" / "config"
    config.mkdir()
    (config / "settings").write_text("[default]\nbase_url = http://file:1\nentity = file-entity\nproject = file\n")
    assert dumbbell.Api().settings["base_url"] == "http://file:1"
    monkeypatch.setenv("WANDB_BASE_URL", "http://env:1/")
    monkeypatch.setenv("WANDB_ENTITY", "env-entity")
    api = dumbbell.Api({"entity": "said"})
    assert (api.settings["base_url"], api.settings["entity"], api.settings["project"]) == (
        "http://env:1", "said", "file")


def test_the_key_comes_from_the_caller_the_environment_or_netrc(monkeypatch: pytest.MonkeyPatch,
                                                                tmp_path: Path) -> None:
    (tmp_path / "home" / ".netrc").write_text(f"machine one\n login user\n password {'n' * 40}\n"
                                              f"machine localhost:8080\n login user\n password {'p' * 40}\n")
    assert dumbbell.Api({"base_url": "http://one"}).api_key == "n" * 40
    assert dumbbell.Api({"base_url": "http://localhost:8080"}).api_key == "p" * 40
    with pytest.raises(dumbbell.UsageError, match="WANDB_API_KEY"):
        _ = dumbbell.Api({"base_url": "http://two"}).api_key
    monkeypatch.setenv("WANDB_API_KEY", f" {'e' * 40}\n")
    assert dumbbell.Api({"base_url": "http://one"}).api_key == "e" * 40
    assert dumbbell.Api({"base_url": "http://one"}, api_key=f"{'s' * 40} ").api_key == "s" * 40


@pytest.mark.parametrize(("key", "why"), [
    ("", "is empty"), (" ", "is empty"), ("a" * 39, "39 characters"), ("local-" + "a" * 39, "after the first -"),
    ("a" * 30 + " " + "a" * 30, "characters that no key has"), ("ä" * 40, "characters that no key has"),
    (7, "is of type int")])
def test_what_cannot_be_a_key_is_refused_without_being_shown(key: Any, why: str) -> None:
    with pytest.raises(dumbbell.UsageError, match=why) as caught:
        dumbbell.Api({"base_url": "http://one"}, api_key=key)
    assert not str(key).strip() or str(key) not in str(caught.value)


@pytest.mark.parametrize("key", ["k" * 40, "local-" + "k" * 40, "wandb_v1_" + "k" * 77, "head.load-x.sign_ature"])
def test_keys_of_every_kind_are_taken(key: str) -> None:
    assert dumbbell.Api({"base_url": "http://one"}, api_key=key).api_key == key


def test_a_token_file_is_refused_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_IDENTITY_TOKEN_FILE", "/token")
    with pytest.raises(dumbbell.UsageError, match="WANDB_IDENTITY_TOKEN_FILE is set"):
        _ = dumbbell.Api().api_key


def test_a_url_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match="holds a name or a password") as caught:
        dumbbell.Api({"base_url": "http://me:hush@one"})
    assert "hush" not in str(caught.value)


def asked(api: dumbbell.Api) -> httpx2.Request:
    """The request that the client would have sent, headers and all."""
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={"data": {}})
    api.client.transport._inner = httpx2.MockTransport(answer)
    api.client.execute("{ x }")
    return seen[0]


@pytest.mark.parametrize("name", ["WANDB_X_EXTRA_HTTP_HEADERS", "WANDB__EXTRA_HTTP_HEADERS"])
def test_headers_of_the_settings_go_to_the_server_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, '{"x-gate": "open"}')
    api = dumbbell.Api({"base_url": "http://one"}, api_key="k" * 40)
    assert asked(api).headers["x-gate"] == "open"
    assert api.client.transport._headers_for("http://one/storage/f")["x-gate"] == "open"
    assert api.client.transport._headers_for("http://bucket/f") == {}
    monkeypatch.setenv(name, '["x-gate"]')
    with pytest.raises(ValueError, match="HEADERS is not a JSON object"):
        dumbbell.Api()


def test_a_proxy_of_the_settings_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def first_line(api: dumbbell.Api) -> bytes:
            with ThreadPoolExecutor(1) as pool:
                asking = pool.submit(lambda: api.viewer.username)
                connection, _ = listener.accept()
                with connection:
                    line = connection.recv(65536).partition(b"\r\n")[0]
                    body = b'{"data": {"viewer": {"username": "me"}}}'
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
                                       % (len(body), body))
                assert asking.result() == "me"
            return line
        plain = b"POST http://far.example/graphql HTTP/1.1"
        overrides = {"base_url": "http://far.example"}
        api = dumbbell.Api({**overrides, "_proxies": {"http": address}}, api_key="k" * 40)
        assert first_line(api) == plain
        assert "_proxies" not in api.settings
        for name, value in (("WANDB_HTTP_PROXY", address), ("WANDB__PROXIES", f'{{"http": "{address}"}}')):
            with monkeypatch.context() as patch:
                patch.setenv(name, value)
                assert first_line(dumbbell.Api(overrides, api_key="k" * 40)) == plain


def test_username_is_an_old_name_of_entity() -> None:
    with pytest.warns(DeprecationWarning, match="entity"):
        assert dumbbell.Api({"username": "robin"}).settings["entity"] == "robin"


def test_defaults_are_not_shared_between_apis() -> None:
    dumbbell.Api().settings["entity"] = "mine"
    assert dumbbell.Api().settings["entity"] is None


@pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://x", "http://"])
def test_what_is_not_a_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is not a URL"):
        dumbbell.Api({"base_url": url})


def test_the_timeout_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dumbbell.Api().client.transport.timeout == 9
    assert dumbbell.Api(timeout=3).client.transport.timeout == 3
    monkeypatch.setenv("WANDB_HTTP_TIMEOUT", "21")
    assert dumbbell.Api().client.transport.timeout == 21
    monkeypatch.setenv("WANDB_HTTP_TIMEOUT", "soon")
    with pytest.raises(ValueError, match="WANDB_HTTP_TIMEOUT"):
        dumbbell.Api()


@pytest.mark.parametrize(("base", "page"), [
    ("https://api.wandb.ai", "https://wandb.ai"), ("https://api.example.org", "https://app.example.org"),
    ("http://localhost:8080/", "http://localhost:8080")])
def test_pages_are_where_people_look(base: str, page: str) -> None:
    assert dumbbell.Api({"base_url": base}).client.app_url == page
