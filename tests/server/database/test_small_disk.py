"""A disk that fills up under load: what was acknowledged is there afterwards, and nothing is there in part."""

from __future__ import annotations

import base64
import contextlib
import json
import math
import os
import random
import resource
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from dumbbell_server.backend import Backend, open_backend
from dumbbell_server.blobs.garbage import delete_orphaned_blobs, find_strays
from dumbbell_server.clock import StillClock
from dumbbell_server.database.engine import reading
from dumbbell_server.history.reading.rows import rows_between
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.settings import Settings
from support.artifact_driver import COMMIT, CREATE, FILES, MANIFEST, digest_of, entry, manifest, md5
from support.server import Server, start_server
from support.world import UPSERT

MEBIBYTE = 1 << 20
MANY = 256 * MEBIBYTE
ENOUGH = 5  # refusals in a row: the disk is full
ROUNDS = [0, 1, *(pytest.param(number, marks=pytest.mark.soak) for number in range(2, 20))]
REFUSALS = {503, 507}
UPLOAD = """mutation M($f: [String!]!) { createRunFiles(input: {entityName: "local", projectName: "p", runName: "r0",
  files: $f}) { files { uploadUrl } } }"""


class Refused(Exception):
    """There was no room."""


@dataclass
class Acknowledged:
    """What the server said it has, and what may be there beside it since the answer was a refusal."""

    rows: dict[str, list[str]] = field(default_factory=dict)  # by run
    files: dict[str, list[str]] = field(default_factory=dict)  # MD5s by name: the last that was taken, and later tries
    versions: dict[str, dict[str, str]] = field(default_factory=dict)  # MD5s of files by the number of the version
    configs: dict[str, str] = field(default_factory=dict)  # by run
    statuses: dict[int, int] = field(default_factory=dict)


class Load:
    """One client that logs until it is refused for good."""

    def __init__(self, server: Server, number: int, acknowledged: Acknowledged) -> None:
        self.number, self.acknowledged = number, acknowledged
        self.chance = random.Random(number)
        self._client = httpx2.Client(base_url=server.base_url, timeout=60,
                                     headers={"authorization": f"Bearer {server.api_key}"})

    def noise(self, most: int) -> bytes:
        return self.chance.randbytes(self.chance.randint(1, most))

    def send(self, method: str, url: str, **body: Any) -> Any:
        answer = self._client.request(method, url, **body)
        counts = self.acknowledged.statuses
        counts[answer.status_code] = counts.get(answer.status_code, 0) + 1
        if answer.status_code in REFUSALS:
            assert answer.json()["errors"][0]["message"]
            raise Refused
        assert answer.status_code == 200, answer.text
        found = answer.json() if answer.content else {}
        assert "errors" not in found, found
        return found

    def ask(self, query: str, **variables: Any) -> Any:
        [answer] = self.send("POST", "/graphql", json={"query": query, "variables": variables})["data"].values()
        return answer

    def run(self, step: Callable[[Load, int], None]) -> None:
        refusals = at = 0
        while refusals < ENOUGH:
            with contextlib.suppress(Refused):
                step(self, at)
                refusals = -1
                at += 1
            refusals += 1
        self.close()

    def close(self) -> None:
        self._client.close()


def log_rows(load: Load, at: int) -> None:
    name = f"r{load.number}"
    config = json.dumps({"at": {"value": at}, "noise": {"value": load.noise(2000).hex()}})
    load.ask(UPSERT, input={"name": name, "modelName": "p", "config": config})
    load.acknowledged.configs[name] = config
    rows = load.acknowledged.rows.setdefault(name, [])
    new = [json.dumps({"_step": len(rows) + step, "noise": load.noise(8000).hex()}) for step in range(20)]
    load.send("POST", f"/files/local/p/{name}/file_stream",
              json={"files": {"wandb-history.jsonl": {"offset": len(rows), "content": new}}})
    rows += new


def upload(load: Load, at: int) -> None:
    name, body = f"{load.number}/{at % 10}", load.noise(300_000)
    sent = load.acknowledged.files.setdefault(name, [])
    [file] = load.ask(UPLOAD, f=[name])["files"]
    sent.append(md5(body))
    load.send("PUT", file["uploadUrl"], content=body)
    del sent[:-1]


def log_version(load: Load, at: int) -> None:
    files = {f"f{number}": load.noise(100_000) for number in range(3)}
    contents = {name: entry(body) for name, body in files.items()}
    version = load.ask(CREATE, input={
        "entityName": "local", "projectName": "p", "artifactTypeName": "dataset", "digest": digest_of(contents),
        "artifactCollectionName": f"set{load.number}", "description": str(at)})["artifact"]["id"]
    body = manifest(contents)
    announced = load.ask(MANIFEST, input={
        "artifactID": version, "name": "wandb_manifest.json", "digest": md5(body), "entityName": "local",
        "projectName": "p", "runName": "", "type": "FULL"})["artifactManifest"]
    specs = [{"artifactID": version, "name": name, "md5": md5(content)} for name, content in files.items()]
    nodes = [edge["node"] for edge in load.ask(FILES, input={
        "artifactFiles": specs, "storageLayout": "V2"})["files"]["edges"]]
    for node, content in zip(nodes, files.values(), strict=True):
        load.send("PUT", node["uploadUrl"], content=content)
    load.send("PUT", announced["file"]["uploadUrl"], content=body)
    load.ask(COMMIT, id=version)
    number = base64.b64decode(version).decode().split(":")[1]
    load.acknowledged.versions[number] = {name: md5(content) for name, content in files.items()}


class Limit(Protocol):
    """A disk with little room."""

    folder: Path
    sizes: Sequence[int]  # one after the other, in MiB

    def set(self, server: Server, size: int) -> None:
        """There is room for so many bytes from now on."""
        ...


@dataclass
class SmallDisk:
    """A file system of its own, in memory. The server's log is on it too."""

    folder: Path
    sizes = (8, 9)

    def set(self, server: Server, size: int) -> None:
        del server
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.folder)], check=True)


@dataclass
class SmallFiles:
    """No file may grow beyond a limit: that is EFBIG, which the database reports as a failed write."""

    folder: Path
    sizes = (2, 3)

    def set(self, server: Server, size: int) -> None:
        if server.process.poll() is None:
            _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, hard))


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MANY},mode=700", "tmpfs", str(folder)],
                          capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"a file system of its own takes root and the right to mount: {made.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(params=["small disk", "small files"])
def limit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Limit]:
    if request.param == "small files":
        yield SmallFiles(tmp_path)
    elif os.geteuid() != 0:
        pytest.skip("a file system of its own takes root")
    else:
        with small_disk(tmp_path / "disk") as made:
            yield made


def fill(server: Server, first: int, acknowledged: Acknowledged) -> None:
    """Until everybody is refused."""
    loads = [(Load(server, first + number, acknowledged), step)
             for number, step in enumerate([log_rows, log_rows, log_rows, upload, upload, log_version, log_version])]
    failures: list[BaseException] = []

    def run(load: Load, step: Callable[[Load, int], None]) -> None:
        try:
            load.run(step)
        except BaseException as error:  # noqa: BLE001 - raised below, in the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=one) for one in loads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def touch(server: Server) -> None:
    """Something is written."""
    load = Load(server, 0, Acknowledged())
    load.ask(UPSERT, input={"name": "r0", "modelName": "p"})
    load.close()


@contextlib.contextmanager
def opened(server: Server) -> Iterator[Backend]:
    backend = open_backend(Settings(data_dir=server.data_dir), StillClock())
    try:
        yield backend
    finally:
        backend.close()


def check(backend: Backend, acknowledged: Acknowledged) -> None:
    with reading(backend.database) as session:
        assert session.execute(text("PRAGMA integrity_check")).scalars().all() == ["ok"]
        assert session.execute(text("PRAGMA foreign_key_check")).all() == []
        for name, lines in acknowledged.rows.items():
            run = session.query(RunRow).filter_by(name=name).one()
            stored = rows_between(session, run, 0, 1 << 40)
            assert stored[:len(lines)] == lines
            assert len(stored) in {len(lines), len(lines) + 20}  # those of a try that was refused come whole
        for name, config in acknowledged.configs.items():
            stored_config = json.loads(session.query(RunRow).filter_by(name=name).one().config)
            assert stored_config["at"]["value"] >= json.loads(config)["at"]["value"]
        check_files(backend, session, acknowledged)
        check_versions(backend, session, acknowledged)


def check_files(backend: Backend, session: Session, acknowledged: Acknowledged) -> None:
    files = {row.name: row for row in session.execute(text("SELECT name, md5, blob_key FROM run_files")).all()}
    for name, sums in acknowledged.files.items():
        assert not sums or name in files or len(sums) > 1, name
        if name in files:
            assert files[name].md5 in sums
            assert md5(backend.blobs.load(files[name].blob_key)) == files[name].md5


def check_versions(backend: Backend, session: Session, acknowledged: Acknowledged) -> None:
    found: dict[str, dict[str, str]] = {}
    for row in session.execute(text(
            "SELECT a.id, e.path, b.digest, b.blob_key FROM artifacts a JOIN artifact_entries e ON e.artifact_id = a.id"
            " JOIN artifact_blobs b ON b.id = e.blob_id WHERE a.state = 'COMMITTED'")).all():
        assert md5(backend.blobs.load(row.blob_key)) == row.digest
        found.setdefault(str(row.id), {})[row.path] = row.digest
    assert found.items() >= acknowledged.versions.items()
    assert all(len(files) == 3 for files in found.values())
    manifests = session.execute(text("SELECT blob_key, digest FROM artifact_manifests WHERE blob_key IS NOT NULL"))
    for row in manifests.all():
        assert md5(backend.blobs.load(row.blob_key)) == row.digest


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", ROUNDS)
def test_what_was_acknowledged_is_there(limit: Limit, number: int) -> None:
    acknowledged = Acknowledged()
    with start_server(limit.folder) as server:
        touch(server)
        for at, size in enumerate(limit.sizes):  # full, and full again after a little room was made
            limit.set(server, size * MEBIBYTE)
            fill(server, 1000 * number + 100 * at, acknowledged)
        if number % 2 == 0:  # it goes on where it stands
            limit.set(server, MANY)
            touch(server)
        server.kill()
    limit.set(server, MANY)
    print(dict(sorted(acknowledged.statuses.items())), len(acknowledged.files), len(acknowledged.versions))
    with opened(server) as backend:
        check(backend, acknowledged)
        delete_orphaned_blobs(backend.database, backend.blobs)  # as a start does
        strays = [*find_strays(backend.database, backend.blobs, math.inf)]
        assert len(strays) <= acknowledged.statuses.get(503, 0)  # whose rows could have been there
