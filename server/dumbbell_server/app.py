"""The application factory: everything wired together. Only the command and tests come in here."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from dumbbell_server.accounts.access import Keys
from dumbbell_server.accounts.events import AccountsChanged
from dumbbell_server.artifact_files.routes import ROUTES as ARTIFACTS
from dumbbell_server.artifacts import removal as artifacts
from dumbbell_server.artifacts.uses import INPUT, OUTPUT, versions_of_runs
from dumbbell_server.backend import Backend
from dumbbell_server.blobs.garbage import delete_orphaned_blobs
from dumbbell_server.errors import StorageFull, StorageUnavailable
from dumbbell_server.exchanges.disturbing import Disturb
from dumbbell_server.exchanges.faults import FAULTS, Faults
from dumbbell_server.exchanges.reading import Routes
from dumbbell_server.exchanges.recorder import RECORDER, Recorder
from dumbbell_server.exchanges.watching import Watch
from dumbbell_server.files.routes import ROUTES as FILES
from dumbbell_server.graph.execution import BeforeQuery, Executor
from dumbbell_server.history.events import KeysRead, RowsCame
from dumbbell_server.history.ingest.routes import ROUTES as INGEST
from dumbbell_server.history.parquet.routes import ROUTES as PARQUET
from dumbbell_server.history.reading.forks import copy_ahead
from dumbbell_server.history.reading.providers import history_keys, keys_info
from dumbbell_server.http.endpoint import graphql
from dumbbell_server.http.gate import Gate
from dumbbell_server.http.health import healthz, no_telemetry, ready
from dumbbell_server.http.memory import Memory
from dumbbell_server.http.middleware import Edge, no_route
from dumbbell_server.http.state import AppState
from dumbbell_server.registries.cache import LinkSource
from dumbbell_server.runs.cache import RunSource
from dumbbell_server.runs.fields import HISTORY_KEYS, INPUT_ARTIFACTS, KEYS_INFO, OUTPUT_ARTIFACTS
from dumbbell_server.runs.graphql import SHOWING_RUNS, expire_silent_runs
from dumbbell_server.runs.service import BEFORE_DELETING
from dumbbell_server.schema import build_schema
from dumbbell_server.sweeps.searches import SEARCHES, Searches
from dumbbell_server.web.pages import ROUTES as PAGES
from dumbbell_server.web.sign_in import SignIn
from dumbbell_server.wiring import make_worker, subscribe

_WRITERS = 4  # threads that wait for the writer, so that it can group their commits
_READERS = 2  # threads that execute queries: more would only fight for the interpreter


def create_app(backend: Backend) -> Starlette:
    """The whole server over an open backend; the caller closes it, and starts `state.worker` or does not."""
    keys = Keys(backend.database, backend.settings)
    backend.register_cache(keys.clear)
    backend.events.subscribe(AccountsChanged, lambda unit, _event: unit.after_commit(keys.clear))
    subscribe(backend)
    _provide(backend)
    with contextlib.suppress(StorageFull, StorageUnavailable):  # it is in the log, and the next one does it
        delete_orphaned_blobs(backend.database, backend.blobs)
    # plain Starlette: to import FastAPI takes a fifth of a start, and nothing here needs it
    gate = Gate()
    backend.register_pause(gate.closed)
    edge = Middleware(Edge, backend.settings, gate)
    routes = [
        Route("/graphql", graphql, methods=["POST"]),
        *INGEST,
        *PARQUET,
        *FILES,
        *ARTIFACTS,
        Route("/ready", ready),
        Route("/healthz", healthz),
        Route("/sdk/otel/{rest:path}", no_telemetry, methods=["GET", "POST"]),
        *PAGES,
    ]
    around = [*_around(backend, keys, Routes(routes)), edge]
    app = Starlette(middleware=around, exception_handlers={HTTPException: no_route}, routes=routes)
    app.router.redirect_slashes = False
    app.state.worker = worker = make_worker(backend)
    backend.register_pause(worker.paused)
    backend.events.subscribe(RowsCame, lambda _unit, event: worker.rows_came(event))
    backend.events.subscribe(KeysRead, lambda _unit, event: worker.keys_read(event))
    app.state.sign_in = SignIn(backend)
    executor = Executor(build_schema(), [BeforeQuery(SHOWING_RUNS, expire_silent_runs)])
    backend.register_cache(executor.documents.clear)
    app.state.dumbbell = AppState(
        backend, executor, keys.actor, keys.remembered, Memory(backend.settings.body_memory),
        ThreadPoolExecutor(_WRITERS, "dumbbell-writes"), ThreadPoolExecutor(_READERS, "dumbbell-reads"),
        ThreadPoolExecutor(1, "dumbbell-keys"))
    return app


def _around(backend: Backend, keys: Keys, templates: Routes) -> list[Middleware]:
    """What records exchanges and has them go wrong, once the admin port asks for it."""
    recorder, faults = Recorder(on=backend.settings.record), Faults()
    backend.provide(RECORDER, recorder)
    backend.provide(FAULTS, faults)
    return [Middleware(Watch, recorder, templates, keys.remembered), Middleware(Disturb, faults, templates)]


def _provide(backend: Backend) -> None:
    """Lower domains ask, higher ones answer."""
    backend.run_columns.source = RunSource(backend)
    backend.registry_columns.source = LinkSource()

    def before_deleting(run_id: int, with_logged: bool) -> None:
        copy_ahead(backend, run_id, -1)
        if with_logged:
            artifacts.prepare_runs_deletion(backend, run_id)

    backend.provide(BEFORE_DELETING, before_deleting)
    searches = Searches(backend)
    backend.register_threads(searches.close)
    backend.register_cache(searches.clear)
    backend.provide(SEARCHES, searches)
    backend.provide(HISTORY_KEYS, history_keys(backend))
    backend.provide(KEYS_INFO, keys_info(backend))
    backend.provide(INPUT_ARTIFACTS, versions_of_runs(INPUT))
    backend.provide(OUTPUT_ARTIFACTS, versions_of_runs(OUTPUT))
