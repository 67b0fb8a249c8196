"""Artifacts: downloaded, by way of the cache, and references."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import dumbbell
from dumbbell import errors
from dumbbell.artifacts.manifest import ArtifactManifest
from support.faulty_transport import RecordingTransport
from support.made_files import BIG, FILES, md5, tree


class TestDownload:
    def test_all_files_are_there(self, logged: dumbbell.Artifact, tmp_path: Path) -> None:
        assert logged.download(str(tmp_path / "down")) == str(tmp_path / "down")
        assert tree(tmp_path / "down") == FILES
        logged.verify(str(tmp_path / "down"), strict=True)

    def test_the_default_place_is_named_after_it(self, logged: dumbbell.Artifact, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert logged.download() == "artifacts/data:v0"
        assert tree(tmp_path / "artifacts" / "data:v0") == FILES

    def test_a_second_download_asks_for_nothing(self, logged: dumbbell.Artifact, tmp_path: Path,
                                                wire: RecordingTransport) -> None:
        logged.download(str(tmp_path / "one"))
        kept = (tmp_path / "one" / "a.txt").stat()
        wire.clear()
        logged.download(str(tmp_path / "one"))
        logged.download(str(tmp_path / "two"))
        assert wire.requests == []
        assert (tmp_path / "one" / "a.txt").stat().st_ino == kept.st_ino
        assert tree(tmp_path / "two") == FILES

    def test_a_changed_file_is_replaced_and_others_are_left_alone(self, logged: dumbbell.Artifact,
                                                                  tmp_path: Path) -> None:
        logged.download(str(tmp_path))
        (tmp_path / "a.txt").write_text("spoiled")
        (tmp_path / "mine").write_text("mine")
        with pytest.raises(ValueError, match=r"a\.txt.*has changed"):
            logged.verify(str(tmp_path))
        logged.download(str(tmp_path))
        logged.verify(str(tmp_path))
        assert (tmp_path / "mine").exists()

    def test_without_the_cache(self, logged: dumbbell.Artifact, tmp_path: Path) -> None:
        logged.download(str(tmp_path / "down"), skip_cache=True)
        assert tree(tmp_path / "down") == FILES
        assert not (tmp_path / "home" / "cache" / "artifacts").exists()

    def test_a_prefix_chooses(self, logged: dumbbell.Artifact, tmp_path: Path) -> None:
        logged.download(str(tmp_path / "down"), path_prefix="deep/")
        assert sorted(tree(tmp_path / "down")) == ["deep/b #%1.bin", "deep/er/empty"]

    def test_one_entry(self, logged: dumbbell.Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        entry = logged.get_path("deep/b #%1.bin")
        assert logged.get_entry("./a.txt").size == 5
        own = Path(entry.download())
        assert own == Path("artifacts/data:v0/deep/b #%1.bin")
        assert own.read_bytes() == BIG
        own.write_bytes(b"mine")  # nobody else's: the next one has what was logged
        assert Path(entry.download()).read_bytes() == BIG
        assert Path(entry.download(str(tmp_path))) == tmp_path / "deep" / "b #%1.bin"
        for error in (KeyError, ValueError, dumbbell.CommError):
            with pytest.raises(error, match="has no 'none'"):
                logged.get_path("none")
        with pytest.raises(ValueError, match="not a reference"):
            entry.ref_target()

    def test_a_single_file(self, run: dumbbell.Run, logged: dumbbell.Artifact, folder: Path, tmp_path: Path) -> None:
        one = dumbbell.Artifact("one", "t")
        one.add_file(str(folder / "a.txt"))
        run.log_artifact(one)
        assert one.file(str(tmp_path / "down")) == str(tmp_path / "down" / "a.txt")
        none = run.log_artifact(dumbbell.Artifact("none", "t"))
        for artifact in (logged, none):
            with pytest.raises(ValueError, match=r"holds . files"):
                artifact.file()

    def test_checkout_removes_the_rest(self, logged: dumbbell.Artifact, tmp_path: Path) -> None:
        (tmp_path / "down" / "old").mkdir(parents=True)
        (tmp_path / "down" / "old" / "x").write_text("old")
        assert logged.checkout(str(tmp_path / "down")) == str(tmp_path / "down")
        assert tree(tmp_path / "down") == FILES
        assert not (tmp_path / "down" / "old").exists()

    def test_verify_names_what_is_wrong(self, logged: dumbbell.Artifact, tmp_path: Path) -> None:
        logged.download(str(tmp_path / "down"))
        (tmp_path / "down" / "more").write_text("more")
        logged.verify(str(tmp_path / "down"))
        with pytest.raises(ValueError, match="more is no file"):
            logged.verify(str(tmp_path / "down"), strict=True)
        (tmp_path / "down" / "a.txt").unlink()
        with pytest.raises(ValueError, match=r"a\.txt is missing"):
            logged.verify(str(tmp_path / "down"))

    def test_the_server_s_list_of_files(self, logged: dumbbell.Artifact, tmp_path: Path) -> None:
        files = logged.files(per_page=2)
        assert [(file.name, file.size) for file in files] == [
            ("a.txt", 5), ("deep/b #%1.bin", len(BIG)), ("deep/er/empty", 0)]
        assert len(files) == 3
        with logged.files(["a.txt"])[0].download(str(tmp_path)) as file:
            assert file.read() == "hello"

    def test_a_typed_object_is_read(self, run: dumbbell.Run) -> None:
        draft = dumbbell.Artifact("table", "t")
        with draft.new_file("preds.table.json") as file:
            file.write('{"_type": "table", "columns": ["a"], "data": [[1]]}')  # type: ignore[call-overload]
        run.log_artifact(draft)
        assert draft.get("preds")["data"] == [[1]]
        assert draft.get("none") is None

    def test_hostile_names_write_nothing(self, logged: dumbbell.Artifact, tmp_path: Path) -> None:
        manifest = logged.manifest.to_json()
        manifest["contents"]["../../evil"] = {"digest": md5(b"x"), "size": 1}
        logged._manifest = ArtifactManifest.from_json(manifest)
        with pytest.raises(errors.UnsafePathError):
            logged.download(str(tmp_path / "in" / "down"))
        assert tree(tmp_path / "in") == {}


class TestReferences:
    def test_files_of_this_machine(self, run: dumbbell.Run, folder: Path, tmp_path: Path) -> None:
        draft = dumbbell.Artifact("refs", "t")
        entries = draft.add_reference(f"file://{folder}", "in")
        assert sorted(entry.path for entry in entries) == ["in/a.txt", "in/deep/b #%1.bin", "in/deep/er/empty"]
        run.log_artifact(draft)
        entry = draft.get_path("in/a.txt")
        assert entry.ref_target() == f"file://{folder}/a.txt"
        assert Path(draft.download(str(tmp_path / "down")), "in", "a.txt").read_text() == "hello"
        (folder / "a.txt").write_text("changed")
        with pytest.raises(ValueError, match="has changed"):
            entry.download(str(tmp_path / "again"))
        assert tree(tmp_path / "again") == {}

    def test_a_missing_one_can_be_left_out(self, run: dumbbell.Run, folder: Path, tmp_path: Path) -> None:
        draft = dumbbell.Artifact("refs", "t")
        draft.add_file(str(folder / "a.txt"))
        draft.add_reference(f"file://{folder}/deep/er/empty")
        run.log_artifact(draft)
        (folder / "deep" / "er" / "empty").unlink()
        with pytest.raises(ValueError, match="cannot be read"):
            draft.download(str(tmp_path / "one"))
        draft.download(str(tmp_path / "two"), allow_missing_references=True)
        assert tree(tmp_path / "two") == {"a.txt": b"hello"}

    def test_an_unknown_store_does_not_keep_the_rest(self, run: dumbbell.Run, folder: Path, tmp_path: Path) -> None:
        draft = dumbbell.Artifact("refs", "t")
        draft.add_file(str(folder / "a.txt"))
        draft.add_reference("odd://there/x")
        draft.add_reference("odd://there/y", checksum=False)
        run.log_artifact(draft)
        assert draft.size == 5
        with pytest.raises(ValueError, match=r"x \(odd://there/x\), y \(odd://there/y\)"):
            draft.download(str(tmp_path / "down"))
        assert tree(tmp_path / "down") == {"a.txt": b"hello"}
        draft.verify(str(tmp_path / "down"))


def test_nothing_is_left_over_in_the_cache(logged: dumbbell.Artifact, tmp_path: Path) -> None:
    logged.download(str(tmp_path / "down"))
    found = [name for _, _, names in os.walk(tmp_path / "home" / "cache") for name in names]
    assert len(found) == 3
    assert not [name for name in found if name.endswith(".part")]
