"""Every form of a path, and what it stands for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dumbbell
from dumbbell import _paths, errors
from support.faulty_transport import RecordingTransport
from support.world import World


def _entity() -> str:
    return "me"


RUN_PATHS = [
    ("e/p/r", "e/p/r"), ("/e/p/r", "e/p/r"), ("e/p/r/", "e/p/r"), (" e / p / r ", "e/p/r"),
    ("e/p/runs/r", "e/p/r"), ("e/p/sweeps/s", "e/p/s"), ("e/p:r", "e/p/r"), ("p/r", "me/p/r"), ("p:r", "me/p/r"),
    ("r", "me/default/r"), ("", "me/default/chosen"), (None, "me/default/chosen"), ("e/my%20p/r", "e/my p/r"),
    ("e/p/a:b", "e/p/a:b"),
]


@pytest.mark.parametrize(("path", "wanted"), RUN_PATHS)
def test_a_run_path(path: str | None, wanted: str) -> None:
    found = _paths.run_path(path, {"project": "default", "run": "chosen"}, _entity)
    assert "/".join(found) == wanted


@pytest.mark.parametrize(("path", "settings", "what"), [
    ("a/b/c/d", {}, "too many parts"), ("a/b/c/d/e", {}, "too many parts"), ("r", {}, "no project"),
    ("", {"project": "p"}, "no run"), ("", {}, "no run")])
def test_a_run_path_that_names_none(path: str, settings: dict[str, Any], what: str) -> None:
    with pytest.raises(dumbbell.InvalidValueError, match=what):
        _paths.run_path(path, settings, _entity)


def test_a_path_without_an_entity_says_so() -> None:
    with pytest.raises(ValueError, match="names no entity"):
        _paths.run_path("p/r", {}, lambda: None)


@pytest.mark.parametrize(("path", "wanted"), [
    (None, ("me", "default")), ("", ("me", "default")), ("p", ("me", "p")), ("e/p", ("e", "p")), ("/e/p/", ("e", "p"))])
def test_a_project_path(path: str | None, wanted: tuple[str, str]) -> None:
    assert _paths.project_path(path, {"project": "default"}, _entity) == wanted


def test_a_project_path_that_names_none() -> None:
    with pytest.raises(ValueError, match="no project"):
        _paths.project_path("", {}, _entity)
    with pytest.raises(ValueError, match="too many"):
        _paths.project_path("a/b/c", {}, _entity)
    assert _paths.project_path("", {}, _entity, fallback=True) == ("me", "uncategorized")


@pytest.mark.parametrize(("path", "wanted"), [
    ("n:v1", ("me", "default", "n:v1")), ("p/n:v1", ("me", "p", "n:v1")), ("e/p/n:v1", ("e", "p", "n:v1"))])
def test_an_artifact_path(path: str, wanted: tuple[str, str, str]) -> None:
    assert _paths.artifact_path(path, {"project": "default"}, _entity) == wanted


@pytest.mark.parametrize("path", [None, "", "a/b/c/n:v1"])
def test_an_artifact_path_that_names_none(path: str | None) -> None:
    with pytest.raises(dumbbell.InvalidValueError):
        _paths.artifact_path(path, {}, _entity)


def test_a_full_path_asks_for_no_viewer(world: World, api: dumbbell.Api, wire: RecordingTransport) -> None:
    world.upsert("r")
    assert api.run("local/p/r").id == "r"
    assert len(api.runs("local/p")) == 1
    assert wire.operations == ["Run", "Runs"]


def test_entity_and_project_are_not_taken_for_project_and_run(new_api: Callable[..., dumbbell.Api],
                                                              wire: RecordingTransport,
                                                              world: World) -> None:
    world.upsert("r")
    runs = new_api(entity="somebody").runs("local/p")
    assert (runs.entity, runs.project, len(runs)) == ("local", "p", 1)
    assert wire.bodies[0]["variables"]["entity"] == "local"


def test_a_lone_id_is_looked_for_in_the_default_project(new_api: Callable[..., dumbbell.Api], world: World) -> None:
    world.upsert("r")
    assert new_api(entity="local", project="p").run("r").path == ["local", "p", "r"]
    assert new_api(entity="local", project="p", run="r").run().path == ["local", "p", "r"]


def test_a_blank_in_a_path_is_read_as_it_was_written_then_and_now(world: World, api: dumbbell.Api) -> None:
    world.upsert("r", modelName="my p")
    world.upsert("r", modelName="c++")
    assert api.run("local/my p/r").path == ["local", "my%20p", "r"]
    assert api.run("local/my%20p/r").project == "my p"
    assert api.run("local/my+p/r").project == "my p"
    assert api.run("local/c++/r").project == "c++"
    assert api.run("/".join(api.run("local/c++/r").path)).project == "c++"


def test_from_path_gives_what_the_path_names(world: World, api: dumbbell.Api) -> None:
    world.upsert("r")
    assert api.from_path("p").path == ["local", "p"]
    assert api.from_path("local/p").path == ["local", "p"]
    assert api.from_path("local/p/r").id == "r"
    assert api.from_path("local/p/runs/r").id == "r"
    with pytest.raises(ValueError, match="is no path"):
        api.from_path("a/b/c/d/e")


PAGES = [("https://h.test/x/e/p", "e/p"), ("https://h.test/x/e/p/workspace?nw=1#a", "e/p"),
         ("https://H.test/x/e/p/runs/r/overview", "e/p/runs/r"), ("https://app.h.test/x/e/p/sweeps/s", "e/p/sweeps/s"),
         ("https://h.test/x/e/p/reports/A--b", "e/p/reports/A--b"), ("https://h.test/x/e/p/sweeps", "e/p"),
         ("https://h.test/x/e/p%20q/artifacts/t/c/v3/files", "e/p q/c:v3"), ("https://h.test/x/e/p/artifacts", "e/p"),
         ("e/p/runs/r", "e/p/runs/r"), (None, None), ("", "")]


@pytest.mark.parametrize(("page", "path"), PAGES)
def test_the_address_of_a_page_is_a_path(page: str | None, path: str | None) -> None:
    assert _paths.plain(page, {"base_url": "https://api.h.test/x"}) == path


@pytest.mark.parametrize("page", ["https://other.test/x/e/p", "https://h.test/y/e/p", "https://h.test/xe/p"])
def test_a_page_of_another_server_is_refused(page: str) -> None:
    with pytest.raises(errors.InvalidValueError, match=r"no page of https://h\.test/x"):
        _paths.plain(page, {"base_url": "https://h.test/x"})


def test_what_gives_its_address_is_found_by_it(world: World, api: dumbbell.Api, tmp_path: Path) -> None:
    world.upsert("r", modelName="my p")
    run = api.run("local/my p/r")
    (tmp_path / "f").write_text("x")
    draft = dumbbell.Artifact("data set", "t")
    draft.add_file(str(tmp_path / "f"))
    logged = run.log_artifact(draft)
    assert api.run(run.url).path == api.from_path(run.url).path == run.path
    assert api.from_path(api.project("my p").url).path == ["local", "my p"]
    assert [found.id for found in api.runs(api.project("my p").url)] == ["r"]
    assert api.artifact(logged.url).id == logged.id
