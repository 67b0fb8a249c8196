"""A backend in a temporary folder, and a schema of accounts alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import strawberry

from dumbbell_server.accounts import service
from dumbbell_server.accounts.access import actor_of_user
from dumbbell_server.accounts.graphql import AccountsQuery, EntityCore, OrganizationCore, UserCore
from dumbbell_server.accounts.mutations import AccountsMutation
from dumbbell_server.accounts.queries import user_by_name
from dumbbell_server.backend import Backend, open_backend
from dumbbell_server.clock import StillClock
from dumbbell_server.database.engine import reading
from dumbbell_server.graph.context import Context
from dumbbell_server.graph.execution import Answer, Executor
from dumbbell_server.graph.scalars import CONFIG
from dumbbell_server.identity import Actor
from dumbbell_server.settings import Settings


@strawberry.type
class User(UserCore):
    pass


@strawberry.type
class Entity(EntityCore):
    pass


@strawberry.type
class Organization(OrganizationCore):
    pass


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    opened = open_backend(Settings(data_dir=tmp_path), StillClock())
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def executor() -> Executor:
    """The whole schema where there is one, else one of accounts."""
    try:
        from dumbbell_server.schema import schema  # noqa: PLC0415
    except ImportError:
        schema_module = ModuleType("dumbbell_server.schema")
        schema_module.__dict__.update(User=User, Entity=Entity, Organization=Organization)
        sys.modules["dumbbell_server.schema"] = schema_module
        try:
            made: Any = strawberry.Schema(AccountsQuery, AccountsMutation, config=CONFIG)
            return Executor(made._schema)
        finally:
            del sys.modules["dumbbell_server.schema"]
    whole: Any = schema
    return Executor(getattr(whole, "_schema", whole))


class Town:
    """Users by name, and questions in their names."""

    def __init__(self, backend: Backend, executor: Executor) -> None:
        self.backend = backend
        self.executor = executor

    def user(self, name: str, **more: Any) -> Actor:
        self.backend.write(None, service.create_user, name, **more)
        return self.actor(name)

    def actor(self, name: str) -> Actor:
        with reading(self.backend.database) as session:
            user = user_by_name(session, name)
            assert user is not None
            return actor_of_user(session, user)

    def answer(self, name: str | None, text: str, /, **variables: Any) -> Answer:
        context = Context(self.backend, self.actor(name) if name else None, "http://localhost")
        try:
            return self.executor.run(text, variables, None, context)
        finally:
            context.close()

    def ask(self, name: str | None, text: str, /, **variables: Any) -> Any:
        answer = self.answer(name, text, **variables)
        assert "errors" not in answer.body, answer.body
        return answer.body["data"]


@pytest.fixture
def town(backend: Backend, executor: Executor) -> Town:
    return Town(backend, executor)
