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
from dumbbell_server.http.memory import LARGE, Lease
from dumbbell_server.http.state import sender, state_of
from dumbbell_server.identity import Actor

_LONGEST_WRITER = 256
_GOES_ON = orjson.dumps({"exitcode": None, "limits": {}})
_STOPPED = orjson.dumps({"exitcode": None, "limits": {}, "stopped": True})


async def file_stream(request: Request) -> Response:
    state = state_of(request)
    actor = await sender(request)
    if actor is None:
        raise Unauthenticated("logging needs an API key: set WANDB_API_KEY, or run `wandb login`")
    with state.memory.lease(known=True) as lease:
        return await _store(request, actor, lease)


async def _store(request: Request, actor: Actor, lease: Lease) -> Response:
    state = state_of(request)
    post = await _read(request, lease)
    path = request.path_params
    # processes of a shared run number their lines each from 0 (docs/protocol/behaviours.md#shared-runs)
    writer = request.headers.get("x-wandb-async-client-id", "")[:_LONGEST_WRITER]
    run_id, stopped = await state.backend.database.write_core_soon(
        lambda connection: write_post(connection, actor, path["entity"], path["project"], path["run"], writer,
                                      post, state.backend.clock.text()))
    if post.chunks or post.complete:
        state.backend.events.emit(None, RowsCame(run_id))
    return Response(_STOPPED if stopped else _GOES_ON, media_type="application/json")


async def _read(request: Request, lease: Lease) -> Post:
    state = state_of(request)
    body = await read_body(request, state.backend.settings.max_stream_body, "DUMBBELL_MAX_STREAM_BODY", lease)
    derive = request.headers.get("x-wandb-server-side-derived-summary", "").lower() == "true"
    if len(body) <= LARGE:
        return _parsed(body, derive)
    return await asyncio.get_running_loop().run_in_executor(state.pool, _parsed, body, derive)


def _parsed(body: bytes, derive: bool) -> Post:
    return read_post(json_object(body), derive_summary=derive)


async def compact(request: Request) -> Response:
    """How many runs wait for work in the background; a POST asks for it to be done at once."""
    if await sender(request) is None:
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
