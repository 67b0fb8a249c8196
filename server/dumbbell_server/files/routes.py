"""PUT, GET and HEAD of the files of runs, on signed URLs."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dumbbell_server.backend import Backend
from dumbbell_server.blobs.store import new_key
from dumbbell_server.database.engine import reading
from dumbbell_server.errors import NotFound
from dumbbell_server.files import queries, service
from dumbbell_server.files.expected import FOLDER, register_direct_uploads
from dumbbell_server.files.names import clean, mimetype_of, path_of
from dumbbell_server.files.tables import RunFileRow
from dumbbell_server.http.ranges import Blob, etag_of, found_and_sent, send_blob
from dumbbell_server.http.state import check_signature, number_in, state_of
from dumbbell_server.http.uploads import GONE, announced_size, commit_and_write, receive, taken
from dumbbell_server.runs import queries as runs


def _signed_for(request: Request) -> tuple[int, str]:
    """The run and the name in the path. Forbidden where its signature does not hold."""
    run, name = request.path_params["run_id"], request.path_params["name"]
    check_signature(request, path_of(run, name))
    return number_in(request, "run_id"), name


async def get_file(request: Request) -> Response:
    run_id, name = _signed_for(request)
    state = state_of(request)

    async def send() -> Response | None:
        row = await asyncio.get_running_loop().run_in_executor(state.pool, _find, state.backend, run_id, name)
        if row is None:
            return None
        blob = Blob(row.blob_key, row.size, etag_of(row.md5), row.mimetype, name)
        return await send_blob(request, state.backend.blobs, blob)

    return await found_and_sent(request.scope["path"], f"file {name!r} was not uploaded, or is deleted", send)


def _find(backend: Backend, run_id: int, name: str) -> RunFileRow | None:
    register_direct_uploads(backend, run_id)
    with reading(backend.database) as session:
        return queries.by_name(session, run_id, name) if runs.is_there(session, run_id) else None


def _has_run(backend: Backend, run_id: int) -> bool:
    with reading(backend.database) as session:
        return runs.is_there(session, run_id)


async def put_file(request: Request) -> Response:
    """The file is the body, once all of it came: a cut connection leaves what was there before."""
    run_id, path_name = _signed_for(request)
    name = clean(path_name)
    state = state_of(request)
    backend = state.backend
    loop = asyncio.get_running_loop()
    limit = backend.settings.max_upload
    announced_size(request, limit)
    if not await loop.run_in_executor(state.pool, _has_run, backend, run_id):
        raise NotFound(f"the run of file {name!r} does not exist; it may have been deleted")
    incoming = await receive(request, limit)
    if incoming is None:
        return Response(status_code=GONE)
    key = new_key(FOLDER)
    await commit_and_write(backend, incoming, key, lambda: backend.write_soon(
        None, service.put_file, run_id, name, size=incoming.size, md5=incoming.md5_base64, mimetype=mimetype_of(name),
        blob_key=key))
    return taken(incoming)


_PATH = "/storage/runs/{run_id}/{name:path}"
ROUTES = [
    Route(_PATH, put_file, methods=["PUT"]),
    Route(_PATH, get_file, methods=["GET", "HEAD"]),
]
