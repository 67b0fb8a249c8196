"""Where the client asks, and as whom."""

from __future__ import annotations

from pathlib import Path

import pytest

import dumbbell


def test_the_default_is_the_public_server() -> None:
    assert dumbbell.Api().settings == {"base_url": "https://api.wandb.ai", "entity": None, "project": None,
                                       "run": None}


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
    (tmp_path / "home" / ".netrc").write_text("machine one\n login user\n password from-netrc\n"
                                              "machine localhost:8080\n login user\n password from-port\n")
    assert dumbbell.Api({"base_url": "http://one"}).api_key == "from-netrc"
    assert dumbbell.Api({"base_url": "http://localhost:8080"}).api_key == "from-port"
    with pytest.raises(dumbbell.UsageError, match="WANDB_API_KEY"):
        _ = dumbbell.Api({"base_url": "http://two"}).api_key
    monkeypatch.setenv("WANDB_API_KEY", "from-env")
    assert dumbbell.Api({"base_url": "http://one"}).api_key == "from-env"
    assert dumbbell.Api({"base_url": "http://one"}, api_key="said").api_key == "said"


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
