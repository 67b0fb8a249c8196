"""In one process with `wandb`: its errors, its drafts, and what moved scripts write."""

from __future__ import annotations

import enum
import pickle
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dumbbell
from dumbbell import _settings, errors
from support.world import KEY, World


class _TheirError(Exception):
    pass


class _TheirCommError(_TheirError):
    def __init__(self, msg: str, exc: Exception | None = None) -> None:
        super().__init__(msg)
        self.message, self.exc = msg, exc


class _TheirUsageError(_TheirError):
    pass


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Classes as wandb 0.31.0 has them (wandb/errors/errors.py); tests/sdk/test_together.py takes the real ones."""
    module = types.SimpleNamespace(Error=_TheirError, CommError=_TheirCommError, UsageError=_TheirUsageError)
    monkeypatch.setitem(sys.modules, "wandb.errors", module)  # type: ignore[arg-type]  # what is looked up there
    return module


def test_errors_are_caught_by_those_of_wandb(theirs: Any) -> None:
    cases = {errors.CommError: theirs.CommError, errors.NotFoundError: theirs.CommError,
             errors.MissingEntryError: theirs.CommError, errors.AuthenticationError: theirs.CommError,
             errors.UsageError: theirs.UsageError}
    for ours, other in cases.items():
        made = ours("why")
        assert isinstance(made, other)
        assert isinstance(made, ours)
        assert isinstance(made, theirs.Error)
        assert type(made).__name__ == ours.__name__
        assert str(made) == "why"
        assert type(pickle.loads(pickle.dumps(made))).__name__ == ours.__name__
    cause = KeyError("x")
    assert errors.CommError("why", cause).exc is cause
    assert isinstance(errors.MissingEntryError("why"), KeyError)


def test_without_wandb_they_are_what_they_were() -> None:
    assert type(errors.CommError("why")) is errors.CommError


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(("where", "said"), [
    ("summary", r"summary\['best'\]\['model'\] is of type object, which JSON cannot say"),
    ("config", r"config\['net'\].* is of type object"), ("filters", r"filters\['config.x'\]\['\$in'\]\[1\] is of type"),
    ("metadata", r"metadata\['model'\] is of type object")])
def test_what_json_cannot_say_is_named_by_its_key(world: World, api: dumbbell.Api, where: str, said: str) -> None:
    world.upsert("r", config='{"lr": {"value": 1}}', summaryMetrics='{"loss": 1}')
    run = api.run("local/p/r")
    run.config["net"] = object()
    calls: dict[str, Callable[[], Any]] = {
        "summary": lambda: run.summary.update({"best": {"model": object()}}), "config": run.update,
        "metadata": lambda: run.log_artifact(dumbbell.Artifact("a", "t", metadata={"model": object()})),
        "filters": lambda: api.runs("local/p", {"config.x": {"$in": [1, object()]}})}
    with pytest.raises(TypeError, match=said) as caught:
        calls[where]()
    assert isinstance(caught.value, dumbbell.CommError)
    api.flush()
    again = api.run("local/p/r")
    assert (again.config, again.summary._json_dict) == ({"lr": 1}, {"loss": 1})


def test_values_that_have_a_plain_form_are_written_in_it(world: World, api: dumbbell.Api) -> None:
    world.upsert("r")
    api.run("local/p/r").summary.update({"path": Path("a/b"), "colour": Colour.RED, "set": {1}})
    api.flush()
    assert api.run("local/p/r").summary._json_dict == {"path": "a/b", "colour": "red", "set": [1]}


def test_classes_are_found_where_wandb_has_them() -> None:
    assert dumbbell.apis.public.Run is dumbbell.Run
    assert set(dumbbell.apis.public.__all__) == set(dumbbell.__all__)


def test_the_order_of_runs_can_be_that_of_wandb(world: World, new_api: Any, monkeypatch: pytest.MonkeyPatch,
                                                wire: Any) -> None:
    for name in ("a", "b"):
        world.upsert(name)

    def names(api: dumbbell.Api, **more: Any) -> list[str]:
        return [run.id for run in api.runs("local/p", **more)]
    made = {"base_url": "http://testserver"}
    api = dumbbell.Api(made, api_key=KEY, transport=wire, order="+created_at")
    assert names(new_api()) == ["b", "a"]
    assert names(api) == ["a", "b"]
    assert names(api, order="-created_at") == ["b", "a"]
    monkeypatch.setenv("DUMBBELL_ORDER", "+created_at")
    assert names(new_api()) == ["a", "b"]


@pytest.fixture
def _chosen() -> Iterator[None]:
    yield
    _settings._chosen.clear()


@pytest.mark.usefixtures("_chosen")
def test_login_chooses_for_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "e" * 40)
    assert dumbbell.login("k" * 40, host="http://one:81", verify=False)
    api = dumbbell.Api()
    assert (api.settings["base_url"], api.api_key) == ("http://one:81", "k" * 40)
    assert dumbbell.Api({"base_url": "http://two"}).api_key == "e" * 40
    assert "machine one:81" in (tmp_path / "home" / ".netrc").read_text()
    with pytest.raises(dumbbell.UsageError, match="too short"):
        dumbbell.login("short", verify=False)


@pytest.mark.usefixtures("_chosen")
def test_login_without_a_key_takes_what_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not dumbbell.login(host="http://one", verify=False, prompt=False)
    monkeypatch.setenv("WANDB_API_KEY", "e" * 40)
    assert dumbbell.login(host="http://one", verify=False)
    assert not (tmp_path / "home" / ".netrc").exists()
