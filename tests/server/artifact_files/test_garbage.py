"""What is removed in the background, and what never is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dumbbell_server.artifact_files import garbage
from dumbbell_server.cli import app
from support.artifact_driver import ArtifactDriver, digest_of, entry
from support.world import open_world

A, B = b"alpha", b"beta, longer"
DAY = 86_400
WEEK = 7 * DAY


def keys(driver: ArtifactDriver) -> set[str]:
    return set(driver.world.backend.blobs.keys())


def test_nothing_of_a_committed_version_is_removed(driver: ArtifactDriver) -> None:
    driver.log({"a": A})
    before = keys(driver)
    driver.world.clock.move(30 * DAY)
    garbage.run(driver.world.backend)
    assert keys(driver) == before
    assert driver.world.count("artifact_blobs") == 1


def test_bytes_of_a_deleted_version_go_unless_another_has_them(driver: ArtifactDriver) -> None:
    kept, gone = driver.log({"a": A}), driver.log({"a": A, "b": B})
    driver.world.gql("mutation M($id: ID!) { deleteArtifact(input: {artifactID: $id, deleteAliases: true}) "
                     "{ artifact { id } } }", {"id": gone["id"]})
    driver.world.clock.move(2 * DAY)
    found = garbage.survey(driver.world.backend)
    assert (found.versions, found.files, found.size) == (0, 1, len(B))
    assert driver.world.count("artifact_blobs") == 2  # a survey removes nothing
    assert garbage.run(driver.world.backend).files == 1
    assert garbage.survey(driver.world.backend).files == 0
    assert driver.world.count("artifact_blobs") == 1
    assert driver.version("set:latest")["id"] == kept["id"]
    assert len(keys(driver)) == 2  # the manifest and the file


def test_bytes_on_which_an_open_version_counts_stay(driver: ArtifactDriver) -> None:
    gone = driver.log({"a": A})
    driver.world.gql("mutation M($id: ID!) { deleteArtifact(input: {artifactID: $id, deleteAliases: true}) "
                     "{ artifact { id } } }", {"id": gone["id"]})
    made = driver.create(digest=digest_of({"a": entry(A), "b": entry(B)}))
    driver.upload(made["id"], {"b": B})
    assert driver.files(made["id"], {"a": A})[0]["uploadUrl"] is None
    driver.world.clock.move(6 * DAY)
    assert garbage.run(driver.world.backend).files == 0
    driver.give_manifest(made["id"], {"a": entry(A), "b": entry(B)})
    driver.commit(made["id"])
    assert driver.get_file("set:latest", "a") == A


def test_abandoned_version_goes_with_all_it_brought(driver: ArtifactDriver) -> None:
    made = driver.create(digest="x")
    driver.upload(made["id"], {"a": A})
    driver.give_manifest(made["id"], {"a": entry(A)})
    parts = [{"partNumber": 1, "hexMD5": "0" * 32}]
    [node] = driver.files(made["id"], {"b": B}, uploadPartsInput=parts)
    driver.put(node["uploadMultipartUrls"]["uploadUrlParts"][0]["uploadUrl"], B)
    driver.world.clock.move(WEEK + 1)
    assert garbage.run(driver.world.backend).versions == 1
    assert keys(driver) == set()
    assert driver.commit(made["id"], status=404)


@pytest.mark.usefixtures("through_us")
def test_strays_go_once_they_are_old(driver: ArtifactDriver, tmp_path: Path) -> None:
    backend = driver.world.backend
    driver.log({"a": A})
    for key in ("artifacts/ab/young", "artifacts/ab/old"):
        backend.blobs.store(key, b"left by a crash")
    now = backend.clock.seconds()
    for key in keys(driver):
        age = 10 * DAY if "young" not in key else 60
        os.utime(tmp_path / "blobs" / key, (now - age, now - age))
    assert garbage.survey(backend).strays == 1
    assert garbage.run(backend).strays == 1
    assert {key.rsplit("/", 1)[-1] for key in keys(driver)} >= {"young"}
    assert "artifacts/ab/old" not in keys(driver)
    assert driver.get_file("set:v0", "a") == A


def test_gc_removes_an_expired_version_with_all_it_held(tmp_path: Path) -> None:
    """In a stopped folder, where no app subscribes the domains to each other."""
    with open_world(tmp_path) as world:
        ArtifactDriver(world).log({"a": A}, ttlDurationSeconds=60)  # by the clock of tests, long ago
    result = CliRunner().invoke(app, ["gc", "--delete", "--data-dir", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert f"Removed 1 versions, 1 files of {len(A)} bytes" in result.output
    with open_world(tmp_path) as world:
        tables = ("artifact_entries", "artifact_manifests", "artifact_blobs", "artifact_memberships")
        assert [world.count(table) for table in tables] == [0, 0, 0, 0]
        assert list(world.backend.blobs.keys()) == []
