"""What the app leaves for its routes: the backend, and who a key belongs to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from starlette.requests import Request

from dumbbell_server import ids
from dumbbell_server.backend import Backend
from dumbbell_server.errors import NotFound
from dumbbell_server.graph.execution import Executor
from dumbbell_server.http.credentials import key_of
from dumbbell_server.http.forwarding import reached
from dumbbell_server.http.memory import Memory
from dumbbell_server.identity import Actor

_SIGNED = re.compile(rb"expires=(\d+)&signature=([0-9a-f]+)")


@dataclass
class AppState:
    backend: Backend
    executor: Executor
    actor_of: Callable[[str], Actor]  # raises Unauthenticated
    remembered: Callable[[str], Actor | None]  # the same, where the database need not be asked
    memory: Memory
    pool: ThreadPoolExecutor  # for what waits: for the disk, for the writer
    readers: ThreadPoolExecutor  # for queries, which only compute
    lookups: ThreadPoolExecutor  # for keys: whoever fills the others, keys are looked up

    def close(self) -> None:
        """Once what is under way has ended."""
        for pool in (self.pool, self.readers, self.lookups):
            pool.shutdown()


def state_of(request: Request) -> AppState:
    state: AppState = request.app.state.dumbbell
    return state


def actor_of(request: Request) -> Actor | None:
    """Who sends this request. None without a key, Unauthenticated for a key that nobody has."""
    key = key_of(request)
    return None if key is None else state_of(request).actor_of(key)


async def sender(request: Request) -> Actor | None:
    """The same as actor_of; the event loop does not wait for the database."""
    key = key_of(request)
    if key is None:
        return None
    state = state_of(request)
    known = state.remembered(key)
    return known or await asyncio.get_running_loop().run_in_executor(state.lookups, state.actor_of, key)


def base_url(request: Request) -> str:
    """The base of URLs that the sender can reach: the configured one, else where this request went."""
    configured = state_of(request).backend.settings.public_url
    return configured.rstrip("/") if configured else reached(request).base_url


def number_in(request: Request, name: str) -> int:
    """The number of a row in the path. NotFound where it can be none."""
    text: str = request.path_params[name]
    number = ids.row_number(text)
    if number is None:
        raise NotFound(f"there is nothing with the number {text[:40]!r}")
    return number


def check_signature(request: Request, path: str) -> None:
    """Forbidden where the signature in the URL is not of this method and path, or has expired."""
    as_given = _SIGNED.fullmatch(request.scope["query_string"])  # by us; clients may have written it again
    if as_given is not None:
        expires, signature = as_given[1].decode(), as_given[2].decode()
    else:
        query = request.query_params
        expires, signature = query.get("expires", ""), query.get("signature", "")
    state_of(request).backend.signer.check(request.method, path, expires, signature)
