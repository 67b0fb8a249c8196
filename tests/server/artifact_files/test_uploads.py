"""Files on their way in, whole and in parts."""

from __future__ import annotations

import hashlib

import pytest

from support.artifact_driver import ArtifactDriver, digest_of, entry

A, B = b"alpha", b"beta, longer"


def test_bytes_are_sent_once_a_project(driver: ArtifactDriver) -> None:
    first = driver.log({"a": A})
    made = driver.create("other", digest="x")
    nodes = driver.files(made["id"], {"deep/again": A, "new": B, "twice": A})
    assert [node["name"] for node in nodes] == ["deep/again", "new", "twice"]
    assert [node["uploadUrl"] is None for node in nodes] == [True, False, True]
    assert [node["artifact"]["id"] for node in nodes] == [first["id"], made["id"], first["id"]]


@pytest.mark.usefixtures("through_us")
def test_wrong_bytes_are_refused_and_not_kept(driver: ArtifactDriver) -> None:
    made = driver.create(digest="x")
    [node] = driver.files(made["id"], {"a": A})
    assert "MD5" in driver.put(node["uploadUrl"], B, status=400).text
    driver.put(node["uploadUrl"].replace("signature=", "signature=0"), A, status=403)
    assert driver.world.count("artifact_blobs") == 0
    driver.give_manifest(made["id"], {"a": entry(A)})
    assert "'a'" in driver.commit(made["id"], status=400)
    driver.put(node["uploadUrl"], A)
    assert driver.commit(made["id"])["state"] == "COMMITTED"


@pytest.mark.usefixtures("through_us")
def test_multipart_upload_is_joined_and_checked(driver: ArtifactDriver) -> None:
    made = driver.create(digest=digest_of({"big": entry(A + B)}))
    parts = [{"partNumber": number, "hexMD5": hashlib.md5(data).hexdigest()} for number, data in ((1, A), (2, B))]
    [node] = driver.files(made["id"], {"big": A + B}, uploadPartsInput=parts)
    upload = node["uploadMultipartUrls"]
    assert [part["partNumber"] for part in upload["uploadUrlParts"]] == [1, 2]
    etags = [driver.put(part["uploadUrl"], data).headers["etag"]
             for part, data in zip(upload["uploadUrlParts"], (A, A), strict=True)]
    complete = """mutation M($input: CompleteMultipartUploadArtifactInput!) {
        completeMultipartUploadArtifact(input: $input) { digest } }"""
    given = {"completeMultipartAction": "Complete", "artifactID": made["id"], "storagePath": node["storagePath"],
             "uploadID": upload["uploadID"], "completedParts": [
                 {"partNumber": at, "hexMD5": etag} for at, etag in enumerate(etags, 1)]}
    assert "MD5" in driver.world.errors(complete, {"input": given}, status=400)[0]
    etag = driver.put(upload["uploadUrlParts"][1]["uploadUrl"], B).headers["etag"]
    given["completedParts"][1]["hexMD5"] = etag
    for _ in range(2):  # a retry changes nothing
        driver.world.gql(complete, {"input": given})
    driver.give_manifest(made["id"], {"big": entry(A + B)})
    driver.commit(made["id"])
    assert driver.world.count("artifact_parts") == driver.world.count("artifact_uploads") == 0
    assert driver.files(driver.create("x", digest="x")["id"], {"big": A + B})[0]["uploadUrl"] is None
