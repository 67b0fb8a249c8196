"""POST of the file stream, and the work in the background from outside."""

from __future__ import annotations

import asyncio

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dumbbell_server.errors import Unauthenticated
from dumbbell_server.history.events import RowsCame
from dumbbell_server.history.ingest.posts import Post, read_post
from dumbbell_server.history.ingest.writing import write_post
from dumbbell_server.history.worker import Worker
from dumbbell_server.http.bodies import json_object, read_body
from dumbbell_server.http.state import actor_of, state_of

_LARGE = 1 << 20  # bytes from which reading a body would hold up the others on the event loop
_LONGEST_WRITER = 256
_GOES_ON = orjson.dumps({"exitcode": None, "limits": {}})
_STOPPED = orjson.dumps({"exitcode": None, "limits": {}, "stopped": True})


async def file_stream(request: Request) -> Response:
    state = state_of(request)
    actor = actor_of(request)
    if actor is None:
        raise Unauthenticated("logging needs an API key: set WANDB_API_KEY, or run `wandb login`")
    body = await read_body(request, state.backend.settings.max_body)
    derive = request.headers.get("x-wandb-server-side-derived-summary", "").lower() == "true"
    if len(body) > _LARGE:
        post = await asyncio.get_running_loop().run_in_executor(state.pool, _read, body, derive)
    else:
        post = _read(body, derive)
    path = request.path_params
    # processes of a shared run number their lines each from 0 (docs/protocol/behaviours.md#shared-runs)
    writer = request.headers.get("x-wandb-async-client-id", "")[:_LONGEST_WRITER]
    run_id, stopped = await state.backend.database.write_core_soon(
        lambda connection: write_post(connection, actor, path["entity"], path["project"], path["run"], writer,
                                      post, state.backend.clock.text()))
    if post.chunks or post.complete:
        state.backend.events.emit(None, RowsCame(run_id))
    return Response(_STOPPED if stopped else _GOES_ON, media_type="application/json")


def _read(body: bytes, derive: bool) -> Post:
    return read_post(json_object(body), derive_summary=derive)


async def compact(request: Request) -> Response:
    """How many runs wait for work in the background; a POST asks for it to be done at once."""
    if actor_of(request) is None:
        raise Unauthenticated("the work in the background needs an API key")
    worker: Worker = request.app.state.worker
    if request.method == "POST":
        worker.hurry()
    left = await asyncio.get_running_loop().run_in_executor(state_of(request).pool, worker.left)
    return Response(orjson.dumps({"left": left}), media_type="application/json")


ROUTES = [
    Route("/files/{entity}/{project}/{run}/file_stream", file_stream, methods=["POST"]),
    Route("/compact", compact, methods=["GET", "POST"]),
]
