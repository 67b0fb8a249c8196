"""Snapshots at `/admin/snapshots`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse

from dumbbell_server.admin.own_folder import own_folder
from dumbbell_server.admin.snapshots import Snapshot, Snapshots
from dumbbell_server.admin.tars import MEDIA_TYPE, packed, sent, unpack
from dumbbell_server.backend import Backend

PREFIX, FILE = "/admin/snapshots/", "/file"  # of the paths that take tar streams
_TAR: dict[str, Any] = {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}


class SnapshotAnswer(BaseModel):
    """A snapshot that is there."""

    name: str
    created: str
    version: str = Field(description="of the server that made it")
    size: int = Field(description="bytes of its database; files are shared with the server")

    @classmethod
    def of(cls, found: Snapshot) -> Self:
        return cls(name=found.name, created=found.created, version=found.version, size=found.size)


class SnapshotList(BaseModel):
    """All of them, by name."""

    snapshots: list[SnapshotAnswer]


def snapshot_routes(backend: Backend, spool: Callable[[Request, Path, int], Awaitable[None]]) -> APIRouter:
    router = APIRouter(prefix="/snapshots")
    snapshots = Snapshots(backend)

    @router.get("", summary="All snapshots")
    async def every() -> SnapshotList:
        found = await asyncio.to_thread(snapshots.every)
        return SnapshotList(snapshots=[SnapshotAnswer.of(each) for each in found])

    @router.post("/{name}", summary="Put aside all that the server holds, under this name")
    async def make(name: str) -> SnapshotAnswer:
        return SnapshotAnswer.of(await asyncio.to_thread(snapshots.make, name))

    @router.post("/{name}/restore", summary="The server holds what the snapshot holds, and nothing else")
    async def restore(name: str) -> SnapshotAnswer:
        return SnapshotAnswer.of(await asyncio.to_thread(snapshots.restore, name))

    @router.delete("/{name}", summary="Delete a snapshot; the answer has those that are left")
    async def delete(name: str) -> SnapshotList:
        await asyncio.to_thread(snapshots.delete, name)
        return await every()

    @router.get("/{name}/file", summary="A snapshot as one file for another server", response_class=StreamingResponse,
                responses={200: {"content": _TAR, "description": "A tar stream of the database and all files."}})
    async def download(name: str) -> Response:
        with contextlib.ExitStack() as stack:
            folder = await asyncio.to_thread(stack.enter_context, snapshots.held(name))
            kept = stack.pop_all()
        return StreamingResponse(sent(packed(folder), kept), media_type=MEDIA_TYPE)

    @router.put("/{name}/file", summary="Take another server's snapshot, under this name",
                openapi_extra={"requestBody": {"required": True, "content": _TAR}})
    async def upload(name: str, request: Request) -> SnapshotAnswer:
        limit = backend.settings.max_upload
        with own_folder(backend) as folder:
            await spool(request, folder / "stream.tar", limit)
            return SnapshotAnswer.of(await asyncio.to_thread(_take, snapshots, name, folder, limit))

    return router


def _take(snapshots: Snapshots, name: str, folder: Path, limit: int) -> Snapshot:
    source = folder / "snapshot"
    source.mkdir()
    unpack(folder / "stream.tar", source, limit)
    return snapshots.take(name, source)
