"""POST /graphql."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from dumbbell_server.errors import BadInput
from dumbbell_server.graph.context import Context
from dumbbell_server.graph.execution import Answer, Executor
from dumbbell_server.http.bodies import json_object, read_body
from dumbbell_server.http.state import actor_of, base_url, state_of


async def graphql(request: Request) -> Response:
    state = state_of(request)
    actor = actor_of(request)
    body = json_object(await read_body(request, state.backend.settings.max_body))
    context = Context(state.backend, actor, base_url(request))
    loop = asyncio.get_running_loop()
    pool = state.pool if _writes(body) else state.readers
    answer = await loop.run_in_executor(pool, _run, state.executor, body, context)
    return Response(_dumped(answer.body), answer.status, media_type="application/json")


def _writes(body: dict[str, Any]) -> bool:
    """Whether this looks like a mutation, which will wait for the disk. One that does not look so works as well."""
    text = body.get("query")
    return isinstance(text, str) and text.lstrip().startswith("mutation")


def _run(executor: Executor, body: dict[str, Any], context: Context) -> Answer:
    text, variables, operation = body.get("query"), body.get("variables"), body.get("operationName")
    if not isinstance(text, str) or not text:
        raise BadInput("the body must hold `query`, the text of a GraphQL document")
    if variables is not None and not isinstance(variables, dict):
        raise BadInput("`variables` must be an object or null")
    if operation is not None and not isinstance(operation, str):
        raise BadInput("`operationName` must be a string or null")
    try:
        return executor.run(text, variables, operation, context)
    finally:
        context.close()


def _dumped(body: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:  # a lone surrogate or a number beyond 64 bits, which the standard library can write
        return json.dumps(body, default=_fragment).encode()


def _fragment(value: Any) -> Any:
    return json.loads(orjson.dumps(value)) if isinstance(value, orjson.Fragment) else str(value)
