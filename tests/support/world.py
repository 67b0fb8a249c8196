"""The whole server in this process, on a database of its own and a clock that stands still."""

from __future__ import annotations

import contextlib
import gzip
import json
import tempfile
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from dumbbell_server.accounts import service
from dumbbell_server.accounts.keys import add_key
from dumbbell_server.app import create_app
from dumbbell_server.backend import Backend, open_backend
from dumbbell_server.clock import StillClock
from dumbbell_server.database.engine import reading
from dumbbell_server.database.opening import open_database
from dumbbell_server.database.units import Unit
from dumbbell_server.settings import Settings
from dumbbell_server.wiring import first_key
from support.postgres import lent_database
from support.s3 import reach_the_network

KEY = "f" * 40
MAX_BODY = 4 << 20
_FILE = "dumbbell.db"

UPSERT = """mutation Upsert($input: UpsertBucketInput!) { upsertBucket(input: $input) { inserted bucket {
  id name displayName state notes tags config summaryMetrics jobType group exitcode stopped
  project { name entity { name } } } } }"""


class World:
    """Questions and posts to the server, as the first user unless another key is given."""

    def __init__(self, backend: Backend, clock: StillClock, client: TestClient) -> None:
        self.backend = backend
        self.clock = clock
        self.client = client

    def answer(self, query: str, variables: dict[str, Any] | None = None, *, key: str | None = KEY, status: int = 200,
               **body: Any) -> Any:
        """The whole body of an answer."""
        answer = self.client.post("/graphql", json={"query": query, "variables": variables, **body},
                                  headers=_headers(key))
        assert answer.status_code == status, answer.text
        return answer.json()

    def gql(self, query: str, variables: dict[str, Any] | None = None, *, key: str | None = KEY, status: int = 200,
            **body: Any) -> Any:
        """The data of an answer without errors."""
        found = self.answer(query, variables, key=key, status=status, **body)
        assert "errors" not in found, found
        return found["data"]

    def errors(self, query: str, variables: dict[str, Any] | None = None, *, key: str | None = KEY,
               status: int = 200) -> list[str]:
        """The messages of an answer that has errors."""
        return [error["message"] for error in self.answer(query, variables, key=key, status=status)["errors"]]

    def stream(self, run: str, body: Any, *, project: str = "p", entity: str = "local", key: str | None = KEY,
               status: int = 200, gzipped: bool = False, **headers: str) -> Any:
        """Post to a run's file stream; bytes go out as they are, anything else as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()} | _headers(key)
        if gzipped:
            raw, sent["content-encoding"] = gzip.compress(raw), "gzip"
        answer = self.client.post(f"/files/{entity}/{project}/{run}/file_stream", content=raw, headers=sent)
        assert answer.status_code == status, answer.text
        return answer.json()

    def upsert(self, name: str | None = "r", *, key: str | None = KEY, **fields: Any) -> Any:
        """The payload of upsertBucket, in project `p` unless another or an id is named."""
        place = {} if "id" in fields else {"name": name, "modelName": "p"}
        return self.gql(UPSERT, {"input": {**place, **fields}}, key=key)["upsertBucket"]

    def refused_upsert(self, name: str | None = "r", *, key: str | None = KEY, status: int = 400,
                       **fields: Any) -> str:
        """The message with which upsertBucket refuses."""
        place = {} if "id" in fields else {"name": name, "modelName": "p"}
        return self.errors(UPSERT, {"input": {**place, **fields}}, key=key, status=status)[0]

    def run(self, fields: str, name: str = "r", *, project: str = "p", entity: str | None = None,
            key: str | None = KEY) -> Any:
        """Fields of a run, or None where it or its project is missing."""
        query = f"query Q($p: String, $e: String, $r: String!) {{ project(name: $p, entityName: $e) {{ run(name: $r) {{ {fields} }} }} }}"  # noqa: E501
        found = self.gql(query, {"p": project, "e": entity, "r": name}, key=key)["project"]
        return found and found["run"]

    def history(self, run: str, rows: list[Any], offset: int = 0, **more: Any) -> Any:
        """Post history rows; texts go out as they are."""
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        return self.stream(run, {"files": {"wandb-history.jsonl": {"offset": offset, "content": lines}}}, **more)

    def add_user(self, name: str, key: str) -> None:
        """Another user, who has this key."""
        def make(unit: Unit) -> None:
            add_key(unit, service.create_user(unit, name).id, key)
        self.backend.write(None, make)

    def count(self, table: str) -> int:
        """How many rows a table has."""
        with reading(self.backend.database) as session:
            return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def _headers(key: str | None) -> dict[str, str]:
    return {} if key is None else {"authorization": f"Bearer {key}"}


@cache
def _without_rows() -> bytes:
    """The file of a SQLite database with our tables: to make them takes longer than many a test."""
    with tempfile.TemporaryDirectory(prefix="dumbbell-tables-") as name:
        open_database(None, Path(name), "FULL").close()
        return (Path(name) / _FILE).read_bytes()


@contextlib.contextmanager
def open_world(folder: Path, database_url: str | None = None, **more: Any) -> Iterator[World]:
    if database_url is None and not (folder / _FILE).exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _FILE).write_bytes(_without_rows())
    clock = StillClock()
    limits = {"max_graphql_body": MAX_BODY, "max_stream_body": MAX_BODY, **more}
    settings = Settings(data_dir=folder, database_url=database_url, api_key=KEY, **limits)
    backend = open_backend(settings, clock)
    try:
        first_key(backend)
        app: Any = create_app(backend)
        try:
            with TestClient(app) as client:
                yield World(backend, clock, client)
        finally:
            app.state.dumbbell.close()
    finally:
        backend.close()


@contextlib.contextmanager
def world_on_backend(request: pytest.FixtureRequest, folder: Path) -> Iterator[World]:
    """A world on what the fixture's parameter names: `sqlite`, `postgres`, or `s3`, which is SQLite and a bucket."""
    url = bucket = None
    with contextlib.ExitStack() as stack:
        if request.param == "postgres":
            url = stack.enter_context(lent_database(request.getfixturevalue("postgres"), f"world_{uuid.uuid4().hex}"))
        if "s3" in {request.param, request.config.getoption("--blobs")}:
            bucket = request.getfixturevalue("bucket")
        opened = stack.enter_context(open_world(folder, url, blob_url=bucket))
        if bucket is not None:
            reach_the_network(opened.client)
        yield opened
