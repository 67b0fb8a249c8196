"""What is removed in the background, and what never is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dumbbell_server.artifacts.collecting import survey, sweep
from support.artifact_studio import Studio, digest_of, entry

A, B = b"alpha", b"beta, longer"
DAY = 86_400
WEEK = 7 * DAY


def keys(studio: Studio) -> set[str]:
    return set(studio.world.house.blobs.keys())


def test_nothing_of_a_committed_version_is_removed(studio: Studio) -> None:
    studio.log({"a": A})
    before = keys(studio)
    studio.world.clock.move(30 * DAY)
    sweep(studio.world.house)
    assert keys(studio) == before
    assert studio.world.count("artifact_blobs") == 1


def test_bytes_of_a_deleted_version_go_unless_another_has_them(studio: Studio) -> None:
    kept, gone = studio.log({"a": A}), studio.log({"a": A, "b": B})
    studio.world.gql("mutation M($id: ID!) { deleteArtifact(input: {artifactID: $id, deleteAliases: true}) "
                     "{ artifact { id } } }", {"id": gone["id"]})
    studio.world.clock.move(2 * DAY)
    found = survey(studio.world.house)
    assert (found.versions, found.files, found.size) == (0, 1, len(B))
    assert studio.world.count("artifact_blobs") == 2  # a survey removes nothing
    assert sweep(studio.world.house).files == 1
    assert survey(studio.world.house).files == 0
    assert studio.world.count("artifact_blobs") == 1
    assert studio.version("set:latest")["id"] == kept["id"]
    assert len(keys(studio)) == 2  # the manifest and the file


def test_bytes_on_which_an_open_version_counts_stay(studio: Studio) -> None:
    gone = studio.log({"a": A})
    studio.world.gql("mutation M($id: ID!) { deleteArtifact(input: {artifactID: $id, deleteAliases: true}) "
                     "{ artifact { id } } }", {"id": gone["id"]})
    made = studio.create(digest=digest_of({"a": entry(A), "b": entry(B)}))
    studio.upload(made["id"], {"b": B})
    assert studio.files(made["id"], {"a": A})[0]["uploadUrl"] is None
    studio.world.clock.move(6 * DAY)
    assert sweep(studio.world.house).files == 0
    studio.give_manifest(made["id"], {"a": entry(A), "b": entry(B)})
    studio.commit(made["id"])
    assert studio.get_file("set:latest", "a") == A


def test_abandoned_version_goes_with_all_it_brought(studio: Studio) -> None:
    made = studio.create(digest="x")
    studio.upload(made["id"], {"a": A})
    studio.give_manifest(made["id"], {"a": entry(A)})
    parts = [{"partNumber": 1, "hexMD5": "0" * 32}]
    [node] = studio.files(made["id"], {"b": B}, uploadPartsInput=parts)
    studio.put(node["uploadMultipartUrls"]["uploadUrlParts"][0]["uploadUrl"], B)
    studio.world.clock.move(WEEK + 1)
    assert sweep(studio.world.house).versions == 1
    assert keys(studio) == set()
    assert studio.commit(made["id"], status=404)


def test_version_expires_by_the_clock(studio: Studio) -> None:
    studio.log({"a": A})
    studio.log({"a": B}, ttlDurationSeconds=3600)
    studio.world.clock.move(3599)
    assert studio.version("set:latest")["ttlDurationSeconds"] == 3600
    studio.world.clock.move(2)
    assert studio.version("set:v1") is None
    assert studio.version("set:latest")["versionIndex"] == 0
    assert studio.log({"a": B})["versionIndex"] == 2


def test_lifetime_may_be_lengthened_inherited_and_disabled(studio: Studio) -> None:
    made = studio.log({"a": A}, ttlDurationSeconds=60)
    update = """mutation M($id: ID!, $ttl: Int64) { updateArtifact(input: {artifactID: $id, ttlDurationSeconds: $ttl}) {
        artifact { ttlDurationSeconds ttlIsInherited } } }"""

    def set_ttl(seconds: int) -> tuple[int, bool]:
        found = studio.world.gql(update, {"id": made["id"], "ttl": seconds})["updateArtifact"]["artifact"]
        return found["ttlDurationSeconds"], found["ttlIsInherited"]

    assert set_ttl(120) == (120, False)
    studio.world.clock.move(61)
    assert studio.version("set:v0") is not None
    assert set_ttl(-1) == (-1, True)
    assert set_ttl(-2) == (-2, False)
    studio.world.clock.move(10 * DAY)
    assert studio.version("set:v0") is not None


@pytest.mark.usefixtures("through_us")
def test_strays_go_once_they_are_old(studio: Studio, tmp_path: Path) -> None:
    house = studio.world.house
    studio.log({"a": A})
    for key in ("artifacts/ab/young", "artifacts/ab/old"):
        house.blobs.store(key, b"left by a crash")
    now = house.clock.seconds()
    for key in keys(studio):
        age = 10 * DAY if "young" not in key else 60
        os.utime(tmp_path / "blobs" / key, (now - age, now - age))
    assert survey(house).strays == 1
    assert sweep(house).strays == 1
    assert {key.rsplit("/", 1)[-1] for key in keys(studio)} >= {"young"}
    assert "artifacts/ab/old" not in keys(studio)
    assert studio.get_file("set:v0", "a") == A
