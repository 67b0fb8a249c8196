"""The user of the server itself, whatever they and others are called since."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient
from typer.testing import CliRunner

from dumbbell_server.accounts import queries, service
from dumbbell_server.accounts.access import actor_of_user
from dumbbell_server.accounts.first_user import first_user
from dumbbell_server.accounts.keys import digest
from dumbbell_server.accounts.tables import UserRow
from dumbbell_server.app import create_app
from dumbbell_server.backend import Backend, open_backend
from dumbbell_server.cli import app
from dumbbell_server.clock import StillClock
from dumbbell_server.database.engine import reading
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import StartupError
from dumbbell_server.settings import Settings
from dumbbell_server.web.sign_in import SignIn
from dumbbell_server.wiring import first_key

FIRST, CHANGED = "f" * 40, "c" * 40


def start(folder: Path, key: str | None, **more: bool) -> Backend:
    """As `dumbbell serve` does."""
    backend = open_backend(Settings(data_dir=folder, api_key=key, **more), StillClock())
    try:
        first_key(backend)
    except StartupError:
        backend.close()
        raise
    return backend


def owner(backend: Backend, key: str) -> str | None:
    with reading(backend.database) as session:
        row = queries.key_by_digest(session, digest(key))
        found = session.get(UserRow, row.user_id) if row else None
        return found.username if found else None


def first(backend: Backend) -> str | None:
    with reading(backend.database) as session:
        found = first_user(session, "local")
        return found.username if found else None


def user(unit: Unit, name: str) -> UserRow:
    found = queries.user_by_name(unit.session, name)
    assert found is not None
    return found


def rename(backend: Backend) -> None:
    with reading(backend.database) as session:
        found = queries.user_by_name(session, "local")
        assert found is not None
        actor = actor_of_user(session, found)
    backend.write(actor, service.rename_entity, "local", "other")


def take_name(backend: Backend) -> None:
    backend.write(None, service.create_user, "local")


def delete(backend: Backend) -> None:
    backend.write(None, lambda unit: service.delete_user(unit, user(unit, "local")))


def forget_who_is_first(backend: Backend) -> None:
    """As servers of before it was recorded."""
    statement = text("DELETE FROM server_state WHERE key LIKE 'first_user%'")
    backend.write(None, lambda unit: unit.session.execute(statement))


@pytest.mark.parametrize("recorded", [True, False])
def test_a_renamed_first_user_gets_the_changed_key(tmp_path: Path, *, recorded: bool) -> None:
    with contextlib.closing(start(tmp_path, FIRST)) as backend:
        rename(backend)
        take_name(backend)
        if not recorded:
            forget_who_is_first(backend)
    with contextlib.closing(start(tmp_path, CHANGED)) as backend:
        assert [owner(backend, key) for key in (FIRST, CHANGED)] == ["other", "other"]
        assert first(backend) == "other"


def test_who_took_the_name_of_a_deleted_first_user_gets_no_key(tmp_path: Path) -> None:
    with contextlib.closing(start(tmp_path, FIRST)) as backend:
        delete(backend)
        take_name(backend)
    with pytest.raises(StartupError, match=r"'local' is deleted, and somebody else is called so now.*DUMBBELL_API_KEY"):
        start(tmp_path, CHANGED)
    with contextlib.closing(start(tmp_path, None)) as backend:
        assert owner(backend, CHANGED) is None
        assert first(backend) is None


def test_a_deleted_first_user_is_made_again_where_the_name_is_free(tmp_path: Path) -> None:
    with contextlib.closing(start(tmp_path, FIRST)) as backend:
        delete(backend)
    for _ in range(2):
        with contextlib.closing(start(tmp_path, CHANGED)) as backend:
            assert owner(backend, CHANGED) == "local"
            assert first(backend) == "local"


def test_any_key_of_an_open_server_is_never_that_of_who_took_the_name(tmp_path: Path) -> None:
    with contextlib.closing(start(tmp_path, FIRST, open=True)) as backend:
        rename(backend)
        take_name(backend)
        client = TestClient(create_app(backend), base_url="http://localhost")
        answer = client.post("/graphql", json={"query": "{ viewer { username } }"},
                             headers={"authorization": f"Bearer {CHANGED}"})
        assert answer.json() == {"data": {"viewer": {"username": "other"}}}


def test_the_link_to_sign_in_is_the_first_users(tmp_path: Path) -> None:
    with contextlib.closing(start(tmp_path, FIRST)) as backend:
        rename(backend)
        take_name(backend)
        sign_in = SignIn(backend)
        link = sign_in.link("http://localhost")
        with reading(backend.database) as session:
            key = sign_in.take_link(link.partition("token=")[2], session)
            assert key is not None
            assert key.digest == digest(FIRST)


def test_dumbbell_token_is_the_first_users(tmp_path: Path) -> None:
    with contextlib.closing(start(tmp_path, FIRST)) as backend:
        rename(backend)
        take_name(backend)
    made = CliRunner().invoke(app, ["token", "--data-dir", str(tmp_path)], catch_exceptions=False)
    with contextlib.closing(start(tmp_path, None)) as backend:
        assert owner(backend, made.stdout.strip()) == "other"
