"""POST /graphql."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from dumbbell_server.budget import Budget
from dumbbell_server.errors import BadInput
from dumbbell_server.graph.context import Context
from dumbbell_server.graph.execution import Executor, OnlyReads
from dumbbell_server.http.answers import answer_with
from dumbbell_server.http.bodies import json_object, read_body
from dumbbell_server.http.state import base_url, sender, state_of

_QUICK = 0.25  # seconds
_NOBODY_WAITS = 499  # as nginx has it; nobody reads it

_MUTATION = re.compile(rb'"query"\s*:\s*"(?:\s|\\[nrt])*mutation')


async def graphql(request: Request) -> Response:
    state = state_of(request)
    actor = await sender(request)
    with state.memory.lease(known=actor is not None) as lease:
        limit = state.backend.settings.max_graphql_body
        body = await read_body(request, limit, "DUMBBELL_MAX_GRAPHQL_BODY", lease)
        # whether this looks like a mutation, which will wait for the disk; one that does not look so works as well
        writes = _MUTATION.search(body) is not None
        context = Context(state.backend, actor, base_url(request))
        status, answer = await _executed(request, body, context, writes=writes)
    return answer_with(answer, status, state.memory.lease(known=actor is not None), needed=writes)


async def _executed(request: Request, body: bytes, context: Context, *, writes: bool) -> tuple[int, bytes]:
    """In a thread that waits for the writer; in one for queries what only reads, and is dropped with its client."""
    state, loop = state_of(request), asyncio.get_running_loop()
    if writes:
        with contextlib.suppress(OnlyReads):  # a mutation stands beside it in the document
            return await loop.run_in_executor(state.pool, partial(_run, state.executor, body, context,
                                                                  allow_queries=False))
    watch = _Watch(request, context.budget)
    try:
        return await loop.run_in_executor(state.readers, _run, state.executor, body, context)
    finally:
        watch.end()


class _Watch:
    """Drops a query once its client has gone; looks from a while after the beginning on, since most are quick."""

    def __init__(self, request: Request, budget: Budget) -> None:
        self._request = request
        self._budget = budget
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(_QUICK, self._begin)

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            """Nothing else comes after a body."""
        self._budget.drop()

    def end(self) -> None:
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()


def _run(executor: Executor, body: bytes, context: Context, *, allow_queries: bool = True) -> tuple[int, bytes]:
    """Status and body of the answer. The request is parsed here: the event loop is for those who wait."""
    try:
        if context.budget.dropped:  # while it waited in line
            return _NOBODY_WAITS, b""
        answer = executor.run(*_question(json_object(body)), context, allow_queries=allow_queries)
        return answer.status, _dumped(answer.body)
    finally:
        context.close()


def _question(body: dict[str, Any]) -> tuple[str, dict[str, Any] | None, str | None]:
    text, variables, operation = body.get("query"), body.get("variables"), body.get("operationName")
    if not isinstance(text, str) or not text:
        raise BadInput("the body must hold `query`, the text of a GraphQL document")
    if variables is not None and not isinstance(variables, dict):
        raise BadInput("`variables` must be an object or null")
    if operation is not None and not isinstance(operation, str):
        raise BadInput("`operationName` must be a string or null")
    return text, variables, operation


def _dumped(body: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:  # a lone surrogate or a number beyond 64 bits, which the standard library can write
        return json.dumps(body, default=_fragment).encode()


def _fragment(value: Any) -> Any:
    return json.loads(orjson.dumps(value)) if isinstance(value, orjson.Fragment) else str(value)
