"""POST /files/{entity}/{project}/{run}/file_stream."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dumbbell_server.errors import Unauthenticated
from dumbbell_server.history.ingest import GOES_ON, STOPPED, write_post
from dumbbell_server.history.posts import Post, read_post
from dumbbell_server.http.bodies import json_object, read_body
from dumbbell_server.http.state import actor_of, state_of

_LARGE = 1 << 20  # bytes from which reading a body would hold up the others on the event loop
_LONGEST_WRITER = 256


async def file_stream(request: Request) -> Response:
    state = state_of(request)
    actor = actor_of(request)
    if actor is None:
        raise Unauthenticated("logging needs an API key: set WANDB_API_KEY, or run `wandb login`")
    body = await read_body(request, state.house.settings.max_body)
    derive = request.headers.get("x-wandb-server-side-derived-summary", "").lower() == "true"
    if len(body) > _LARGE:
        post = await asyncio.get_running_loop().run_in_executor(state.pool, _read, body, derive)
    else:
        post = _read(body, derive)
    where = request.path_params
    # processes of a shared run number their lines each from 0 (semantics.md 19)
    writer = request.headers.get("x-wandb-async-client-id", "")[:_LONGEST_WRITER]
    stopped = await state.house.database.write_core_soon(
        lambda connection: write_post(connection, actor, where["entity"], where["project"], where["run"], writer,
                                      post, state.house.clock.text()))
    return Response(STOPPED if stopped else GOES_ON, media_type="application/json")


def _read(body: bytes, derive: bool) -> Post:
    return read_post(json_object(body), derive_summary=derive)


ROUTES = [Route("/files/{entity}/{project}/{run}/file_stream", file_stream, methods=["POST"])]
