"""The front door: everything wired together. Only the command and tests come in here."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.routing import Route

from dumbbell_server.accounts.access import Keys
from dumbbell_server.accounts.events import AccountsChanged, EntityDeleting, UserRenamed
from dumbbell_server.accounts.service import ensure_first_user
from dumbbell_server.artifacts import removal
from dumbbell_server.artifacts.facts import artifacts_of_runs
from dumbbell_server.artifacts.routes import ROUTES as ARTIFACTS
from dumbbell_server.artifacts.service import INPUT, OUTPUT
from dumbbell_server.collections.registries import types_added
from dumbbell_server.files.routes import ROUTES as FILES
from dumbbell_server.files.service import runs_deleting as files_of_runs
from dumbbell_server.graph.execution import Executor
from dumbbell_server.history.exports import Exporter
from dumbbell_server.history.exports import runs_deleting as parquet_of_runs
from dumbbell_server.history.forks import runs_deleting as forks_of_runs
from dumbbell_server.history.graphql import answer_keys
from dumbbell_server.history.pages import history_keys, keys_info
from dumbbell_server.history.routes import ROUTES as HISTORY
from dumbbell_server.history.worker import RowsCame, Worker
from dumbbell_server.http.graphql import graphql
from dumbbell_server.http.health import healthz, no_telemetry, ready
from dumbbell_server.http.middleware import Edge
from dumbbell_server.http.state import AppState
from dumbbell_server.projects.service import ProjectDeleting, RegistryTypesAdded, entity_deleting
from dumbbell_server.runs.memory import RunMemory
from dumbbell_server.runs.pages import RunAnswers
from dumbbell_server.runs.service import RunsDeleting, project_deleting, user_renamed
from dumbbell_server.schema import build_schema
from dumbbell_server.storage.house import House
from dumbbell_server.storage.orphans import collect
from dumbbell_server.web.pages import ROUTES as PAGES

_WORKERS = 4  # threads that execute GraphQL: more would only fight for the interpreter


def first_key(house: House) -> str | None:
    """Make sure of the first user. Returns their key if it was made now: nobody can tell it later."""
    settings = house.settings
    return house.database.write(
        lambda session: ensure_first_user(session, house.clock, settings.user, settings.api_key))


def create_app(house: House) -> FastAPI:
    """The whole server over an open house; the caller closes the house, and starts `state.worker` or does not."""
    keys = Keys(house)
    _wire(house, keys)
    collect(house)
    # It would look for telemetry at every request.
    app = FastAPI(title="Dumbbell", openapi_url=None, telemetry={"tracing": False, "metrics": False, "logs": False},
                  middleware=[Middleware(Edge)], routes=[
        Route("/graphql", graphql, methods=["POST"]),
        *HISTORY,
        *FILES,
        *ARTIFACTS,
        Route("/ready", ready),
        Route("/healthz", healthz),
        Route("/sdk/otel/{rest:path}", no_telemetry, methods=["GET", "POST"]),
        *PAGES,
    ])
    app.router.redirect_slashes = False
    app.state.worker = make_worker(house)
    house.events.listen(RowsCame, lambda _session, event: app.state.worker.note(event))
    app.state.dumbbell = AppState(house, Executor(build_schema()), keys.actor,
                                  ThreadPoolExecutor(_WORKERS, "dumbbell-graphql"))
    return app


def make_worker(house: House) -> Worker:
    """What turns lines into columns and Parquet files in the background."""
    return Worker(house, Exporter(house))


def _wire(house: House, keys: Keys) -> None:
    """Lower rooms tell, higher ones listen."""
    events = house.events
    events.listen(AccountsChanged, lambda _session, _event: keys.forget())
    events.listen(EntityDeleting, partial(entity_deleting, events))
    events.listen(ProjectDeleting, removal.project_deleting)  # all at once, before its runs go one by one
    events.listen(ProjectDeleting, partial(project_deleting, events))
    events.listen(RegistryTypesAdded, partial(types_added, house.clock))
    events.listen(RunsDeleting, forks_of_runs)
    events.listen(RunsDeleting, parquet_of_runs)
    events.listen(RunsDeleting, files_of_runs)
    events.listen(UserRenamed, user_renamed)
    events.listen(RunsDeleting, removal.runs_deleting)
    house.keeps(RunAnswers).fields["historyKeys"] = history_keys(answer_keys)
    house.keeps(RunMemory).facts.update({
        "keys_info": keys_info(answer_keys),
        "input_artifacts": artifacts_of_runs(INPUT),
        "output_artifacts": artifacts_of_runs(OUTPUT),
    })
