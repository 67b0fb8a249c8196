"""GET of Parquet files."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dumbbell_server.backend import Backend
from dumbbell_server.database.engine import reading
from dumbbell_server.errors import NotFound
from dumbbell_server.graph.context import Context
from dumbbell_server.history.parquet import offers
from dumbbell_server.history.tables import PartitionRow
from dumbbell_server.http.ranges import Blob, etag_of, found_and_sent, send_blob
from dumbbell_server.http.state import check_signature, number_in, state_of

_MIMETYPE = "application/vnd.apache.parquet"


def url_of(context: Context, partition: PartitionRow) -> str:
    """Where a file is, for anybody who has the URL."""
    direct = context.backend.blobs.direct
    if direct is not None:
        return direct.download_url(partition.blob_key, _MIMETYPE, "attachment")
    return context.signed("GET", f"/storage/history/{partition.id}.parquet")


async def get_parquet(request: Request) -> Response:
    state = state_of(request)
    check_signature(request, request.scope["path"])
    number = number_in(request, "number")

    async def send() -> Response | None:
        partition = await asyncio.get_running_loop().run_in_executor(state.pool, _find, state.backend, number)
        if partition is None:
            return None
        blob = Blob(partition.blob_key, partition.size, etag_of(partition.md5), _MIMETYPE, "history.parquet")
        return await send_blob(request, state.backend.blobs, blob)

    missing = "this Parquet file is gone: the rows of its run have changed"
    try:
        return await found_and_sent(request.scope["path"], missing, send)
    except NotFound:
        await asyncio.get_running_loop().run_in_executor(state.pool, _withdraw, state.backend, number)
        raise


def _withdraw(backend: Backend, number: int) -> None:
    """Files of a run of which one is lost are offered no more: clients read its rows from the server."""
    if _find(backend, number) is not None:
        backend.write(None, offers.withdraw, number)


def _find(backend: Backend, number: int) -> PartitionRow | None:
    with reading(backend.database) as session:
        return session.get(PartitionRow, number)


ROUTES = [Route("/storage/history/{number}.parquet", get_parquet, methods=["GET", "HEAD"])]
