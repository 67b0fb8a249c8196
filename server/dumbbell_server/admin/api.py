"""The admin port: the fixture service, and below /admin what moves data in and out, by a token of its own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Query, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dumbbell_server import __version__
from dumbbell_server.admin.clock_routes import clock_routes
from dumbbell_server.admin.commands import Commands, body_of, first_said
from dumbbell_server.admin.counting import Counts, count
from dumbbell_server.admin.exchanges import exchanges_router
from dumbbell_server.admin.faults import faults_router
from dumbbell_server.admin.fixture import fixture_routes
from dumbbell_server.admin.guard import JSON, Guard
from dumbbell_server.admin.moving_data import seed_folder, seed_shipped, write_folder
from dumbbell_server.admin.own_folder import own_folder
from dumbbell_server.admin.reset import reset
from dumbbell_server.admin.snapshot_routes import FILE, PREFIX, snapshot_routes
from dumbbell_server.admin.tars import LEFT_OUT, MEDIA_TYPE, packed, sent, unpack
from dumbbell_server.backend import Backend
from dumbbell_server.database.engine import reading
from dumbbell_server.errors import BadInput, NotFound, TooLarge, Unauthenticated
from dumbbell_server.http.middleware import no_route, refusal
from dumbbell_server.json_text import UNSTORABLE, storable

_LONGEST_HEADER = 4096
_SEED = "/admin/seed"
_DESCRIPTION = """Resets, seeds and exports a running Dumbbell, sets its clock, records and disturbs. Send the token of
the admin port as `Authorization: Bearer TOKEN`; a refusal is `{"errors": [{"message": …}]}`."""


class Info(BaseModel):
    """What the server is and holds."""

    version: str
    counts: Counts


class ResetRequest(BaseModel):
    """What to empty."""

    model_config = ConfigDict(extra="forbid")

    entity: str | None = Field(None, description="name of a user, team or organization of which all projects go; "
                                                 "null for everything but the first user with their keys")


class ResetAnswer(BaseModel):
    """How much has gone."""

    users: int
    teams: int
    organizations: int
    projects: int


class SeedRequest(BaseModel):
    """A fixture that comes with the server."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="such as `demo`")


class Refusal(BaseModel):
    """One thing that is wrong, and what would be right."""

    message: str


class Refusals(BaseModel):
    """The body of every answer that is no success."""

    errors: list[Refusal]


def admin_app(backend: Backend, token: str) -> FastAPI:
    """The app of the admin port. All but the fixture service's paths take this token."""
    app = FastAPI(
        title="Dumbbell's admin port", version=__version__, description=_DESCRIPTION,
        openapi_url="/admin/openapi.json", docs_url=None, redoc_url=None, redirect_slashes=False,
        middleware=[Middleware(Guard, backend.settings, _beside_json), Middleware(_Bearer, token)],
        exception_handlers={HTTPException: no_route, RequestValidationError: _wrong_arguments})
    commands = Commands()
    app.include_router(_router(backend, commands))
    app.include_router(exchanges_router(backend, commands, _REFUSED))
    app.include_router(faults_router(backend, commands, _REFUSED))
    app.router.routes.extend(fixture_routes(backend))
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    """FastAPI's own, but for 422: what it would refuse so is our 400."""
    found = FastAPI.openapi(app)
    for operation in (each for methods in found["paths"].values() for each in methods.values()):
        operation["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        found["components"]["schemas"].pop(name, None)
    return found


class _Bearer:
    """Only who has the token goes on. Before any body is read."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app = app
        self._digest = _digest(token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _asks_for_nothing(scope["path"]):
            kind, _, token = Request(scope).headers.get("authorization", "").partition(" ")
            if kind.lower() != "bearer" or not hmac.compare_digest(_digest(token.strip()), self._digest):
                raise Unauthenticated("the admin port takes its own token, as `Authorization: Bearer TOKEN`; it is "
                                      "DUMBBELL_ADMIN_TOKEN, or in admin.json in the server's data folder")
        await self.app(scope, receive, send)


def _digest(token: str) -> bytes:
    """Of one length, so that no comparison says how long the token is."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _beside_json(path: str) -> str:
    """The type of bodies that a path takes beside JSON."""
    takes = path == _SEED or (path.startswith(PREFIX) and path.endswith(FILE))
    return MEDIA_TYPE if takes else JSON


def _asks_for_nothing(path: str) -> bool:
    return path == "/health" or path.startswith("/db/")


async def _wrong_arguments(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    return refusal(BadInput(first_said(error.errors())))


_LEFT_OUT = "What no fixture can say, in lines, percent-encoded; empty where that is nothing."
_TAR: dict[str, Any] = {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusals, "description": "Something is wrong with the request; nothing was changed."},
    401: {"model": Refusals, "description": "The token is not that of the admin port."},
    403: {"model": Refusals, "description": "Sent by a page in a browser, or to a name that is not the port's."},
    404: {"model": Refusals, "description": "There is no such thing."},
    413: {"model": Refusals, "description": "More than the server takes."},
    "5XX": {"model": Refusals, "description": "The server cannot do it now."},
}


def _router(backend: Backend, commands: Commands) -> APIRouter:
    router = APIRouter(prefix="/admin", responses=_REFUSED, tags=["admin"],
                       dependencies=[Security(HTTPBearer(scheme_name="token", auto_error=False))])
    router.include_router(clock_routes(backend, commands))
    router.include_router(snapshot_routes(backend, _spool))

    @router.get("/info", summary="What the server is and holds")
    async def info() -> Info:
        return Info(version=__version__, counts=await asyncio.to_thread(_count, backend))

    @router.post("/reset", summary="Make the server, or one entity, empty", openapi_extra=body_of(ResetRequest))
    async def empty(request: Request) -> ResetAnswer:
        wanted = await commands.read(request, ResetRequest)
        removed = await asyncio.to_thread(reset, backend, wanted.entity)
        return ResetAnswer(**vars(removed))

    @router.post("/seed", summary="Load a fixture, whole or not at all",
                 openapi_extra=body_of(SeedRequest, more=_TAR))
    async def seed(request: Request) -> dict[str, int]:
        if _media_type(request) == MEDIA_TYPE:
            return await _seed_stream(backend, request)
        wanted = await commands.read(request, SeedRequest)
        return await asyncio.to_thread(seed_shipped, backend, wanted.name)

    @router.get("/export", summary="A fixture of what the server holds", response_class=StreamingResponse,
                responses={200: {"content": _TAR, "description": "A tar stream of a fixture folder.",
                                 "headers": {LEFT_OUT: {"schema": {"type": "string"}, "description": _LEFT_OUT}}}})
    async def export(
        scope: Annotated[str | None, Query(description="ENTITY or ENTITY/PROJECT; without it everything")] = None,
        with_keys: Annotated[bool, Query(description="API keys too, as their hashes")] = False,
    ) -> Response:
        if scope == "":  # of a variable that nobody has set: it would mean everything
            raise BadInput("scope is empty; it is ENTITY or ENTITY/PROJECT, and left out for everything")
        if scope is not None and not storable(scope):
            raise NotFound(f"there is nothing called {scope[:80]!r}: it {UNSTORABLE}")
        return await _export(backend, scope, with_keys=with_keys)

    return router


def _count(backend: Backend) -> Counts:
    with reading(backend.database) as session:
        return count(session)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _seed_stream(backend: Backend, request: Request) -> dict[str, int]:
    limit = backend.settings.max_upload
    with own_folder(backend) as folder:
        await _spool(request, folder / "stream.tar", limit)
        return await asyncio.to_thread(_seed_tar, backend, folder, limit)


def _seed_tar(backend: Backend, folder: Path, limit: int) -> dict[str, int]:
    fixture = folder / "fixture"
    fixture.mkdir()
    unpack(folder / "stream.tar", fixture, limit)
    (folder / "stream.tar").unlink()  # its bytes lie in the folder by now
    return seed_folder(backend, fixture)


async def _spool(request: Request, path: Path, limit: int) -> None:
    """The body is in the file. TooLarge where it has more bytes than the limit."""
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding != "identity":
        raise BadInput(f"Content-Encoding {encoding[:40]!r} is not taken here; send the tar stream as it is")
    size = 0
    with path.open("xb") as file:
        async for piece in request.stream():
            size += len(piece)
            if size > limit:
                raise TooLarge(f"the tar stream has more than {limit} bytes; see DUMBBELL_MAX_UPLOAD")
            await asyncio.to_thread(file.write, piece)


async def _export(backend: Backend, scope: str | None, *, with_keys: bool) -> Response:
    """Everything is in a folder before the first byte goes out, so that what fails is a refusal and no cut stream."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(own_folder(backend)) / "fixture"
        written = await asyncio.to_thread(write_folder, backend, folder, scope, with_keys=with_keys)
        kept = stack.pop_all()
    left_out = quote("\n".join(written.left_out))[:_LONGEST_HEADER]
    return StreamingResponse(sent(packed(folder), kept), media_type=MEDIA_TYPE, headers={LEFT_OUT: left_out})

