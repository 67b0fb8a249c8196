from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from dumbbell_server.backend import open_backend
from dumbbell_server.blobs.garbage import BlobsOrphaned, delete_orphaned_blobs
from dumbbell_server.clock import StillClock
from dumbbell_server.files.routes import ROUTES
from dumbbell_server.http.middleware import Edge
from dumbbell_server.identity import Role
from dumbbell_server.settings import Settings
from support.run_files_env import BASE, RunFilesEnv, State, fill, make_actor
from support.s3 import reach_the_network


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunFilesEnv]:
    clock = StillClock()
    url = request.getfixturevalue("bucket") if request.param == "s3" else None
    backend = open_backend(Settings(data_dir=tmp_path, blob_url=url, max_upload=1 << 20), clock)
    runs = backend.database.write(fill)
    yield RunFilesEnv(backend, clock, runs, make_actor(1, 1, Role.MEMBER), make_actor(2, 1, Role.VIEWER),
                make_actor(3, 2, Role.ADMIN))
    backend.close()


@pytest.fixture
def app(place: RunFilesEnv) -> Iterator[Starlette]:
    inner = Starlette(routes=ROUTES, middleware=[Middleware(Edge, place.backend.settings)])
    pool = ThreadPoolExecutor(2)
    inner.state.dumbbell = State(place.backend, pool)
    delete_blobs = partial(delete_orphaned_blobs, place.backend.database, place.backend.blobs)
    place.backend.events.subscribe(BlobsOrphaned, lambda unit, _: unit.after_commit(delete_blobs))
    yield inner
    pool.shutdown()


@pytest.fixture
def client(app: Starlette) -> Iterator[TestClient]:
    with TestClient(app, BASE) as client:
        reach_the_network(client)
        yield client
