"""Connections that break in the middle of an upload: nothing stays behind, and the next try succeeds."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import socket
import sqlite3
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.artifact_driver import ArtifactDriver, digest_of, entry, manifest, md5
from support.live import Live
from support.s3 import S3
from support.server import Server, start_server

SIZE = 20 << 20  # half of it is more than a part of an upload to a bucket
SOON = 20.0  # seconds in which the server has noticed
COMPLETE = """mutation M($id: ID!, $path: String!, $upload: String!, $parts: [UploadPartsInput!]!) {
  completeMultipartUploadArtifact(input: {completeMultipartAction: Complete, completedParts: $parts, artifactID: $id,
    storagePath: $path, uploadID: $upload}) { digest } }"""
Kept = Callable[[], set[str]]


def folder_holds(server: Server) -> set[str]:
    blobs = server.data_dir / "blobs"
    return {str(path.relative_to(blobs)) for path in blobs.rglob("*") if path.is_file()}


def bucket_holds(s3: S3, name: str) -> set[str]:
    """Objects, and uploads in parts that nobody has ended."""
    import botocore.session  # noqa: PLC0415 - an extra that light runs do without

    session = botocore.session.get_session()
    client = session.create_client(
        "s3", endpoint_url=s3.endpoint, region_name="us-east-1", aws_access_key_id="test",
        aws_secret_access_key="test")
    objects = {found["Key"] for found in client.list_objects_v2(Bucket=name).get("Contents", [])}
    begun = {found["UploadId"] for found in client.list_multipart_uploads(Bucket=name).get("Uploads", [])}
    client.close()
    return objects | begun


@pytest.fixture
def on_folder(tmp_path: Path) -> Iterator[tuple[Server, Kept]]:
    with start_server(tmp_path) as server:
        yield server, lambda: folder_holds(server)


@pytest.fixture
def on_bucket(tmp_path: Path, s3: S3) -> Iterator[tuple[Server, Kept]]:
    name = s3.new_bucket()
    with start_server(tmp_path, DUMBBELL_BLOB_URL=f"s3://{name}", **s3.environment) as server:
        yield server, lambda: bucket_holds(s3, name)


def rows(server: Server) -> dict[str, list[Any]]:
    """What the database says of bytes."""
    with contextlib.closing(sqlite3.connect(f"file:{server.data_dir / 'dumbbell.db'}?mode=ro", uri=True)) as database:
        return {table: database.execute(f"SELECT * FROM {table}").fetchall()
                for table in ("artifact_blobs", "artifact_parts", "artifact_manifests", "orphans")}


def cut(url: str, body: bytes, has_begun: Callable[[], bool], *, rudely: bool, chunked: bool) -> None:
    """Send half of it and hang up while it is taken in: with a word (FIN), or without (RST)."""
    place = urlsplit(url)
    half = body[:len(body) // 2]
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    head = f"PUT {place.path}?{place.query} HTTP/1.1\r\nHost: {place.netloc}\r\n{length}\r\n\r\n".encode()
    with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
        connection.sendall(head + (f"{len(body):x}\r\n".encode() if chunked else b"") + half)
        until(has_begun)
        if rudely:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def break_off(server: Server, kept: Kept, url: str, body: bytes) -> None:
    stored, known = kept(), rows(server)
    for rudely in (False, True):
        for chunked in (False, True):
            cut(url, body, lambda: kept() != stored, rudely=rudely, chunked=chunked)
            until(lambda: kept() == stored)
            assert rows(server) == known


@pytest.fixture
def driver(on_folder: tuple[Server, Kept]) -> Iterator[ArtifactDriver]:
    live = Live(on_folder[0])
    yield ArtifactDriver(live)  # type: ignore[arg-type]
    live.client.close()


def test_a_file_that_breaks_off(on_folder: tuple[Server, Kept], driver: ArtifactDriver) -> None:
    body = os.urandom(SIZE)
    made = driver.create(digest=digest_of({"big": entry(body)}))["id"]
    url = driver.files(made, {"big": body})[0]["uploadUrl"]
    break_off(*on_folder, url, body)
    driver.put(url, body)
    contents = {"big": entry(body)}
    sent = manifest(contents)
    url = driver.announce(made, digest=md5(sent))["file"]["uploadUrl"]
    break_off(*on_folder, url, sent)
    assert "manifest" in driver.commit(made, status=400)
    driver.put(url, sent)
    assert driver.commit(made)["state"] == "COMMITTED"
    assert driver.get_file("set:latest", "big") == body


def test_a_part_that_breaks_off(on_folder: tuple[Server, Kept], driver: ArtifactDriver) -> None:
    parts = [os.urandom(SIZE), os.urandom(1000)]
    body = b"".join(parts)
    made = driver.create(digest=digest_of({"big": entry(body)}))["id"]
    wanted = [{"partNumber": number, "hexMD5": ""} for number in (1, 2)]
    node = driver.files(made, {"big": body}, uploadPartsInput=wanted)[0]
    upload = node["uploadMultipartUrls"]
    tags = []
    for part, data in zip(upload["uploadUrlParts"], parts, strict=True):
        break_off(*on_folder, part["uploadUrl"], data)
        tag = driver.put(part["uploadUrl"], data).headers["etag"]
        assert tag.strip('"') == hashlib.md5(data).hexdigest()
        tags.append({"partNumber": part["partNumber"], "hexMD5": tag})
    driver.world.gql(COMPLETE, {"id": made, "path": node["storagePath"], "upload": upload["uploadID"], "parts": tags})
    driver.give_manifest(made, {"big": entry(body)})
    driver.commit(made)
    assert driver.get_file("set:latest", "big") == body


def test_a_manifest_that_breaks_off_on_its_way_to_a_bucket(on_bucket: tuple[Server, Kept]) -> None:
    """Files and parts go there without us."""
    live = Live(on_bucket[0])
    driver = ArtifactDriver(live)  # type: ignore[arg-type]
    contents = {f"{number}": {"ref": "http://127.0.0.1/" + "x" * 100_000, "digest": str(number), "size": 1}
                for number in range(SIZE // 100_000)}
    made = driver.create(digest="refs")["id"]
    sent = manifest(contents)
    assert len(sent) > SIZE * 9 // 10
    url = driver.announce(made, digest=base64.b64encode(hashlib.md5(sent).digest()).decode())["file"]["uploadUrl"]
    break_off(*on_bucket, url, sent)
    driver.put(url, sent)
    assert driver.commit(made)["state"] == "COMMITTED"
    assert driver.manifest_of("set:latest")["contents"] == contents
    live.client.close()
