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
from dumbbell_server.errors import Forbidden, NotFound
from dumbbell_server.graph.execution import Executor
from dumbbell_server.http.credentials import PUBLIC_KEY, key_of
from dumbbell_server.http.forwarding import reached
from dumbbell_server.http.memory import Memory
from dumbbell_server.identity import Actor

# What is the same for everybody, and probes have no key for.
_FOR_ALL = re.compile(r"/ready|/healthz|/sdk/otel(/.*)?")
_SHOWN = 60  # characters of a name in an error
_SIGNED = re.compile(rb"expires=(\d+)&signature=([0-9a-f]+)")


@dataclass
class AppState:
    backend: Backend
    executor: Executor
    actor_of: Callable[[str, bool], Actor]  # of a key, and whether it comes from this machine; raises Unauthenticated
    remembered: Callable[[str, bool], Actor | None]  # the same, where the database need not be asked
    memory: Memory
    pool: ThreadPoolExecutor  # for what waits: for the disk, for the writer
    readers: ThreadPoolExecutor  # for queries, which only compute
    lookups: ThreadPoolExecutor  # for keys and probes: whoever fills the others, these are answered

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
    return None if key is None else state_of(request).actor_of(key, reached(request).at_home)


async def sender(request: Request) -> Actor | None:
    """The same as actor_of; the event loop does not wait for the database."""
    key = key_of(request)
    if key is None:
        return None
    state = state_of(request)
    here = reached(request).at_home
    known = state.remembered(key, here)
    return known or await asyncio.get_running_loop().run_in_executor(state.lookups, state.actor_of, key, here)


async def check_stranger(request: Request) -> None:
    """For requests at names that are not known (hosts.py). Forbidden without a key that is not everybody's.

    A signature is as good, which only we can make.
    """
    if _FOR_ALL.fullmatch(request.scope["path"]) or signature_holds(request):
        return
    if await sender(request) is not None and key_of(request) != PUBLIC_KEY:
        return
    here = reached(request)
    names = " or ".join(repr(name[:_SHOWN]) for name in dict.fromkeys([here.received, here.host]))
    raise Forbidden(f"this server does not go by the name {names}: add it to DUMBBELL_ALLOWED_HOSTS, or send an API "
                    "key that is not the one of the README")


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


def signature_holds(request: Request) -> bool:
    """Whether the URL allows what is asked, to whoever has it."""
    try:
        check_signature(request, request.scope["path"])
    except Forbidden:
        return False
    return True


def check_signature(request: Request, path: str) -> None:
    """Forbidden where the signature in the URL is not of this method and path, or has expired."""
    as_given = _SIGNED.fullmatch(request.scope["query_string"])  # by us; clients may have written it again
    if as_given is not None:
        expires, signature = as_given[1].decode(), as_given[2].decode()
    else:
        query = request.query_params
        expires, signature = query.get("expires", ""), query.get("signature", "")
    state_of(request).backend.signer.check(request.method, path, expires, signature)
