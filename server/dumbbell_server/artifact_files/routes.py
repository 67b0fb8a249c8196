"""PUT of files, parts and manifests on signed URLs; GET there, and on the older paths that take a key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dumbbell_server.artifact_files import downloads, incoming, manifest_records, uploads
from dumbbell_server.artifact_files.digests import digest_of
from dumbbell_server.artifact_files.downloads import StoredBytes
from dumbbell_server.blobs.store import new_key
from dumbbell_server.database.engine import reading
from dumbbell_server.errors import BadInput, NotFound
from dumbbell_server.files.names import mimetype_of
from dumbbell_server.http.ranges import Blob, etag_of, found_and_sent, send_blob
from dumbbell_server.http.state import check_signature, number_in, sender, state_of
from dumbbell_server.http.uploads import GONE, receive, taken

_SMALL = 1 << 18  # bytes that are sent at once


async def put_file(request: Request) -> Response:
    """Bytes with the digest that is in the path, or 400 and nothing kept."""
    check_signature(request, request.scope["path"])
    backend, artifact_id = state_of(request).backend, number_in(request, "artifact_id")
    digest = digest_of(request.path_params["digest"]) or ""
    staged = await receive(request, backend.settings.max_upload)
    if staged is None:
        return Response(status_code=GONE)
    if staged.md5_base64 != digest:
        await backend.blobs.discard(staged)
        raise BadInput(f"the body has MD5 {staged.md5.hex()}, the file was announced with "
                       f"{request.path_params['digest']}; send it again")
    await incoming.keep_file(backend, staged, artifact_id, digest)
    return taken(staged)


async def put_manifest(request: Request) -> Response:
    check_signature(request, request.scope["path"])
    backend, number = state_of(request).backend, number_in(request, "manifest_id")
    staged = await receive(request, backend.settings.max_manifest, "DUMBBELL_MAX_MANIFEST")
    if staged is None:
        return Response(status_code=GONE)
    key = new_key(manifest_records.FOLDER)
    await incoming.keep(backend, staged, key, manifest_records.received, number, staged.size, staged.md5_base64, key)
    return taken(staged)


async def put_part(request: Request) -> Response:
    check_signature(request, request.scope["path"])
    backend, upload, number = state_of(request).backend, request.path_params["upload"], number_in(request, "number")
    staged = await receive(request, backend.settings.max_upload)
    if staged is None:
        return Response(status_code=GONE)
    key = new_key(uploads.PARTS)
    await incoming.keep(backend, staged, key, uploads.received_part, upload, number, staged.size, staged.md5_base64,
                        key)
    return taken(staged)


async def _send(request: Request, name: str, find: Callable[..., StoredBytes | None], *given: object) -> Response:
    state = state_of(request)

    def ask() -> tuple[StoredBytes | None, bytes | None]:
        with reading(state.backend.database) as session:
            found = find(session, *given)
        small = found is not None and found.size <= _SMALL and state.backend.blobs.direct is None
        return found, state.backend.blobs.load(found.blob_key) if found and small else None

    async def send() -> Response | None:
        found, data = await asyncio.get_running_loop().run_in_executor(state.pool, ask)
        if found is None:
            return None
        blob = Blob(found.blob_key, found.size, etag_of(found.digest), mimetype_of(name), name)
        return await send_blob(request, state.backend.blobs, blob, data)

    return await found_and_sent(request.scope["path"], f"file {name!r} is not here, or you may not see it", send)


async def get_file(request: Request) -> Response:
    check_signature(request, request.scope["path"])
    path = request.path_params
    return await _send(request, path["name"], downloads.signed_file, number_in(request, "artifact_id"), path["digest"])


async def get_manifest(request: Request) -> Response:
    check_signature(request, request.scope["path"])
    path = request.path_params
    return await _send(request, path["name"], downloads.manifest, number_in(request, "manifest_id"))


async def get_v1(request: Request) -> Response:
    """The first layout: a digest in an entity."""
    path = request.path_params
    return await _send(request, path["digest"], downloads.in_entity, await sender(request), path["entity"],
                       path["digest"])


async def get_v2(request: Request) -> Response:
    """The second layout. Its segments are read before they are unescaped: a name may hold a slash, or be empty."""
    path = downloads.read_path(request.scope["raw_path"].decode("latin-1"))
    if path is None:
        raise NotFound("this is no path of an artifact's file")
    return await _send(request, path.name, downloads.by_path, await sender(request), path)


Handler = Callable[[Request], Awaitable[Response]]


def _both(path: str, put: Handler, get: Handler) -> list[Route]:
    return [Route(path, put, methods=["PUT"]), Route(path, get, methods=["GET", "HEAD"])]


ROUTES = [
    *_both("/storage/wandb_artifacts/{artifact_id}/{digest}/{name:path}", put_file, get_file),
    *_both("/storage/manifests/{manifest_id}/{name}", put_manifest, get_manifest),
    Route("/storage/parts/{upload}/{number}", put_part, methods=["PUT"]),
    Route("/artifacts/{entity}/{digest}", get_v1, methods=["GET", "HEAD"]),
    Route("/artifactsV2/{rest:path}", get_v2, methods=["GET", "HEAD"]),
]
