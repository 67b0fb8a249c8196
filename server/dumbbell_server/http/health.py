"""GET /ready and /healthz, for container probes; /sdk/otel, where the SDK asks whether telemetry is wanted."""

from __future__ import annotations

import asyncio

from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dumbbell_server.backend import Backend
from dumbbell_server.database.engine import reading
from dumbbell_server.http.state import state_of


def _answers(backend: Backend) -> None:
    with reading(backend.database) as session:
        session.execute(text("SELECT 1"))


async def ready(request: Request) -> Response:
    """200 once the database answers."""
    state = state_of(request)
    await asyncio.get_running_loop().run_in_executor(state.lookups, _answers, state.backend)
    return JSONResponse({"status": "ok"})


async def healthz(_: Request) -> Response:
    """200 while the process lives."""
    return JSONResponse({"status": "ok"})


async def no_telemetry(_: Request) -> Response:
    """404 makes the SDK switch its telemetry off (docs/protocol/http.md#telemetry)."""
    return JSONResponse({"errors": [{"message": "this server takes no telemetry"}]}, 404)
