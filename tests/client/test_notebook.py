"""What a notebook shows, and what is said of arguments that cannot be."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import dumbbell
from dumbbell import _html
from support.faulty_transport import RecordingTransport
from support.world import KEY, World


@pytest.fixture
def run(world: World, api: dumbbell.Api) -> dumbbell.Run:
    world.upsert("r", displayName="<b>", config='{"lr": {"value": 0.1}}')
    return api.run("local/p/r")


def test_an_api_says_where_it_goes_and_not_its_key(api: dumbbell.Api, wire: RecordingTransport) -> None:
    assert repr(api) == "<Api http://testserver>"
    assert repr(api.client) == "<Client http://testserver>"
    assert KEY not in repr(vars(api))
    assert wire.requests == []


def test_names_are_shown_as_text(run: dumbbell.Run) -> None:
    assert "&lt;b&gt;" in run._repr_html_()
    assert "<b><b>" not in run._repr_html_()


def test_a_long_list_shows_its_beginning_and_its_length(world: World, api: dumbbell.Api) -> None:
    for number in range(22):
        world.upsert(f"r{number}")
    runs = api.runs("local/p", per_page=25)
    assert runs._repr_html_().count("<tr>") == 21
    assert "20 of 22" in runs._repr_html_()
    assert "20 of" not in api.runs("local/p", {"name": "r1"})._repr_html_()


def test_an_empty_list_says_so(run: dumbbell.Run, api: dumbbell.Api) -> None:
    assert run.files()._repr_html_() == "<i>nothing</i>"
    assert api.runs("local/p", {"state": "killed"})._repr_html_() == "<i>nothing</i>"
    assert _html.table([]) == "<i>nothing</i>"


def test_files_entries_and_collections_are_shown(run: dumbbell.Run, tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_text("hello")
    file = run.upload_file(str(tmp_path / "f.txt"), str(tmp_path))
    assert "text/plain" in file._repr_html_()
    draft = dumbbell.Artifact("data", "dataset")
    draft.add_file(str(tmp_path / "f.txt"))
    draft.add_reference("s3://bucket/key", checksum=False)
    logged = run.log_artifact(draft)
    assert repr(logged.get_path("f.txt")) == "<ArtifactEntry f.txt (5 B)>"
    assert repr(logged.get_path("key")) == "<ArtifactEntry key (s3://bucket/key)>"
    assert "dataset" in logged.collection._repr_html_()


def test_a_page_is_displayed_in_a_notebook_only(run: dumbbell.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not run.display()
    shown: list[Any] = []
    notebook: Any = ModuleType("IPython")
    notebook.get_ipython = object
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setattr(importlib, "import_module", lambda _: SimpleNamespace(HTML=str, display=shown.append))
    assert run.display(height=99)
    assert "height:99px" in shown[0]
    notebook.get_ipython = lambda: None
    assert not run.display()


def test_arguments_that_cannot_be_are_told_at_once(run: dumbbell.Run, api: dumbbell.Api,
                                                   wire: RecordingTransport) -> None:
    wire.clear()
    wrong: list[tuple[Callable[[], Any], str]] = [
        (lambda: dumbbell.Api("local"), "overrides is 'local'; it is a dict"),  # type: ignore[arg-type]
        (lambda: api.runs("local/p", "finished"), "filters is 'finished'; it is a dict"),  # type: ignore[arg-type]
        (lambda: api.runs("local/p", order=3), "order is 3; it is a text"),  # type: ignore[arg-type]
        (lambda: api.runs("local/p", per_page="9"), "per_page is '9'; it is a number"),  # type: ignore[arg-type]
        (lambda: api.run(3), "the path is 3; it is a text"),  # type: ignore[arg-type]
        (lambda: run.log_artifact("data.csv"), "takes an Artifact, not 'data.csv'"),  # type: ignore[arg-type]
        (lambda: run.use_artifact("data:v0"), "takes an artifact, as api.artifact")]  # type: ignore[arg-type]
    for call, said in wrong:
        with pytest.raises(ValueError, match=said):
            call()
    assert wire.requests == []


def test_one_name_of_a_file_is_a_name(run: dumbbell.Run, tmp_path: Path) -> None:
    for name in ("ab", "a"):
        (tmp_path / name).write_text(name)
        run.upload_file(str(tmp_path / name), str(tmp_path))
    assert [file.name for file in run.files("ab")] == ["ab"]
    assert len(run.files("")) == 2


def test_lazy_runs_are_made_whole(world: World, api: dumbbell.Api, wire: RecordingTransport) -> None:
    for number in range(4):
        world.upsert(f"r{number}", config=json.dumps({"lr": {"value": number}}))
    runs = api.runs("local/p", order="+name", per_page=2, lazy=True)
    assert "config" not in runs[0]._attrs
    runs.upgrade_to_full()
    wire.clear()
    assert [run.config["lr"] for run in runs] == [0, 1, 2, 3]
    assert len(wire.requests) == 1  # the second page; it comes whole


def test_an_artifact_knows_its_collections_and_its_source(run: dumbbell.Run, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    draft = dumbbell.Artifact("data", "dataset")
    draft.add_file(str(tmp_path / "f"))
    assert draft.is_draft()
    draft.finalize()
    with pytest.raises(ValueError, match="finalized"):
        draft.add_file(str(tmp_path / "f"), "g")
    logged = run.log_artifact(draft)
    assert not logged.is_draft()
    link = logged.link("local/p/linked")
    assert (link.collection.name, link.source_collection.name) == ("linked", "data")
    assert link.source_artifact.qualified_name == link.source_qualified_name == "local/p/data:v0"
    assert logged.source_artifact is logged
    collection = logged.collection
    collection.description, collection.name = "unsaved", "other"
    collection.load()
    assert (collection.description, collection.name) == (None, "data")
