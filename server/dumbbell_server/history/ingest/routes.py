"""POST of the file stream, GET of Parquet files, and the work in the background from outside."""

from __future__ import annotations

import asyncio

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dumbbell_server.backend import Backend
from dumbbell_server.database.engine import reading
from dumbbell_server.errors import Unauthenticated
from dumbbell_server.graph.context import Context
from dumbbell_server.history.ingest.posts import Post, read_post
from dumbbell_server.history.ingest.writing import GOES_ON, STOPPED, write_post
from dumbbell_server.history.tables import PartitionRow
from dumbbell_server.history.worker import RowsCame, Worker
from dumbbell_server.http.bodies import json_object, read_body
from dumbbell_server.http.ranges import Blob, etag_of, found_and_sent, send_blob
from dumbbell_server.http.state import actor_of, check_signature, number_in, state_of

_LARGE = 1 << 20  # bytes from which reading a body would hold up the others on the event loop
_LONGEST_WRITER = 256
_PARQUET = "application/vnd.apache.parquet"


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
    where = request.path_params
    # processes of a shared run number their lines each from 0 (semantics.md 19)
    writer = request.headers.get("x-wandb-async-client-id", "")[:_LONGEST_WRITER]
    run_id, stopped = await state.backend.database.write_core_soon(
        lambda connection: write_post(connection, actor, where["entity"], where["project"], where["run"], writer,
                                      post, state.backend.clock.text()))
    if post.chunks or post.complete:
        state.backend.events.emit(None, RowsCame(run_id))
    return Response(STOPPED if stopped else GOES_ON, media_type="application/json")


def url_of(context: Context, part: PartitionRow) -> str:
    """Where a Parquet file is, for anybody who is told."""
    direct = context.backend.blobs.direct
    if direct is not None:
        return direct.download_url(part.blob_key, _PARQUET, "attachment")
    return context.signed("GET", f"/storage/history/{part.id}.parquet")


async def get_parquet(request: Request) -> Response:
    state = state_of(request)
    check_signature(request, request.scope["path"])
    number = number_in(request, "number")

    async def send() -> Response | None:
        part = await asyncio.get_running_loop().run_in_executor(state.pool, _find, state.backend, number)
        if part is None:
            return None
        blob = Blob(part.blob_key, part.size, etag_of(part.md5), _PARQUET, "history.parquet")
        return await send_blob(request, state.backend.blobs, blob)

    missing = "this Parquet file is gone: the rows of its run have changed"
    return await found_and_sent(request.scope["path"], missing, send)


def _find(backend: Backend, number: int) -> PartitionRow | None:
    with reading(backend.database) as session:
        return session.get(PartitionRow, number)


async def compact(request: Request) -> Response:
    """How many runs wait for work in the background; a POST asks for it to be done at once."""
    if actor_of(request) is None:
        raise Unauthenticated("the work in the background needs an API key")
    worker: Worker = request.app.state.worker
    if request.method == "POST":
        worker.hurry()
    left = await asyncio.get_running_loop().run_in_executor(state_of(request).pool, worker.left)
    return Response(orjson.dumps({"left": left}), media_type="application/json")


def _read(body: bytes, derive: bool) -> Post:
    return read_post(json_object(body), derive_summary=derive)


ROUTES = [
    Route("/files/{entity}/{project}/{run}/file_stream", file_stream, methods=["POST"]),
    Route("/storage/history/{number}.parquet", get_parquet, methods=["GET", "HEAD"]),
    Route("/compact", compact, methods=["GET", "POST"]),
]
