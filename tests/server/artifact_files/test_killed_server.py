"""What happens to versions when the server ends without notice."""

from __future__ import annotations

import contextlib
import json
import random
import sqlite3
import threading
import time
from itertools import count
from pathlib import Path

import httpx2
import pytest

from support.artifact_driver import ArtifactDriver, md5
from support.live import Live
from support.server import Server, start_server

ROUNDS = 20
WRITERS = 3
ALL = """query Q($c: String) { project(name: "p", entityName: "local") { artifactType(name: "dataset") {
    artifactCollection(name: "set") { artifacts(first: 1000, after: $c) { totalCount pageInfo { hasNextPage endCursor }
    edges { version node { id state aliases { alias } currentManifest { file { directUrl } }
    files(first: 1000) { edges { node { name md5 sizeBytes directUrl } } } } } } } } } }"""

numbers = count()


def log_until_killed(server: Server, committed: list[str]) -> None:
    driver = ArtifactDriver(Live(server))  # type: ignore[arg-type]
    try:
        while True:
            number = next(numbers)
            files = {f"f{at}": f"{number} {at}".encode() * 1000 for at in range(5)} | {"shared": b"the same"}
            committed.append(driver.log(files)["id"])
    except httpx2.TransportError:
        pass  # the server was killed, as it was meant to be
    finally:
        driver.world.client.close()


def check(server: Server, committed: list[str]) -> None:
    """Every version that is listed has its manifest and every byte; every one that was acknowledged is listed."""
    live = Live(server)
    driver = ArtifactDriver(live)  # type: ignore[arg-type]
    project = live.gql(ALL)["project"]
    edges = project["artifactType"]["artifactCollection"]["artifacts"]["edges"] if project else []
    assert set(committed) <= {edge["node"]["id"] for edge in edges}
    assert [edge["version"] for edge in edges] == [f"v{at}" for at in reversed(range(len(edges)))]
    for edge in edges:
        contents = json.loads(driver.get(edge["node"]["currentManifest"]["file"]["directUrl"]))["contents"]
        files = {file["node"]["name"]: file["node"] for file in edge["node"]["files"]["edges"]}
        assert files.keys() == contents.keys()
        for file in files.values():
            assert md5(driver.get(file["directUrl"])) == file["md5"]
    live.client.close()


def unfinished(folder: Path) -> int:
    """How many versions were begun and never committed; each of the writers leaves at most one when it is cut off."""
    with contextlib.closing(sqlite3.connect(folder / "dumbbell.db")) as database:
        return int(database.execute("SELECT count(*) FROM artifacts WHERE state = 'PENDING'").fetchone()[0])


@pytest.mark.timeout(600)
def test_no_committed_version_lacks_a_byte_after_kill_nine(tmp_path: Path) -> None:
    committed: list[str] = []
    chance = random.Random(7)
    for _ in range(ROUNDS):
        with start_server(tmp_path) as server:
            threads = [threading.Thread(target=log_until_killed, args=(server, committed)) for _ in range(WRITERS)]
            for thread in threads:
                thread.start()
            enough, deadline = len(committed) + chance.randint(1, 4), time.monotonic() + 30
            while len(committed) < enough and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.05))
            server.kill()
            for thread in threads:
                thread.join()
    with start_server(tmp_path) as server:
        check(server, committed)
        cut = unfinished(server.data_dir)
    assert len(committed) >= ROUNDS
    assert cut >= ROUNDS, "the server was killed in the middle of its work, and not between"
