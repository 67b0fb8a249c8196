"""What is deleted is gone at once; its rows go in pieces, between which others write, and which a crash only delays."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from dumbbell_server.blobs import removal
from dumbbell_server.database.engine import reading
from support.gaps import Gaps, Killed
from support.removals import DELETIONS, Held, hold
from support.run_history import rows
from support.server import STILL, Server, start_server
from support.world import UPSERT, World

FEW = 2
ROWS = ("runs", "chunks", "stream_heads", "run_files", "artifact_entries", "artifact_manifests", "artifacts",
        "artifact_memberships", "artifact_aliases", "artifact_collections", "artifact_blobs", "artifact_types")


@pytest.fixture
def held(world: World) -> Held:
    return hold(world)


@pytest.fixture
def gaps(held: Held, monkeypatch: pytest.MonkeyPatch) -> Gaps:
    return Gaps(held.world, monkeypatch)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A piece ends with the first rows that it removes, and these are at most two."""
    for name in ("_MANY", "_FEW", "_PARENTS"):
        monkeypatch.setattr(removal, name, FEW)
    monkeypatch.setattr(removal, "_PIECE", 0.0)
    removal._at_once.cache_clear()
    yield
    removal._at_once.cache_clear()


def counted(world: World) -> int:
    return sum(world.count(table) for table in ROWS)


@pytest.mark.parametrize("what", DELETIONS)
def test_what_is_deleted_is_gone_before_its_rows_are(held: Held, what: str) -> None:
    world, deletion = held.world, DELETIONS[what]
    world.backend.ending.set()  # no piece begins, as if the server had been killed with the first unit on disk
    before = {table: world.count(table) for table in deletion.rows}
    deletion.act(held)
    assert {table: world.count(table) for table in deletion.rows} == before
    deletion.gone(held)
    look = deletion.again(held)
    look()
    world.backend.ending.clear()
    with_old = counted(world)
    world.backend.remove_leftovers()  # what the next start does
    look()
    assert world.count("removals") == 0
    assert counted(world) < with_old


def begun(world: World, what: str) -> bool:
    """Whether it is hidden and not removed yet. A run's versions go before it, one by one."""
    kind = "collection" if what == "portfolio" else what
    with reading(world.backend.database) as session:
        return session.execute(text("SELECT id FROM removals WHERE kind = :kind"), {"kind": kind}).first() is not None


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("what", DELETIONS)
def test_others_write_between_small_pieces(held: Held, gaps: Gaps, what: str) -> None:
    world, deletion = held.world, DELETIONS[what]
    for number in range(9):
        world.history("r", rows(number), x_wandb_use_async_filestream="true", x_wandb_async_client_id=str(number))
    counts: list[int] = []

    def look() -> None:
        if begun(world, what):
            deletion.gone(held)
            counts.append(counted(world))

    gaps.watch(look, lambda: deletion.act(held))
    assert world.count("removals") == 0
    deletion.gone(held)
    counts.append(counted(world))
    assert counts[0] - counts[-1] > FEW
    assert max(earlier - later for earlier, later in pairwise(counts)) <= FEW + 1  # and what held them


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("what", DELETIONS)
def test_a_removal_that_breaks_off_goes_on(held: Held, gaps: Gaps, what: str) -> None:
    world, deletion = held.world, DELETIONS[what]
    seen = 0

    def kill() -> None:
        nonlocal seen
        seen += begun(world, what)
        if seen > 1:  # the first is the unit that hides it
            raise Killed

    gaps.watch(kill, lambda: deletion.act(held))
    assert begun(world, what)
    deletion.gone(held)
    look = deletion.again(held)
    world.backend.remove_leftovers()
    assert world.count("removals") == 0
    look()


def _add_chunks(server: Server, count: int) -> None:
    with closing(sqlite3.connect(server.data_dir / "dumbbell.db")) as database:
        database.execute("""WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO chunks (run_id, stream, writer, first_line, line_count, ordered, body)
            SELECT 1, 0, 'w', i, 1, 0, zeroblob(100) FROM n""", (count,))
        database.commit()


def _counts(server: Server) -> tuple[int, int]:
    with closing(sqlite3.connect(server.data_dir / "dumbbell.db")) as database:
        return (database.execute("SELECT count(*) FROM removals").fetchone()[0],
                database.execute("SELECT count(*) FROM chunks").fetchone()[0])


def _ask(server: Server, query: str, **variables: object) -> dict[str, Any]:
    answer = httpx2.post(f"{server.base_url}/graphql", json={"query": query, "variables": variables},
                         headers={"authorization": f"Bearer {server.api_key}"}, timeout=60)
    data: dict[str, Any] = answer.raise_for_status().json()["data"]
    return data


def test_a_server_goes_on_where_one_was_killed(tmp_path: Path) -> None:
    look = 'query { project(name: "p") { run(name: "r") { id historyLineCount } } }'
    with start_server(tmp_path, **STILL) as server:
        run = _ask(server, UPSERT, input={"name": "r", "modelName": "p"})["upsertBucket"]["bucket"]["id"]
        _add_chunks(server, 100_000)

        def delete() -> None:
            with suppress(httpx2.TransportError):  # it is killed before it answers
                _ask(server, "mutation M($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }", id=run)

        deleting = threading.Thread(target=delete)
        deleting.start()
        until = time.monotonic() + 60
        while _counts(server)[0] == 0:
            assert time.monotonic() < until
        server.kill()
        deleting.join()
        removals, chunks = _counts(server)
        assert (removals, chunks > 0) == (1, True)
    with start_server(tmp_path, **STILL) as server:
        assert _ask(server, look)["project"]["run"] is None
        made = _ask(server, UPSERT, input={"name": "r", "modelName": "p"})["upsertBucket"]
        assert made["inserted"]
        until = time.monotonic() + 60
        while _counts(server) != (0, 0):
            assert time.monotonic() < until
            time.sleep(0.05)
        assert _ask(server, look)["project"]["run"]["id"] == made["bucket"]["id"]
