"""Artifacts: found and changed; manifests."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import pytest

import dumbbell
from dumbbell.artifacts.manifest import ArtifactManifest
from support.made_files import md5


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
