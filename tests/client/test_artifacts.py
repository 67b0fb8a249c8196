"""Artifacts: made, logged, found, downloaded, checked and changed."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import os
from pathlib import Path

import pytest

import dumbbell
from dumbbell import errors
from dumbbell.artifacts.manifest import ArtifactManifest
from support.line import Wire
from support.world import World

BIG = bytes(range(256)) * 1000


@pytest.fixture
def run(world: World, api: dumbbell.Api) -> dumbbell.Run:
    world.upsert("r")
    return api.run("local/p/r")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    (made / "deep" / "er").mkdir(parents=True)
    (made / "a.txt").write_text("hello")
    (made / "deep" / "b #%1.bin").write_bytes(BIG)
    (made / "deep" / "er" / "empty").write_bytes(b"")
    return made


@pytest.fixture
def logged(run: dumbbell.Run, folder: Path) -> dumbbell.Artifact:
    artifact = dumbbell.Artifact("data", "dataset", "some data", {"rows": 3, "nested": {"a": [1]}})
    artifact.add_dir(str(folder))
    return run.log_artifact(artifact, aliases=["best"])


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


FILES = {"a.txt": b"hello", "deep/b #%1.bin": BIG, "deep/er/empty": b""}


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
                                                  wire: Wire) -> None:
        again = dumbbell.Artifact("data", "dataset")
        again.add_dir(str(folder))
        wire.clear()
        assert run.log_artifact(again).name == "data:v0"
        assert again.id == logged.id
        assert [request.method for request in wire.requests] == ["POST"] * 2

    def test_bytes_that_are_there_are_not_sent_again(self, logged: dumbbell.Artifact, run: dumbbell.Run,
                                                     wire: Wire, folder: Path) -> None:
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

    def test_a_second_download_asks_for_nothing(self, logged: dumbbell.Artifact, tmp_path: Path, wire: Wire) -> None:
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

    def test_one_entry(self, logged: dumbbell.Artifact, tmp_path: Path) -> None:
        entry = logged.get_path("deep/b #%1.bin")
        assert logged.get_entry("./a.txt").size == 5
        cached = Path(entry.download())
        assert cached.read_bytes() == BIG
        assert cached.parent.parent == tmp_path / "home" / "cache" / "artifacts" / "obj" / "md5"
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


class TestFinding:
    def test_by_version_alias_digest_and_nothing(self, logged: dumbbell.Artifact, api: dumbbell.Api) -> None:
        for name in ("data:v0", "data:best", "data:latest", "data", logged.digest):
            assert api.artifact(f"local/p/{name}").name == "data:v0"
        assert api.artifact("p/data:v0").id == logged.id
        assert api.artifact_exists("p/data:v0")
        assert not api.artifact_exists("p/data:v9")
        assert not api.artifact_exists("p/data:v0", "model")

    def test_what_is_not_there_is_named(self, logged: dumbbell.Artifact, api: dumbbell.Api) -> None:
        assert logged.id
        with pytest.raises(ValueError, match="local/p/none:latest; add a version or an alias"):
            api.artifact("local/p/none")
        with pytest.raises(dumbbell.CommError, match="local/none/data:v0"):
            api.artifact("local/none/data:v0")
        with pytest.raises(dumbbell.InvalidValueError, match="'dataset', not 'model'"):
            api.artifact("local/p/data:v0", type="model")

    def test_types_collections_and_versions(self, logged: dumbbell.Artifact, run: dumbbell.Run, folder: Path,
                                            api: dumbbell.Api) -> None:
        for number in range(3):
            draft = logged.new_draft()
            (folder / "n").write_text(str(number))
            draft.add_file(str(folder / "n"), f"n{number}")
            run.log_artifact(draft)
        other = dumbbell.Artifact("weights", "model")
        run.log_artifact(other)
        assert sorted(each.name for each in api.artifact_types("local/p")) == ["dataset", "model"]
        kind = api.artifact_type("dataset", "local/p")
        assert (kind.name, kind.type) == ("dataset", "dataset")
        collections = kind.collections(per_page=1)
        assert [each.name for each in collections] == ["data"]
        assert len(collections) == 1
        versions = kind.collection("data").versions(per_page=2)
        assert [each.name for each in versions] == ["data:v3", "data:v2", "data:v1", "data:v0"]
        assert len(versions) == 4
        assert [each.metadata["rows"] for each in versions] == [3] * 4
        assert [each.name for each in api.artifact_versions("dataset", "local/p/data", per_page=3)] == [
            each.name for each in api.artifacts("dataset", "local/p/data")]
        assert sorted(each.name for each in api.project("p").collections()) == ["data", "weights"]
        assert [each.name for each in api.project("p").artifacts_types()]
        assert len(run.logged_artifacts(per_page=2)) == len(list(run.logged_artifacts(per_page=2))) == 5

    def test_what_has_no_versions(self, logged: dumbbell.Artifact, api: dumbbell.Api) -> None:
        assert logged.id
        empty = api.artifacts("dataset", "local/p/none")
        assert list(empty) == []
        assert len(empty) == 0
        with pytest.raises(ValueError, match="artifact type 'none'"):
            api.artifact_type("none", "local/p")
        with pytest.raises(ValueError, match="local/none"):
            list(api.artifact_types("local/none"))
        with pytest.raises(ValueError, match="collection local/p/none"):
            api.artifact_collection("dataset", "local/p/none")
        assert api.artifact_collection_exists("local/p/data", "dataset")
        assert not api.artifact_collection_exists("local/p/data", "model")


class TestChanging:
    def test_save(self, logged: dumbbell.Artifact, api: dumbbell.Api) -> None:
        found = api.artifact("local/p/data:v0")
        found.description = "better"
        found.metadata["more"] = None
        found.aliases.append("fine")
        found.aliases.remove("best")
        found.tags = ["good", "old"]
        found.ttl = dt.timedelta(days=3)
        assert found.save() is True
        again = api.artifact("local/p/data:fine")
        assert (again.id, again.description, again.metadata["more"]) == (logged.id, "better", None)
        assert sorted(again.aliases) == ["fine", "latest"]
        assert sorted(again.tags) == ["good", "old"]
        assert again.ttl == dt.timedelta(days=3)
        again.tags.remove("old")
        again.save()
        assert api.artifact("local/p/data:v0").tags == ["good"]

    @pytest.mark.parametrize("alias", ["a/b", "a:b", ""])
    def test_an_alias_that_is_none(self, logged: dumbbell.Artifact, alias: str) -> None:
        with pytest.raises(ValueError, match="is no alias"):
            logged.aliases = [alias]

    def test_delete(self, logged: dumbbell.Artifact, api: dumbbell.Api) -> None:
        with pytest.raises(dumbbell.CommError):
            logged.delete()
        assert logged.delete(delete_aliases=True) is True
        assert not api.artifact_exists("local/p/data:v0")

    def test_links(self, logged: dumbbell.Artifact, api: dumbbell.Api) -> None:
        linked = logged.link("shown", aliases=["prod"])
        assert (linked.name, linked.source_name, linked.is_link) == ("shown:v0", "data:v0", True)
        assert sorted(linked.aliases) == ["latest", "prod"]
        assert [each.name for each in logged.linked_artifacts] == ["shown:v0"]
        linked.delete()
        assert not api.artifact_exists("local/p/shown:v0")
        assert api.artifact_exists("local/p/data:v0")
        with pytest.raises(ValueError, match="is no link"):
            logged.unlink()

    def test_a_collection(self, logged: dumbbell.Artifact, api: dumbbell.Api) -> None:
        collection = api.artifact_collection("dataset", "local/p/data")
        assert sorted(collection.aliases) == ["best", "latest"]
        collection.description, collection.name = "all of it", "renamed"
        collection.tags = ["x"]
        collection.save()
        collection.change_type("corpus")
        again = api.artifact_collection("corpus", "local/p/renamed")
        assert (again.description, again.tags, again.is_sequence()) == ("all of it", ["x"], True)
        assert [each.name for each in again.artifacts()] == ["renamed:v0"]
        again.delete()
        assert not api.artifact_exists("local/p/renamed:v0")
        assert logged.id


class TestManifest:
    def test_goes_there_and_back(self) -> None:
        found = {"version": 1, "storagePolicy": "wandb-storage-policy-v1", "storagePolicyConfig": {},
                 "contents": {"a": {"digest": md5(b"a"), "size": 1, "birthArtifactID": "x"},
                              "r": {"digest": "s3://b/k", "ref": "s3://b/k", "extra": {"etag": "e"}}}}
        manifest = ArtifactManifest.from_json(found)
        assert manifest.to_json() == found
        assert manifest.size == 1
        assert (manifest.entries["a"].md5, manifest.entries["r"].md5) == (md5(b"a"), None)
        assert (manifest.entries["a"].hex, manifest.entries["r"].hex) == (hashlib.md5(b"a").hexdigest(), None)

    @pytest.mark.parametrize("found", [{}, {"version": 2}, {"version": 1, "storagePolicy": "other"}])
    def test_an_unknown_kind_is_refused(self, found: dict[str, object]) -> None:
        with pytest.raises(ValueError, match="only"):
            ArtifactManifest.from_json(found)


def test_nothing_is_left_over_in_the_cache(logged: dumbbell.Artifact, tmp_path: Path) -> None:
    logged.download(str(tmp_path / "down"))
    found = [name for _, _, names in os.walk(tmp_path / "home" / "cache") for name in names]
    assert len(found) == 3
    assert not [name for name in found if name.endswith(".part")]
