"""Very large files go up in parts: to a folder and to a bucket. The threshold is lowered to what fits a test."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

import dumbbell
from dumbbell import errors
from dumbbell.artifacts import parts
from support.faulty_transport import RecordingTransport
from support.made_files import md5
from support.world import KEY, World, open_world

MIB = 1 << 20
BODY = os.urandom(11 * MIB + 123)  # three parts of 5 MiB, which is the least that S3 takes


class Roads(httpx2.BaseTransport):
    """To the app in this process, and to a bucket on loopback."""

    def __init__(self, app: httpx2.BaseTransport) -> None:
        self._app, self._network = app, httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return (self._network if request.url.host == "127.0.0.1" else self._app).handle_request(request)

    def close(self) -> None:
        self._network.close()


@pytest.fixture(params=["folder", "bucket"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    place = request.getfixturevalue("bucket") if request.param == "bucket" else None
    with open_world(tmp_path / "server", **({"blob_url": place} if place else {})) as opened:
        yield opened


@pytest.fixture
def wire(world: World) -> Iterator[RecordingTransport]:
    with RecordingTransport(Roads(world.client._transport)) as opened:
        yield opened


@pytest.fixture
def run(world: World, wire: RecordingTransport) -> dumbbell.Run:
    world.upsert("r")
    return dumbbell.Api({"base_url": "http://testserver"}, api_key=KEY, transport=wire).run("local/p/r")


@pytest.fixture(autouse=True)
def _low(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "LARGE", 6 * MIB)
    monkeypatch.setattr(parts, "PART", 5 * MIB)


@pytest.fixture
def draft(tmp_path: Path) -> dumbbell.Artifact:
    (tmp_path / "large").write_bytes(BODY)
    (tmp_path / "small").write_bytes(BODY[:MIB])
    made = dumbbell.Artifact("data", "dataset")
    for name in ("large", "small"):
        made.add_file(str(tmp_path / name))
    return made


def puts(wire: RecordingTransport) -> list[int]:
    """Sizes of the files and parts that were sent; not of the manifest."""
    return sorted(int(request.headers["content-length"]) for request in wire.requests
                  if request.method == "PUT" and int(request.headers["content-length"]) >= MIB)


def test_a_large_file_goes_up_in_parts(run: dumbbell.Run, draft: dumbbell.Artifact, wire: RecordingTransport,
                                       tmp_path: Path) -> None:
    logged = run.log_artifact(draft)
    assert puts(wire) == [MIB, MIB + 123, 5 * MIB, 5 * MIB]
    assert wire.operations.count("CompleteMultipartUploadArtifact") == 1
    logged.download(str(tmp_path / "back"), skip_cache=True)
    logged.verify(str(tmp_path / "back"))
    assert (tmp_path / "back" / "large").read_bytes() == BODY


def test_bytes_that_are_there_are_not_sent_again(run: dumbbell.Run, draft: dumbbell.Artifact, wire: RecordingTransport,
                                                 tmp_path: Path) -> None:
    run.log_artifact(draft)
    (tmp_path / "more").write_text("more")
    again = dumbbell.Artifact("data", "dataset")
    for name in ("large", "more"):
        again.add_file(str(tmp_path / name))
    wire.clear()
    assert run.log_artifact(again).version == "v1"
    assert puts(wire) == []


def test_a_part_that_fails_is_sent_again_alone(run: dumbbell.Run, draft: dumbbell.Artifact,
                                               wire: RecordingTransport) -> None:
    def fault(request: httpx2.Request) -> httpx2.Response | None:
        return httpx2.Response(503, request=request) if request.headers.get("content-length") == str(5 * MIB) else None
    wire.faults.append(fault)
    run.log_artifact(draft)
    assert puts(wire) == [MIB, MIB + 123, 5 * MIB, 5 * MIB, 5 * MIB]


def test_a_part_that_is_refused_ends_it(run: dumbbell.Run, draft: dumbbell.Artifact, wire: RecordingTransport) -> None:
    def refused(request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response:
        if request.headers.get("content-length") == str(MIB + 123):
            return httpx2.Response(403, json={"error": "not this part"}, request=request)
        return answer
    wire.mangle = refused
    with pytest.raises(dumbbell.CommError, match="not this part"):
        run.log_artifact(draft)
    assert "CommitArtifact" not in wire.operations


def test_a_file_that_has_changed_is_not_sent(run: dumbbell.Run, draft: dumbbell.Artifact, wire: RecordingTransport,
                                             tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(BODY[:-1] + bytes([BODY[-1] ^ 1]))
    with pytest.raises(errors.DigestError, match="has changed since"):
        run.log_artifact(draft)
    assert puts(wire) == []


def test_a_server_without_parts_gets_it_whole(run: dumbbell.Run, draft: dumbbell.Artifact,
                                              wire: RecordingTransport) -> None:
    def whole(_: httpx2.Request, answer: httpx2.Response) -> httpx2.Response:
        return httpx2.Response(200, content=answer.read().replace(b'"uploadMultipartUrls"', b'"gone"'))
    wire.mangle = whole
    run.log_artifact(draft)
    assert puts(wire) == [MIB, len(BODY)]


def test_parts_are_those_of_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "large").write_bytes(BODY)
    monkeypatch.setattr(parts, "PART", MIB)
    monkeypatch.setattr(parts, "_MOST", 7)
    found = parts.parts_of(tmp_path / "large", len(BODY), md5(BODY))
    assert [part.piece.size for part in found] == [1_650_688] * 6 + [len(BODY) - 6 * 1_650_688]  # a multiple of 4096
    assert [part.md5 for part in found] == [
        hashlib.md5(BODY[part.piece.start:part.piece.start + part.piece.size]).digest() for part in found]
    assert parts.announced(found)[:1] == [{"partNumber": 1, "hexMD5": found[0].md5.hex()}]  # type: ignore[index]
