"""Versions that live for a time."""

from __future__ import annotations

from support.artifact_driver import ArtifactDriver

A, B = b"alpha", b"beta, longer"
DAY = 86_400


def test_version_expires_by_the_clock(driver: ArtifactDriver) -> None:
    driver.log({"a": A})
    driver.log({"a": B}, ttlDurationSeconds=3600)
    driver.world.clock.move(3599)
    assert driver.version("set:latest")["ttlDurationSeconds"] == 3600
    driver.world.clock.move(2)
    assert driver.version("set:v1") is None
    assert driver.version("set:latest")["versionIndex"] == 0
    assert driver.log({"a": B})["versionIndex"] == 2


def test_lifetime_may_be_lengthened_inherited_and_disabled(driver: ArtifactDriver) -> None:
    made = driver.log({"a": A}, ttlDurationSeconds=60)
    update = """mutation M($id: ID!, $ttl: Int64) { updateArtifact(input: {artifactID: $id, ttlDurationSeconds: $ttl}) {
        artifact { ttlDurationSeconds ttlIsInherited } } }"""

    def set_ttl(seconds: int) -> tuple[int, bool]:
        found = driver.world.gql(update, {"id": made["id"], "ttl": seconds})["updateArtifact"]["artifact"]
        return found["ttlDurationSeconds"], found["ttlIsInherited"]

    assert set_ttl(120) == (120, False)
    driver.world.clock.move(61)
    assert driver.version("set:v0") is not None
    assert set_ttl(-1) == (-1, True)
    assert set_ttl(-2) == (-2, False)
    driver.world.clock.move(10 * DAY)
    assert driver.version("set:v0") is not None
