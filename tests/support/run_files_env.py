"""Runs to put files to, for the tests in this folder."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy.orm import Session
from sqlmodel import select

from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.backend import Backend
from dumbbell_server.clock import StillClock
from dumbbell_server.database.engine import reading
from dumbbell_server.files.names import path_of
from dumbbell_server.files.tables import RunFileRow
from dumbbell_server.identity import Actor, Role
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.tables import RunRow

BASE = "http://testserver"


@dataclass
class State:
    """What the routes read of the app's state."""

    backend: Backend
    pool: ThreadPoolExecutor


@dataclass
class RunFilesEnv:
    """An open backend with two runs in one project and a third in another's."""

    backend: Backend
    clock: StillClock
    runs: list[int]
    member: Actor
    viewer: Actor
    stranger: Actor

    def blobs(self) -> int:
        """How many blobs the store holds, kept or arriving."""
        return len(list(self.backend.blobs.keys()))

    def rows(self) -> list[RunFileRow]:
        with reading(self.backend.database) as session:
            return list(session.execute(select(RunFileRow).order_by("id")).scalars())

    def put_url(self, name: str, run_id: int | None = None) -> str:
        return self.backend.signer.url(BASE, "PUT", path_of(run_id or self.runs[0], name))

    def get_url(self, name: str, run_id: int | None = None) -> str:
        return self.backend.signer.url(BASE, "GET", path_of(run_id or self.runs[0], name))


def fill(session: Session) -> list[int]:
    now = "2026-01-01T00:00:00.000000Z"
    runs = []
    for number in (1, 2):
        session.add(EntityRow(id=number, name=f"team{number}", kind="team", created_at=now))
        session.flush()
        session.add(ProjectRow(id=number, entity_id=number, user_id=1, name="p", access="PRIVATE", created_at=now,
                               updated_at=now))
        session.flush()
    for project, name in ((1, "a"), (1, "b"), (2, "c")):
        run = RunRow(project_id=project, user_id=1, name=name, display_name=name, state="running", created_at=now,
                     heartbeat_at=now, updated_at=now)
        session.add(run)
        session.flush()
        runs.append(run.id)
    return runs


def make_actor(user_id: int, entity_id: int, role: Role) -> Actor:
    return Actor(user_id, f"user{user_id}", admin=False, entity_id=entity_id, entity_name=f"team{entity_id}",
                 roles={entity_id: role})
