"""Putting tables and copies into an artifact."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

import dumbbell


def logged_again(run: dumbbell.Run, draft: dumbbell.Artifact, name: str) -> Any:
    return run.log_artifact(draft)[name]


def test_a_table_is_written_and_read(run: dumbbell.Run) -> None:
    when = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    table = dumbbell.Table(columns=["name", "score", "good", "when"], data=[["a", 1, True, when]])
    table.add_data("b", 2.5, False, None)
    table.add_column("more", [[1], {"x": 2}])
    draft = dumbbell.Artifact("tables", "t")
    entry = draft.add(table, "preds")
    assert entry.path == "preds.table.json"
    draft["again"] = table
    found = logged_again(run, draft, "preds")
    assert found.columns == ["name", "score", "good", "when", "more"]
    assert found.data == [["a", 1, True, when, [1]], ["b", 2.5, False, None, {"x": 2}]]
    assert logged_again(run, dumbbell.Artifact("none", "t"), "preds") is None


def test_a_table_that_was_read_is_changed_and_written_again(run: dumbbell.Run) -> None:
    first = dumbbell.Artifact("tables", "t")
    first["t"] = dumbbell.Table(["a", "when"], [[1, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)]])
    table = logged_again(run, first, "t")
    table.add_row(2, None)
    later = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    table.add_column("later", [None, later])
    second = dumbbell.Artifact("tables", "t")
    second["t"] = table
    assert logged_again(run, second, "t").data == [[1, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None], [2, None, later]]


def test_rows_and_columns_that_do_not_fit_are_refused() -> None:
    table = dumbbell.Table(["a", "b"], [[1, 2]])
    with pytest.raises(ValueError, match="has 1 cells, and the table 2 columns"):
        table.add_data(1)
    with pytest.raises(ValueError, match="a column 'a' already"):
        table.add_column("a", [1])
    with pytest.raises(ValueError, match="has 2 cells, and the table 1 rows"):
        table.add_column("c", [1, 2])
    assert table.data == [[1, 2]]
    assert dumbbell.Table().columns == ["Input", "Output", "Expected"]
    with pytest.raises(ValueError, match="there is 'numpy'"):
        table.get_column("a", convert_to="arrow")  # type: ignore[arg-type]


def test_what_is_no_object_of_an_artifact_is_refused() -> None:
    with pytest.raises(TypeError, match=r"takes a dumbbell\.Table or an object of wandb, not dict"):
        dumbbell.Artifact("a", "t").add({"x": 1}, "x")
    with pytest.raises(TypeError, match=r"table t\['data'\]\[0\]\[0\] is of type object"):
        dumbbell.Artifact("a", "t").add(dumbbell.Table(["a"], [[object()]]), "t")


def test_a_mutable_file_is_logged_as_it_was(run: dumbbell.Run, tmp_path: Path) -> None:
    place = tmp_path / "model"
    (tmp_path / "folder").mkdir()
    for path in (place, tmp_path / "folder" / "f"):
        path.write_text("first")
    draft = dumbbell.Artifact("models", "t")
    draft.add_file(str(place), policy="mutable")
    draft.add_dir(str(tmp_path / "folder"), "d", policy="mutable")
    for path in (place, tmp_path / "folder" / "f"):
        path.write_text("changed since")
    run.log_artifact(draft).download(str(tmp_path / "down"))
    assert (tmp_path / "down" / "model").read_text() == "first"
    assert (tmp_path / "down" / "d" / "f").read_text() == "first"
    with pytest.raises(ValueError, match="there are 'mutable' and 'immutable'"):
        dumbbell.Artifact("models", "t").add_file(str(place), policy="frozen")  # type: ignore[arg-type]


def test_merging_replaces(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "f").write_text("1")
    draft = dumbbell.Artifact("models", "t")
    draft.add_dir(str(folder))
    (folder / "f").write_text("22")
    with pytest.raises(ValueError, match="with other content"):
        draft.add_dir(str(folder))
    draft.add_dir(str(folder), merge=True)
    entry = draft.manifest.entries["f"]
    assert entry.size == 2
    draft.remove(entry)
    assert not draft.manifest.entries


def test_lists_begin_where_they_are_told_to(api: dumbbell.Api, run: dumbbell.Run, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "own" / name).write_text(name)
        draft = dumbbell.Artifact(name, f"type-{name}")
        draft.add_dir(str(tmp_path / "own"))
        run.log_artifact(draft)
    types = api.artifact_types("local/p")
    first = dumbbell.ArtifactTypes(api.client, "local", "p", per_page=1)
    names = [kind.name for kind in types]
    assert next(first).name == names[0]
    assert [kind.name for kind in api.artifact_types("local/p", start=first.cursor)] == names[1:]
    files = api.artifact("local/p/c:v0").files(per_page=1)
    assert next(files).name == "a"
    assert [file.name for file in api.artifact("local/p/c:v0").files(start=files.cursor)] == ["b", "c"]
