"""Artifacts: made and logged."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import dumbbell
from dumbbell import errors
from support.faulty_transport import RecordingTransport
from support.made_files import BIG, md5
from support.world import World


class TestMaking:
    def test_a_draft_knows_its_content(self, folder: Path) -> None:
        draft = dumbbell.Artifact("data", "dataset")
        draft.add_dir(str(folder), "in")
        entry = draft.add_file(str(folder / "a.txt"), "other.txt")
        assert (entry.path, entry.digest, entry.size) == ("other.txt", md5(b"hello"), 5)
        assert sorted(draft.manifest.entries) == ["in/a.txt", "in/deep/b #%1.bin", "in/deep/er/empty", "other.txt"]
        assert (draft.file_count, draft.size, draft.state, draft.name) == (4, len(BIG) + 10, "PENDING", "data")
        lines = "".join(f"{path}:{draft.manifest.entries[path].digest}\n" for path in sorted(draft.manifest.entries))
        assert draft.digest == hashlib.md5(f"wandb-artifact-manifest-v1\n{lines}".encode()).hexdigest()

    def test_names_clash_only_over_other_content(self, folder: Path) -> None:
        draft = dumbbell.Artifact("data", "dataset")
        draft.add_file(str(folder / "a.txt"), "x")
        draft.add_file(str(folder / "a.txt"), "x")
        with pytest.raises(ValueError, match="overwrite=True"):
            draft.add_file(str(folder / "deep" / "b #%1.bin"), "x")
        draft.add_file(str(folder / "deep" / "b #%1.bin"), "x", overwrite=True)
        assert draft.size == len(BIG)
        draft.remove("x")
        with pytest.raises(KeyError, match="has no 'x'"):
            draft.remove("x")

    def test_new_file_and_temporary_names(self, folder: Path) -> None:
        draft = dumbbell.Artifact("data", "dataset")
        with draft.new_file("notes/today.txt") as file:
            file.write("hello")  # type: ignore[call-overload]
        assert draft.manifest.entries["notes/today.txt"].digest == md5(b"hello")
        path = draft.add_file(str(folder / "a.txt"), is_tmp=True).path
        assert path == f"{hashlib.md5(b'hello').hexdigest()[:20]}.a.txt"

    @pytest.mark.parametrize("name", ["", "a/b", "a:b", "x" * 129])
    def test_a_name_that_is_none(self, name: str) -> None:
        with pytest.raises(ValueError, match="is no name"):
            dumbbell.Artifact(name, "t")

    @pytest.mark.parametrize("name", ["../x", "/x", "a//b", "a/./b"])
    def test_a_path_that_is_none(self, folder: Path, name: str) -> None:
        with pytest.raises(ValueError, match="is no path within"):
            dumbbell.Artifact("data", "t").add_file(str(folder / "a.txt"), name)

    def test_what_is_not_there_is_not_added(self, folder: Path) -> None:
        draft = dumbbell.Artifact("data", "t")
        for add, what in ((draft.add_file, "is not a file"), (draft.add_dir, "is not a folder"),
                          (draft.add_reference, "is not a URI")):
            with pytest.raises(ValueError, match=what):
                add(str(folder / "none"))  # type: ignore[operator]

    def test_an_unlogged_artifact_says_so(self, run: dumbbell.Run) -> None:
        draft = dumbbell.Artifact("data", "t")
        for call in (draft.save, draft.delete, draft.used_by, lambda: draft.url, lambda: run.use_artifact(draft)):
            with pytest.raises(dumbbell.InvalidValueError, match="not logged yet"):
                call()


class TestLogging:
    def test_it_comes_back_as_it_was(self, logged: dumbbell.Artifact, api: dumbbell.Api) -> None:
        found = api.artifact("local/p/data:best")
        assert found.name == logged.name == "data:v0"
        assert (found.type, found.description, found.metadata) == (
            "dataset", "some data", {"rows": 3, "nested": {"a": [1]}})
        assert (found.state, found.size, found.file_count) == ("COMMITTED", len(BIG) + 5, 3)
        assert found.digest == found.manifest.digest == logged.digest
        assert sorted(found.aliases) == ["best", "latest"]
        assert (found.version, found.entity, found.project, found.qualified_name) == (
            "v0", "local", "p", "local/p/data:v0")
        assert found.url == "http://testserver/local/p/artifacts/dataset/data/v0"
        assert found.updated_at
        assert not found.is_link
        assert repr(found) == "<Artifact local/p/data:v0 (dataset)>"

    def test_the_same_content_is_the_same_version(self, logged: dumbbell.Artifact, run: dumbbell.Run, folder: Path,
                                                  wire: RecordingTransport) -> None:
        again = dumbbell.Artifact("data", "dataset")
        again.add_dir(str(folder))
        wire.clear()
        assert run.log_artifact(again).name == "data:v0"
        assert again.id == logged.id
        assert [request.method for request in wire.requests] == ["POST"] * 2

    def test_bytes_that_are_there_are_not_sent_again(self, logged: dumbbell.Artifact, run: dumbbell.Run,
                                                     wire: RecordingTransport, folder: Path) -> None:
        draft = logged.new_draft()
        (folder / "more").write_text("more")
        draft.add_file(str(folder / "more"))
        wire.clear()
        assert run.log_artifact(draft).name == "data:v1"
        assert len([request for request in wire.requests if request.method == "PUT"]) == 2  # the file, the manifest
        assert sorted(draft.manifest.entries) == ["a.txt", "deep/b #%1.bin", "deep/er/empty", "more"]
        assert sorted(artifact.name for artifact in run.logged_artifacts()) == ["data:v0", "data:v1"]

    def test_a_logged_artifact_cannot_be_changed(self, logged: dumbbell.Artifact, folder: Path) -> None:
        for call in (lambda: logged.add_file(str(folder / "a.txt")), lambda: logged.add_dir(str(folder)),
                     lambda: logged.add_reference("s3://a/b"), lambda: logged.new_file("x").__enter__()):
            with pytest.raises(ValueError, match="cannot be changed"):
                call()

    def test_a_file_that_changed_meanwhile_is_refused(self, run: dumbbell.Run, folder: Path) -> None:
        draft = dumbbell.Artifact("data", "t")
        draft.add_file(str(folder / "a.txt"))
        (folder / "a.txt").write_text("something else")
        with pytest.raises(errors.DigestError, match="has changed"):
            run.log_artifact(draft)

    def test_a_logged_artifact_becomes_an_output_of_another_run(self, logged: dumbbell.Artifact, world: World,
                                                                api: dumbbell.Api) -> None:
        world.upsert("second")
        second = api.run("local/p/second")
        second.log_artifact(logged, aliases=["again"])
        assert [artifact.name for artifact in second.logged_artifacts()] == ["data:v0"]
        assert "again" in api.artifact("local/p/data:v0").aliases
        world.upsert("r", modelName="elsewhere")
        with pytest.raises(ValueError, match="another project"):
            api.run("local/elsewhere/r").log_artifact(logged)

    def test_who_made_it_and_who_used_it(self, logged: dumbbell.Artifact, world: World, api: dumbbell.Api) -> None:
        world.upsert("reader")
        reader = api.run("local/p/reader")
        assert reader.use_artifact(logged) is logged
        assert [run.id for run in logged.used_by()] == ["reader"]
        made_by = logged.logged_by()
        assert made_by is not None
        assert made_by.id == "r"
        used = reader.used_artifacts()
        assert [(artifact.name, artifact.type, artifact.metadata["rows"]) for artifact in used] == [
            ("data:v0", "dataset", 3)]
        assert len(used) == 1
