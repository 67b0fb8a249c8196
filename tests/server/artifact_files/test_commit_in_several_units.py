"""Versions whose files are put into the database in several units."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from dumbbell_server.artifact_files import commit
from dumbbell_server.artifacts.tables import ArtifactRow
from dumbbell_server.backend import Backend
from dumbbell_server.identity import Actor
from support.artifact_driver import ArtifactDriver, entry

FILES = {f"folder/f{at}": f"bytes of {at}".encode() for at in range(7)}
CONTENTS = {name: entry(data) for name, data in FILES.items()}


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "_AT_ONCE", 2)


def opened(driver: ArtifactDriver, files: dict[str, bytes]) -> str:
    """A version with bytes and manifest, to be committed."""
    made: str = driver.create()["id"]
    driver.upload(made, files)
    driver.give_manifest(made, {name: entry(data) for name, data in files.items()})
    return made


def held(driver: ArtifactDriver) -> dict[str, bytes]:
    """What the latest version has."""
    found = driver.world.gql("query Q($id: ID!) { artifact(id: $id) { fileCount files { edges { node { name } } } } }",
                             {"id": driver.version("set:latest")["id"]})["artifact"]
    names = [edge["node"]["name"] for edge in found["files"]["edges"]]
    assert found["fileCount"] == len(names)
    return {name: driver.get_file("set:latest", name) for name in names}


def test_every_file_is_there_in_the_end(driver: ArtifactDriver) -> None:
    assert driver.commit(opened(driver, FILES))["state"] == "COMMITTED"
    assert held(driver) == FILES


def test_what_a_broken_commit_left_is_overwritten_or_gone(driver: ArtifactDriver) -> None:
    made = opened(driver, FILES)
    with driver.world.backend.database.engine.begin() as connection:
        for path in ("folder/f0", "folder/f3", "gone"):
            connection.execute(text("INSERT INTO artifact_entries (artifact_id, path, digest, ref, size) "
                                    "SELECT max(id), :path, 'd', 's3://elsewhere', 1 FROM artifacts"), {"path": path})
    assert driver.world.gql("query Q($id: ID!) { artifact(id: $id) { files { edges { node { name } } } } }",
                            {"id": made})["artifact"]["files"]["edges"] == []
    driver.commit(made)
    assert held(driver) == FILES


@pytest.mark.parametrize("placed", [0, 2], ids=["before a file is placed", "after some are"])
def test_another_manifest_that_comes_meanwhile_counts(driver: ArtifactDriver, monkeypatch: pytest.MonkeyPatch,
                                                      placed: int,
                                                      ) -> None:
    made = opened(driver, FILES)
    later = {"folder/f1": b"another", "new": b"new"} | {f"more{at}": b"more" for at in range(4)}
    driver.upload(made, later)
    insert_all, came = commit._insert_all, []

    def late(backend: Backend, actor: Actor, artifact: int, contents: commit.Contents) -> ArtifactRow | None:
        if not came:
            came.append(True)
            backend.write(actor, commit._insert_some, artifact, contents, contents.entries[:placed])
            driver.give_manifest(made, {name: entry(data) for name, data in later.items()})
        return insert_all(backend, actor, artifact, contents)

    monkeypatch.setattr(commit, "_insert_all", late)
    driver.commit(made)
    assert came
    assert held(driver) == later


def test_missing_bytes_are_named_and_nothing_is_committed(driver: ArtifactDriver) -> None:
    made = driver.create()["id"]
    driver.upload(made, {name: data for name, data in FILES.items() if name != "folder/f6"})
    driver.give_manifest(made, CONTENTS)
    assert "folder/f6" in driver.commit(made, status=400)
    assert driver.version("set:latest") is None
    driver.upload(made, {"folder/f6": FILES["folder/f6"]})
    driver.commit(made)
    assert held(driver) == FILES
