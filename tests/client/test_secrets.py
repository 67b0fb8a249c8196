"""Keys are in no pickle, no log line, no error and no repr."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

import dumbbell
from dumbbell import errors
from support.faulty_transport import RecordingTransport, answering, failing
from support.world import KEY, World

Make = Callable[[dumbbell.Api], Any]
OBJECTS: dict[str, Make] = {
    "api": lambda api: api, "viewer": lambda api: api.viewer, "project": lambda api: api.project("p", "local"),
    "projects": lambda api: api.projects("local"), "run": lambda api: api.run("local/p/r"),
    "runs": lambda api: api.runs("local/p"), "summary": lambda api: api.run("local/p/r").summary,
    "file": lambda api: next(iter(api.run("local/p/r").files()), api.run("local/p/r").files()),
    "history": lambda api: api.run("local/p/r").scan_history(), "artifact": lambda api: api.artifact("local/p/a:v0"),
    "entry": lambda api: api.artifact("local/p/a:v0").get_entry("f"), "team": lambda api: api.team("crew"),
    "member": lambda api: next(each for each in api.team("crew").members if each.username != "local"),
    "reports": lambda api: api.reports("local/p"),
}


@pytest.fixture
def full(world: World, api: dumbbell.Api, tmp_path: Any) -> dumbbell.Api:
    world.upsert("r", config='{"lr": {"value": 1}}')
    (tmp_path / "f").write_bytes(b"x")
    artifact = dumbbell.Artifact("a", "t")
    artifact.add_file(str(tmp_path / "f"), "f")
    api.run("local/p/r").log_artifact(artifact)
    api.create_team("crew").create_service_account("robot")
    api.flush()
    return api


def hideable(api: dumbbell.Api) -> Any:
    """The transport of this test cannot be pickled itself: what is asked after loading does without."""
    api.client.transport._inner = None
    return api


@pytest.mark.parametrize("name", OBJECTS)
def test_nothing_shows_its_key(full: dumbbell.Api, name: str) -> None:
    keys = [KEY, *(member.api_key for member in full.team("crew").members if member._attrs.get("apiKey"))]
    assert len(keys) > 1
    made = OBJECTS[name](full)
    shown = repr(made) + str(made) + (made._repr_html_() if hasattr(made, "_repr_html_") else "")
    hideable(full)
    pickled = pickle.dumps(made)
    for key in keys:
        assert key not in shown
        assert key.encode() not in pickled
    again = pickle.loads(pickled)
    assert type(again) is type(made)


def test_a_key_of_the_environment_is_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "e" * 40)
    api = dumbbell.Api({"base_url": "http://one"})
    assert api.api_key == "e" * 40
    pickled = pickle.dumps(api)
    monkeypatch.setenv("WANDB_API_KEY", "f" * 40)
    assert pickle.loads(pickled).api_key == "f" * 40


def test_a_key_that_was_passed_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not taken from the environment: that may be somebody else's."""
    monkeypatch.setenv("WANDB_API_KEY", "e" * 40)
    api = pickle.loads(pickle.dumps(dumbbell.Api({"base_url": "http://one"}, api_key="p" * 40)))
    for again in (api, pickle.loads(pickle.dumps(api))):
        with pytest.raises(dumbbell.UsageError, match=r"passed to Api is not in the pickle.*client.transport.key = "):
            again.run("a/b/c")
        again.client.transport.key = "p" * 40
        assert again.api_key == "p" * 40
        with pytest.raises(dumbbell.UsageError, match="too short"):
            again.client.transport.key = "p"


def test_settings_of_the_network_stay_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_X_EXTRA_HTTP_HEADERS", '{"x-gate": "hush-hush"}')
    monkeypatch.setenv("WANDB_HTTP_PROXY", "http://me:hush-hush@proxy:1")
    api = dumbbell.Api({"base_url": "http://one", "_proxies": {"https": "http://me:hush-hush@proxy:2"}})
    assert b"hush-hush" not in pickle.dumps(api)
    assert "hush-hush" not in repr(api.client.transport._network)
    assert pickle.loads(pickle.dumps(api)).client.transport._network.headers == {"x-gate": "hush-hush"}


@pytest.mark.parametrize("fault", [
    failing(httpx2.ConnectError), failing(httpx2.ReadTimeout), answering(401, ""), answering(500, "<html>"),
    answering(400, {"errors": [{"message": "no"}]}), answering(200, b"{"), answering(200, b"[]")])
def test_no_error_and_no_line_of_a_log_shows_it(full: dumbbell.Api, wire: RecordingTransport, fault: Any,
                                                caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wire.faults += [fault] * 4
    with pytest.raises(errors.CommError) as caught:
        full.client.execute("{ viewer { id } }")
    shown = caplog.text + str(caught.value) + repr(caught.value) + repr(caught.value.exc)
    assert KEY not in shown
    basic = wire.requests[0].headers["authorization"].split()[1] if "authorization" in wire.requests[0].headers else ""
    assert not basic or basic not in shown
    assert KEY.encode() not in pickle.dumps(caught.value)
    assert not basic or basic.encode() not in pickle.dumps(caught.value)
