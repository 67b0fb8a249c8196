"""What a unit of work wants done once it is on disk."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from dumbbell_server.accounts import queries, service
from dumbbell_server.blobs.garbage import orphan
from dumbbell_server.database.engine import reading
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import Conflict
from support.world import World


class Undone(Exception):
    pass


def there(world: World, name: str) -> bool:
    with reading(world.backend.database) as session:
        return queries.user_by_name(session, name) is not None


def test_it_is_done_once_and_after_the_commit(world: World) -> None:
    seen: list[bool] = []

    def look() -> None:
        seen.append(there(world, "ada"))

    def work(unit: Unit) -> str:
        unit.after_commit(look)
        unit.after_commit(look)
        assert seen == []
        return service.create_user(unit, "ada").username

    assert world.backend.write(None, work) == "ada"
    assert seen == [True]


def test_a_refused_unit_has_nothing_done(world: World) -> None:
    done: list[str] = []

    def work(unit: Unit) -> None:
        unit.after_commit(lambda: done.append("never"))
        service.create_user(unit, "local")

    with pytest.raises(Conflict):
        world.backend.write(None, work)
    assert done == []


def test_what_an_attempt_wanted_that_was_undone_is_not_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    write, done, attempts = world.backend.database.write, [], iter(("first", "second"))

    def write_again(unit: Callable[[Session], Any]) -> Any:
        def undo(session: Session) -> None:
            unit(session)
            raise Undone
        with contextlib.suppress(Undone):
            write(undo)
        return write(unit)

    def work(unit: Unit) -> None:
        attempt = next(attempts)
        unit.after_commit(lambda: done.append(attempt))

    monkeypatch.setattr(world.backend.database, "write", write_again)
    world.backend.write(None, work)
    assert done == ["second"]


def test_one_that_fails_is_no_failure_of_the_unit_nor_of_the_others(world: World) -> None:
    done: list[int] = []

    def fail() -> None:
        raise Undone

    def work(unit: Unit) -> None:
        for act in (lambda: done.append(1), fail, lambda: done.append(2)):
            unit.after_commit(act)
        service.create_user(unit, "ada")

    world.backend.write(None, work)
    assert done == [1, 2]
    asyncio.run(world.backend.write_soon(None, lambda unit: unit.after_commit(fail)))
    assert there(world, "ada")


def test_blobs_that_a_unit_orphans_go_after_it(world: World) -> None:
    world.backend.write(None, lambda unit: orphan(unit, ["runs/nobody"]))
    assert world.count("orphans") == 0
