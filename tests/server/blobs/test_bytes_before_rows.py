"""Whichever way bytes come, they are on the disk before a row that names them is."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, select
from sqlalchemy.exc import OperationalError

from dumbbell_server.blobs.garbage import columns
from dumbbell_server.seeding.form.reading import Fixture, parse
from dumbbell_server.seeding.load import load
from dumbbell_server.wiring import make_worker
from support.artifact_driver import ArtifactDriver, digest_of, entry
from support.world import World, open_world

LARGE = b"x" * 300_000
CREATE = """mutation { createRunFiles(input: {entityName: "local", projectName: "p", runName: "r",
  files: ["a", "b"]}) { files { uploadUrl } } }"""
COMPLETE = """mutation M($i: CompleteMultipartUploadArtifactInput!) {
  completeMultipartUploadArtifact(input: $i) { digest } }"""
SEED = """\
created: 2026-01-05T10:00:00Z
users: [{name: local, first: true}]
projects: [{entity: local, name: one, user: local, runs: [{id: a, user: local, files: {a.txt: hello}}]}]
"""


class Disk:
    """What was synced since it came to the place where it is, and the columns whose blobs all were."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._moved: set[str] = set()
        self._synced: set[str] = set()
        self.seen: set[str] = set()

    def rename(self, target: str) -> None:
        self._moved.add(str(Path(target).parent))
        self._synced.discard(target)

    def sync(self, path: str) -> None:
        self._synced.add(path)
        self._moved.discard(path)

    def check(self, connection: Connection) -> None:
        """As a commit begins."""
        for column in columns():
            for key in connection.execute(select(column).where(column.is_not(None))).scalars():
                path = f"{self._folder}/{key}"
                assert path in self._synced, (str(column), "file")
                assert str(Path(path).parent) not in self._moved, (str(column), "folder")
                self.seen.add(str(column))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path) as opened:
        yield opened


@pytest.fixture
def disk(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk(str(tmp_path / "blobs"))
    rename, fsync = os.rename, os.fsync

    def renaming(source: str, target: str) -> None:
        rename(source, target)
        made.rename(target)

    def syncing(descriptor: int) -> None:
        fsync(descriptor)
        made.sync(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    monkeypatch.setattr(os, "rename", renaming)
    monkeypatch.setattr(os, "fsync", syncing)
    event.listen(world.backend.database.engine, "commit", made.check)
    return made


def upload(world: World) -> None:
    world.upsert("r")
    files = world.gql(CREATE)["createRunFiles"]["files"]
    for body in (b"small", b"replaced by", LARGE):
        for file in files:
            world.client.put(file["uploadUrl"], content=body).raise_for_status()


def log_versions(world: World) -> None:
    driver = ArtifactDriver(world)
    driver.log({"a": b"small", "b": LARGE})
    made = driver.create(digest="x", enableDigestDeduplication=False)
    driver.upload(made["id"], {"c": b"more"})
    driver.give_manifest(made["id"], {"c": entry(b"more")}, "PATCH")
    driver.commit(made["id"])  # of several manifests the server makes one


def log_in_parts(world: World) -> None:
    driver = ArtifactDriver(world)
    bodies = (b"one", LARGE)
    whole = b"".join(bodies)
    made = driver.create("parts", digest=digest_of({"big": entry(whole)}))
    sums = [{"partNumber": number, "hexMD5": hashlib.md5(body).hexdigest()} for number, body in enumerate(bodies, 1)]
    [node] = driver.files(made["id"], {"big": whole}, uploadPartsInput=sums)
    urls = [part["uploadUrl"] for part in node["uploadMultipartUrls"]["uploadUrlParts"]]
    for url, body in zip(urls, bodies, strict=True):
        driver.put(url, body)
    world.gql(COMPLETE, {"i": {
        "completeMultipartAction": "Complete", "artifactID": made["id"], "storagePath": node["storagePath"],
        "uploadID": node["uploadMultipartUrls"]["uploadID"], "completedParts": sums}})


def export(world: World) -> None:
    world.upsert("r")
    world.history("r", [{"_step": step, "loss": step / 3} for step in range(3000)])
    world.stream("r", {"complete": True, "exitcode": 0})
    make_worker(world.backend).run()


def seed(world: World) -> None:
    load(world.backend, Fixture((parse(SEED, "seed.dumbbell.yaml"),)))


@pytest.mark.parametrize(("come", "named"), [
    (upload, {"run_files"}),
    (log_versions, {"artifact_blobs", "artifact_manifests"}),
    (log_in_parts, {"artifact_blobs", "artifact_parts"}),
    (export, {"partitions"}),
    (seed, {"run_files"}),
])
def test_bytes_are_on_the_disk_before_the_rows_that_name_them(world: World, disk: Disk, named: set[str],
                                                              come: Callable[[World], None]) -> None:
    come(world)
    assert disk.seen == {f"{table}.blob_key" for table in named}


def test_every_column_that_names_a_blob_is_tried_above() -> None:
    direct = {"artifact_blobs_expected", "run_files_expected"}  # in a bucket, by the client itself
    assert {column.table.name for column in columns()} == direct | {
        "run_files", "artifact_blobs", "artifact_manifests", "artifact_parts", "partitions"}


@pytest.mark.parametrize(("code", "status", "left"), [
    (sqlite3.SQLITE_IOERR_FSYNC, 503, 1), (sqlite3.SQLITE_FULL, 507, 0)])
@pytest.mark.parametrize("kind", ["upload", "commit"])
def test_bytes_whose_row_may_be_there_stay(world: World, code: int, status: int, left: int, kind: str) -> None:
    """A commit that the device did not confirm can be there after a restart; a full disk has none of it."""
    driver = ArtifactDriver(world)
    world.upsert("r")
    file = world.gql(CREATE)["createRunFiles"]["files"][0]
    made = driver.create(digest="x")
    driver.upload(made["id"], {"c": b"more"})
    driver.give_manifest(made["id"], {"c": entry(b"more")}, "PATCH")
    before = {*world.backend.blobs.keys()}

    def fail(_: Connection) -> None:
        error = sqlite3.OperationalError("as the driver says it")
        error.sqlite_errorcode = code
        raise OperationalError("", {}, error)

    event.listen(world.backend.database.engine, "commit", fail)
    if kind == "upload":
        assert world.client.put(file["uploadUrl"], content=b"x").status_code == status
    else:
        driver.commit(made["id"], status=status)
    event.remove(world.backend.database.engine, "commit", fail)
    assert len({*world.backend.blobs.keys()} - before) == left
