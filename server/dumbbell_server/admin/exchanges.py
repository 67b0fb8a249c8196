"""The recorder by the admin port: switched, asked, waited for, and taken away as an archive."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from dumbbell_server import __version__
from dumbbell_server.admin.commands import Commands, body_of
from dumbbell_server.backend import Backend
from dumbbell_server.errors import NotFound
from dumbbell_server.exchanges.har import har
from dumbbell_server.exchanges.recorder import MOST, RECORDER, Recorder, Wanted

_LOOK = 0.02  # seconds between looks at what has come
_LONGEST_WAIT = 300.0  # seconds


class RecorderState(BaseModel):
    """Whether it records, and what it holds."""

    on: bool
    exchanges: int
    bytes: int
    dropped: int = Field(description="how many went to make room since it was last empty")
    last: int = Field(description="number of the last exchange, for `since`")


class Switch(BaseModel):
    """Whether to record from now on."""

    model_config = ConfigDict(extra="forbid")

    on: bool


class Nearest(BaseModel):
    """An exchange that is not what was looked for, and why."""

    exchange: dict[str, Any]
    differences: list[str]


class Found(BaseModel):
    """Exchanges, the oldest first. Where there are none, the three that come nearest."""

    exchanges: list[dict[str, Any]]
    nearest: list[Nearest]
    last: int


def _wanted(
    operation: Annotated[str | None, Query(description="name of a GraphQL operation, in any case")] = None,
    route: Annotated[str | None, Query(description="template of a path, such as `/graphql`")] = None,
    path: Annotated[str | None, Query(description="the path itself")] = None,
    status: Annotated[int | None, Query(description="of the answer; 0 where it was cut before one")] = None,
    run: Annotated[str | None, Query(description="name of a run")] = None,
    user: Annotated[str | None, Query(description="name of the user whose key was sent")] = None,
    since: Annotated[int, Query(ge=0, description="only exchanges with a higher number")] = 0,
) -> Wanted:
    return Wanted(operation, route, path, status, run, user, since)


_Wanted = Annotated[Wanted, Depends(_wanted)]


def exchanges_router(backend: Backend, commands: Commands, refused: dict[int | str, dict[str, Any]]) -> APIRouter:
    router = APIRouter(prefix="/admin", responses=refused, tags=["recorder"],
                       dependencies=[Security(HTTPBearer(scheme_name="token", auto_error=False))])

    def recorder() -> Recorder:
        return recorder_of(backend)

    @router.get("/recorder", summary="Whether exchanges are recorded")
    async def state() -> RecorderState:
        return RecorderState(**recorder().state())

    @router.post("/recorder", summary="Record exchanges, or do not", openapi_extra=body_of(Switch))
    async def switch(request: Request) -> RecorderState:
        recorder().on = (await commands.read(request, Switch)).on
        return RecorderState(**recorder().state())

    @router.get("/exchanges", summary="What was recorded")
    async def exchanges(wanted: _Wanted, limit: Annotated[int, Query(ge=1, le=MOST)] = 100) -> Found:
        return _found(recorder(), wanted, limit)

    @router.get("/exchanges/wait", summary="What was recorded, once there is any")
    async def wait(wanted: _Wanted, limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
                   timeout: Annotated[float, Query(gt=0, le=_LONGEST_WAIT, description="seconds")] = 10.0,  # noqa: ASYNC109 - it is the protocol's
                   ) -> Found:
        return await _waited(recorder(), wanted, limit, timeout)

    @router.delete("/exchanges", summary="Nothing is stored")
    async def clear() -> dict[str, int]:
        return {"removed": recorder().clear()}

    @router.get("/exchanges.har", summary="What was recorded, as an HTTP archive 1.2")
    async def archive(wanted: _Wanted) -> dict[str, Any]:
        base_url = backend.settings.public_url or f"http://localhost:{backend.settings.port}"
        return har(wanted.among(recorder().exchanges(), MOST), base_url.rstrip("/"), __version__)

    return router


def recorder_of(backend: Backend) -> Recorder:
    """NotFound where nothing serves the main port."""
    found = backend.provided(RECORDER)
    if found is None:
        raise NotFound("this server has no main port of which anything could be recorded")
    return found


async def _waited(recorder: Recorder, wanted: Wanted, limit: int, timeout: float) -> Found:  # noqa: ASYNC109 - see above
    until = time.monotonic() + timeout
    seen = -1
    while True:
        last = recorder.state()["last"]
        if last != seen:
            seen = last
            found = _found(recorder, wanted, limit)
        if found.exchanges or time.monotonic() >= until:
            return found
        await asyncio.sleep(_LOOK)


def _found(recorder: Recorder, wanted: Wanted, limit: int) -> Found:
    stored = recorder.exchanges()
    matching = wanted.among(stored, limit)
    nearest = [] if matching else wanted.nearest(stored)
    return Found(exchanges=[each.document() for each in matching], last=recorder.state()["last"],
                 nearest=[Nearest(exchange=each.document(), differences=why) for each, why in nearest])
