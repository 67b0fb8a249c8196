"""Who may speak to the admin port at all: programs, by a name that leads here on purpose."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dumbbell_server.errors import BadInput, DumbbellError, Forbidden
from dumbbell_server.http.hosts import known_names, loopback, name_of
from dumbbell_server.http.middleware import failure, refusal
from dumbbell_server.settings import Settings

_log = structlog.get_logger()

JSON = "application/json"
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound
_SHOWN = 60  # characters of a header in an error
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Nothing of browsers comes in: any page may have them send requests to loopback, if simple ones.

    `more` says of a path what type of bodies it takes beside JSON.
    """

    def __init__(self, app: ASGIApp, settings: Settings, more: Callable[[str], str] = lambda _path: JSON) -> None:
        self.app = app
        self._more = more
        self._known = _names(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            self._check(Request(scope))
            await self.app(scope, receive, sending)
        except ClientDisconnect:
            _log.debug("the client is gone", path=scope["path"])
        except DumbbellError as error:
            if started:
                raise
            await refusal(error)(scope, receive, send)
        except Exception:  # the edge of the port: the client gets no stack trace, the log does
            _log.exception("a request of the admin port failed", method=scope["method"], path=scope["path"])
            if started:
                raise
            await failure()(scope, receive, send)

    def _check(self, request: Request) -> None:
        headers = request.headers
        if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
            raise Forbidden("the fixture service takes no requests of pages in browsers; send it from a program")
        host = headers.get("host", "localhost")
        if not self._known(host):
            raise Forbidden(f"the fixture service does not go by the name {host[:_SHOWN]!r}; use localhost, or say in "
                            "DUMBBELL_ADMIN_HOST where it is to listen")
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        allowed = {JSON, self._more(request.scope["path"])}
        if request.method not in _READS and media_type not in allowed:
            raise BadInput(f"Content-Type is {media_type[:_SHOWN]!r}; commands are {' or '.join(sorted(allowed))}")


def _names(settings: Settings) -> Callable[[str], bool]:
    """Whether a Host header is one by which the port was told to be asked."""
    if settings.admin_host in _EVERYWHERE:
        return known_names(settings)
    return lambda host: loopback(host) or name_of(host) == settings.admin_host.lower()
