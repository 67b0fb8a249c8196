"""The clock at `/admin/clock`."""

from __future__ import annotations

import asyncio
from typing import Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from dumbbell_server.admin.clock import ClockControl
from dumbbell_server.admin.commands import Commands, body_of
from dumbbell_server.admin.due import Due
from dumbbell_server.backend import Backend

_FORMS = ('{"freeze": true}, {"freeze": "2026-01-05T10:00:00Z"}, {"advance": 300}, {"next": true}, {"auto": 0.5} or '
          '{"release": true}')


class Coming(BaseModel):
    """What the time alone will do."""

    at: str
    what: str

    @classmethod
    def of(cls, due: Due | None) -> Self | None:
        return None if due is None else cls(at=due.text, what=due.what)


class ClockAnswer(BaseModel):
    """How the clock stands."""

    now: str
    frozen: bool
    auto: float | None = Field(description="seconds of quiet after which it skips by itself, null where it does not")
    ahead: float = Field(description="seconds by which it is ahead of the machine, negative where behind")
    next: Coming | None = Field(description="what is due next, null where nothing is")
    happened: str | None = Field(description="what the clock has skipped to, of an answer to `next`")


class ClockRequest(BaseModel):
    """One thing to do with the clock."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1, "maxProperties": 1})

    freeze: str | bool = Field(False, description="the moment at which it stands still, true for now")
    advance: float | None = Field(None, description="seconds by which it is later from now on")
    next: bool = Field(False, description="true: it skips to the next thing that is due")
    auto: float | None = Field(None, description="seconds of the machine in which clients ask and nothing is written, "
                                                 "after which it skips to the next thing that is due, each time")
    release: bool = Field(False, description="true: it is the machine's time again")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        values = [getattr(self, name) for name in self.model_fields_set]
        if len(values) != 1 or values[0] is None or values[0] is False:
            raise ValueError(f"say one thing to do with the clock: {_FORMS}")
        return self


def clock_routes(backend: Backend, commands: Commands) -> APIRouter:
    router = APIRouter(prefix="/clock")
    control = ClockControl(backend)

    @router.get("", summary="How the clock stands, and what is due next")
    async def look() -> ClockAnswer:
        return await asyncio.to_thread(_answer, control)

    @router.post("", summary="Freeze the clock, move it on, have it skip, or release it",
                 openapi_extra=body_of(ClockRequest))
    async def put(request: Request) -> ClockAnswer:
        wanted = await commands.read(request, ClockRequest)
        return await asyncio.to_thread(_do, control, wanted)

    return router


def _do(control: ClockControl, wanted: ClockRequest) -> ClockAnswer:
    happened: Due | None = None
    if wanted.freeze is not False:
        control.freeze(None if wanted.freeze is True else str(wanted.freeze))
    elif wanted.advance is not None:
        control.advance(wanted.advance)
    elif wanted.next:
        happened = control.skip()
    elif wanted.auto is not None:
        control.skip_by_itself(wanted.auto)
    else:
        control.release()
    return _answer(control, happened)


def _answer(control: ClockControl, happened: Due | None = None) -> ClockAnswer:
    clock = control.clock
    return ClockAnswer(now=clock.text_of(clock.look()), frozen=clock.frozen, auto=control.auto,
                       ahead=round(clock.ahead, 3), next=Coming.of(control.due()),
                       happened=None if happened is None else happened.what)
