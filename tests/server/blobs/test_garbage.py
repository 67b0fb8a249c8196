"""Blobs that nothing names, and those that clients bring to a bucket themselves."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from sqlmodel import select

from dumbbell_server.app import create_app
from dumbbell_server.blobs import garbage
from dumbbell_server.blobs.direct_uploads import register_direct_uploads
from dumbbell_server.blobs.garbage import (
    BlobsOrphaned,
    delete_orphaned_blobs,
    find_strays,
    find_unfinished_uploads,
    orphan,
)
from dumbbell_server.blobs.memory import MemoryBlobs
from dumbbell_server.blobs.store import DirectStore, StagedBlob
from dumbbell_server.clock import StillClock
from dumbbell_server.database.engine import Database, reading
from dumbbell_server.database.events import Events
from dumbbell_server.database.opening import open_database
from dumbbell_server.database.tables import OrphanRow
from dumbbell_server.database.units import Unit
from dumbbell_server.files.tables import ExpectedFileRow, RunFileRow
from support.run_files_env import fill

assert create_app  # every domain's tables are known once the factory is imported
NOW = "2026-01-01T00:00:00.000000Z"


class Direct:
    """A store in which things come without us; uploads in parts that were begun an hour ago."""

    def __init__(self) -> None:
        self.came: dict[str, StagedBlob] = {}
        self.begun: list[tuple[str, str]] = []

    def look(self, key: str) -> StagedBlob | None:
        return self.came.get(key)

    def begun_parts(self, before: float) -> Iterator[tuple[str, str]]:
        return iter(self.begun if time.time() - 3600 < before else [])


@pytest.fixture
def direct() -> Direct:
    return Direct()


@pytest.fixture
def blobs(direct: Direct) -> MemoryBlobs:
    made = MemoryBlobs()
    made.direct = cast("DirectStore", direct)
    return made


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(None, tmp_path)
    opened.write(fill)
    yield opened
    opened.close()


Write = Callable[[Callable[[Unit], None]], None]


@pytest.fixture
def announced() -> list[object]:
    """The events of units that said that they orphan blobs."""
    return []


@pytest.fixture
def write(database: Database, announced: list[object]) -> Write:
    """Runs a unit of work of the server itself."""
    events = Events()
    events.subscribe(BlobsOrphaned, lambda _, event: announced.append(event))
    return lambda work: database.write(lambda session: work(Unit(session, StillClock(), events, None)))


def expected(database: Database, *keys: str) -> list[ExpectedFileRow]:
    database.write(lambda session: session.add_all(
        ExpectedFileRow(blob_key=key, run_id=1, name=key, created_at=NOW) for key in keys))
    return rows(database)


def rows(database: Database) -> list[ExpectedFileRow]:
    with reading(database) as session:
        return list(session.execute(select(ExpectedFileRow).order_by("blob_key")).scalars())


def orphans(database: Database) -> list[str]:
    with reading(database) as session:
        return list(session.execute(select(OrphanRow.key)).scalars())


def test_orphans_go_with_their_bytes_and_the_others_stay(database: Database, blobs: MemoryBlobs, write: Write,
                                                         announced: list[object],
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "MAX_PARAMETERS", 2)
    for key in "abcde":
        blobs.store(key, b"x")
    write(lambda unit: orphan(unit, ["a", "b", "c", "gone"]))
    assert announced == [BlobsOrphaned()]
    assert delete_orphaned_blobs(database, blobs) == 4
    assert ([*blobs.keys()], orphans(database)) == (["d", "e"], [])
    assert delete_orphaned_blobs(database, blobs) == 0


def test_a_unit_that_fails_orphans_nothing(database: Database, blobs: MemoryBlobs, write: Write) -> None:
    blobs.store("a", b"x")

    def failing(unit: Unit) -> None:
        orphan(unit, ["a"])
        unit.session.flush()
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        write(failing)
    assert (delete_orphaned_blobs(database, blobs), [*blobs.keys()]) == (0, ["a"])


def test_an_orphan_is_remembered_until_its_bytes_are_gone(database: Database, blobs: MemoryBlobs, write: Write,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    write(lambda unit: orphan(unit, ["a"]))

    def failing(_: str) -> None:
        raise ConnectionError

    monkeypatch.setattr(blobs, "delete", failing)
    with pytest.raises(ConnectionError):
        delete_orphaned_blobs(database, blobs)
    assert orphans(database) == ["a"]


def test_strays_are_old_and_named_by_no_row(database: Database, blobs: MemoryBlobs,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "MAX_PARAMETERS", 2)
    for key in ("stored", "awaited", "stray", "stray2", "stray3"):
        blobs.store(key, b"x")
    expected(database, "awaited")
    database.write(lambda session: session.add(RunFileRow(
        run_id=1, name="n", size=1, md5="", mimetype="", blob_key="stored", created_at=NOW, updated_at=NOW)))
    assert [*find_strays(database, blobs, time.time() - 60)] == []
    assert [*find_strays(database, blobs, math.inf)] == ["stray", "stray2", "stray3"]


def test_unfinished_uploads_are_old_and_awaited_by_no_row(database: Database, blobs: MemoryBlobs,
                                                          direct: Direct) -> None:
    expected(database, "awaited")
    direct.begun = [("awaited", "1"), ("left", "2")]
    assert [*find_unfinished_uploads(database, blobs, time.time() - 7200)] == []
    assert [*find_unfinished_uploads(database, blobs, time.time())] == [("left", "2")]
    blobs.direct = None
    assert [*find_unfinished_uploads(database, blobs, time.time())] == []


def test_every_table_with_blobs_is_asked_for_strays() -> None:
    assert {column.table.name for column in garbage.columns()} >= {
        "run_files", "run_files_expected", "artifact_blobs", "artifact_manifests", "artifact_parts",
        "artifact_blobs_expected"}


def test_direct_uploads_are_taken_once(database: Database, blobs: MemoryBlobs, direct: Direct, write: Write) -> None:
    found = expected(database, "came", "late", "lost")
    direct.came["came"] = StagedBlob("came", 3, b"")
    taken: list[Any] = []

    def take(_: Unit, row: ExpectedFileRow, blob: StagedBlob) -> None:
        taken.append((row.name, blob.size))

    def register() -> list[str]:
        return [*register_direct_uploads(write, blobs, found, take, lambda row: row.name == "lost")]

    assert register() == ["came"]
    assert ([row.name for row in rows(database)], orphans(database)) == (["late"], ["lost"])
    assert register() == ["came"]  # another request that had read the same rows
    assert taken == [("came", 3)]


def test_a_direct_upload_that_cannot_be_taken_stays_expected(database: Database, blobs: MemoryBlobs, direct: Direct,
                                                             write: Write) -> None:
    found = expected(database, "came")
    direct.came["came"] = StagedBlob("came", 3, b"")

    def take(*_: object) -> None:
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        register_direct_uploads(write, blobs, found, take)
    assert [row.name for row in rows(database)] == ["came"]


def test_nobody_asks_a_bucket_for_nothing(blobs: MemoryBlobs, database: Database, write: Write) -> None:
    blobs.direct = None
    assert register_direct_uploads(write, blobs, expected(database, "came"), lambda *_: None) == {}
