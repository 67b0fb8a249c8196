"""PUT of files, parts and manifests on signed URLs; GET there, and on the older paths that take a key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy import Connection
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dumbbell_server.artifacts import downloads, uploads
from dumbbell_server.artifacts.committing import MANIFESTS
from dumbbell_server.artifacts.downloads import Found
from dumbbell_server.artifacts.manifests import digest_of
from dumbbell_server.backend import Backend
from dumbbell_server.blobs import garbage
from dumbbell_server.blobs.store import StagedBlob, new_key
from dumbbell_server.database.engine import reading
from dumbbell_server.errors import BadInput, NotFound
from dumbbell_server.files.names import mimetype_of
from dumbbell_server.http.ranges import Blob, etag_of, found_and_sent, send_blob
from dumbbell_server.http.state import actor_of, check_signature, number_in, state_of
from dumbbell_server.http.uploads import GONE, commit_and_write, receive, taken

Unit = Callable[[Connection], bool]
_SMALL = 1 << 18  # bytes that are sent in one piece


def _always(unit: Callable[[Session], None]) -> Unit:
    """A unit of a session whose bytes are needed if it succeeds."""
    def on_connection(connection: Connection) -> bool:
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            unit(session)
            session.commit()
        return True
    return on_connection


async def _keep(backend: Backend, incoming: StagedBlob, key: str, unit: Unit) -> Response:
    """The bytes are kept under the key, unless the unit fails or has no use for them."""
    if not await commit_and_write(backend, incoming, key, lambda: backend.database.write_core_soon(unit)):
        backend.blobs.delete(key)
    return taken(incoming)


async def put_file(request: Request) -> Response:
    """Bytes with the digest that is in the path, or 400 and nothing kept."""
    check_signature(request, request.scope["path"])
    backend, artifact_id = state_of(request).backend, number_in(request, "artifact_id")
    digest = digest_of(request.path_params["digest"]) or ""
    incoming = await receive(request, backend.settings.max_upload)
    if incoming is None:
        return Response(status_code=GONE)
    if incoming.md5_base64 != digest:
        await backend.blobs.discard(incoming)
        raise BadInput(f"the body has MD5 {incoming.md5.hex()}, the file was announced with "
                       f"{request.path_params['digest']}; send it again")
    key = new_key(uploads.FOLDER)
    return await _keep(backend, incoming, key, lambda connection: uploads.received(
        connection, backend.clock, artifact_id, digest, incoming.size, key))


async def put_manifest(request: Request) -> Response:
    check_signature(request, request.scope["path"])
    backend, number = state_of(request).backend, number_in(request, "manifest_id")
    incoming = await receive(request, backend.settings.max_body)
    if incoming is None:
        return Response(status_code=GONE)
    key = new_key(MANIFESTS)

    def unit(session: Session) -> None:
        uploads.received_manifest(session, backend.clock, number, incoming.size, incoming.md5_base64, key)

    answer = await _keep(backend, incoming, key, _always(unit))
    await asyncio.get_running_loop().run_in_executor(
        state_of(request).pool, garbage.delete_orphaned_blobs, backend.database, backend.blobs)
    return answer


async def put_part(request: Request) -> Response:
    check_signature(request, request.scope["path"])
    backend, upload, number = state_of(request).backend, request.path_params["upload"], number_in(request, "number")
    incoming = await receive(request, backend.settings.max_upload)
    if incoming is None:
        return Response(status_code=GONE)
    key = new_key("parts")

    def unit(session: Session) -> None:
        uploads.received_part(session, upload, number, incoming.size, incoming.md5_base64, key)

    return await _keep(backend, incoming, key, _always(unit))


async def join_parts(backend: Backend, parts: list[tuple[str, int]], artifact_id: int, digest: str) -> None:
    """One file of the parts (key and size), in their order. BadInput where it is not the one that was announced."""
    async def all_pieces() -> downloads.Pieces:
        for key, size in parts:
            async for piece in backend.blobs.read(key, 0, size):
                yield piece

    incoming = await backend.blobs.receive(all_pieces(), backend.settings.max_upload)
    if incoming.md5_base64 != digest:
        await backend.blobs.discard(incoming)
        raise BadInput(f"the parts make a file with MD5 {incoming.md5_base64!r}, announced was {digest!r}")
    key = new_key(uploads.FOLDER)
    await _keep(backend, incoming, key, lambda connection: uploads.received(
        connection, backend.clock, artifact_id, digest, incoming.size, key))


async def _send(request: Request, name: str, find: Callable[..., Found | None], *given: object) -> Response:
    state = state_of(request)

    def ask() -> tuple[Found | None, bytes | None]:
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
    return await _send(request, path["digest"], downloads.in_entity, actor_of(request), path["entity"],
                       path["digest"])


async def get_v2(request: Request) -> Response:
    """The second layout. Its segments are read before they are unescaped: a name may hold a slash, or be empty."""
    place = downloads.place_of(request.scope["raw_path"].decode("latin-1"))
    if place is None:
        raise NotFound("this is no path of an artifact's file")
    return await _send(request, place.name, downloads.at, actor_of(request), place)


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
