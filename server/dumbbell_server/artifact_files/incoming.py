"""Bytes that came: kept under a key if a unit names it, and gone otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Concatenate, ParamSpec

from dumbbell_server.artifact_files import uploads
from dumbbell_server.artifact_files.tables import PartRow
from dumbbell_server.backend import Backend
from dumbbell_server.blobs.store import StagedBlob, new_key
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput
from dumbbell_server.http.uploads import commit_and_write

P = ParamSpec("P")


async def keep_file(backend: Backend, incoming: StagedBlob, artifact_id: int, digest: str) -> None:
    """The bytes are the project's, which may have had them before."""
    key = new_key(uploads.FOLDER)

    def write() -> Awaitable[bool]:
        return backend.database.write_core_soon(lambda connection: uploads.received(
            connection, backend.clock, artifact_id, digest, incoming.size, key))

    if not await commit_and_write(backend, incoming, key, write):
        backend.blobs.delete(key)


async def keep(backend: Backend, incoming: StagedBlob, key: str, work: Callable[Concatenate[Unit, P], None],
               *arguments: P.args, **named: P.kwargs) -> None:
    """The bytes are under the key, which this unit of work names."""
    await commit_and_write(backend, incoming, key, lambda: backend.write_soon(
        None, work, *arguments, **named))


async def join_parts(backend: Backend, parts: Sequence[PartRow], artifact_id: int, digest: str) -> None:
    """One file of the parts, in their order. BadInput where it is not the one that was announced."""
    async def bytes_of_parts() -> AsyncIterator[bytes]:
        for part in parts:
            async for chunk in backend.blobs.read(part.blob_key, 0, part.size):
                yield chunk

    incoming = await backend.blobs.receive(bytes_of_parts(), backend.settings.max_upload)
    if incoming.md5_base64 != digest:
        await backend.blobs.discard(incoming)
        raise BadInput(f"the parts make a file with MD5 {incoming.md5_base64!r}, announced was {digest!r}")
    await keep_file(backend, incoming, artifact_id, digest)
