"""A full disk as clients see it: a status that they retry, a sentence, and nothing half done."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from support.world import UPSERT, World


def leave(world: World, spare: int) -> None:
    """As if the disk had room for so many pages more."""
    def limit(session: Session) -> None:
        pages = session.execute(text("PRAGMA page_count")).scalar_one()
        session.execute(text(f"PRAGMA max_page_count={pages + spare}")).scalar()
    world.backend.database.write(limit)


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_a_full_disk_is_507_until_there_is_room(world: World) -> None:
    world.upsert()
    leave(world, 2)
    config = {"name": "long", "modelName": "p", "config": '{"a": {"value": "%s"}}' % ("x" * 100_000)}
    (told,) = world.errors(UPSERT, {"input": config}, status=507)
    assert "the disk of the database is full" in told
    row = {"_step": 0, "noise": os.urandom(100_000).hex()}
    assert "disk" in str(world.history("r", [row], status=507))
    assert (world.count("runs"), world.count("chunks")) == (1, 0)
    leave(world, 1000)
    assert world.gql(UPSERT, {"input": config})["upsertBucket"]["inserted"]
    world.history("r", [row])
    assert (world.count("runs"), world.count("chunks")) == (2, 1)
