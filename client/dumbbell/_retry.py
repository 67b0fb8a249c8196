"""Which failures are tried again, and for how long."""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import logging
import os
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import httpx2
import stamina
from stamina import instrumentation

_T = TypeVar("_T")
_log = logging.getLogger("dumbbell")

GRAPHQL_WINDOW = 20.0  # seconds of failure after which a call gives up
DOWNLOAD_WINDOW = 10.0
_TRANSIENT = frozenset({408, 425, 429})  # all other refusals stay what they are, however often one asks
_NOT_BUILT = 501
_REFUSALS = range(300, 500)  # redirects too: those that can be followed never come here
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 300.0
_LEAST = 1.0  # seconds that any attempt has


class StatusError(Exception):
    """The server at `url` answered with this status; `text` is the body as far as it was read."""

    def __init__(self, status: int, reason: str, text: str, retry_after: str | None = None, url: str = "") -> None:
        super().__init__(f"HTTP {status} {reason}".strip())
        self.status = status
        self.text = text
        self.retry_after = retry_after
        self.url = url

    def __reduce__(self) -> tuple[type[StatusError], tuple[int, str, str, str | None, str]]:
        reason = str(self).removeprefix(f"HTTP {self.status}").strip()
        return type(self), (self.status, reason, self.text, self.retry_after, self.url)


class CutError(Exception):
    """The body ended before its announced length, or was not what it claimed to be."""


class _Tries:
    """The attempts of one call: who asks whether another one makes sense, and how long it may take."""

    def __init__(self, window: float, connecting: float) -> None:
        self._began = time.monotonic()
        self._window = window
        self._connecting = min(window, connecting)
        self._failed = 0

    def left(self, whole: float) -> float:
        """Seconds for the next attempt: all of `whole` for the first, and no other one goes on past the window."""
        return max(_LEAST, min(whole, self._window - self._passed())) if self._failed else whole

    def wait(self, error: Exception) -> bool | float:
        """Whether to try again, and after how many seconds."""
        again = _again(error)
        if again is True:
            again = self._pause(isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)) or False
        if again is not False:
            _hush()
            level = logging.INFO if self._failed else logging.WARNING
            _log.log(level, "failed, and may be tried again: %s", described(error))
        self._failed += 1
        return again

    def _pause(self, nobody: bool) -> float:
        """Seconds before the next attempt, longer each time; 0 where none makes sense.

        Connecting costs nothing, so that a server which comes back is met at once.
        """
        if nobody:
            return max(0.0, min(_FIRST_WAIT, self._connecting - self._passed()))
        pause = _FIRST_WAIT * 2.0 ** self._failed * random.uniform(1.0, 1.25)  # noqa: S311 - many clients are spread
        return max(0.0, min(pause, self._window - self._passed() - _LEAST))

    def _passed(self) -> float:
        return time.monotonic() - self._began


class _Loop(threading.local):
    """The retry of ours that this thread is in."""

    tries: _Tries | None = None


_loop = _Loop()


def left(whole: float) -> float:
    """Seconds that the attempt which this thread makes may take: `whole`, or what is left of the window."""
    return whole if _loop.tries is None else _loop.tries.left(whole)


def retried(function: Callable[[], _T], window: float = GRAPHQL_WINDOW, connecting: float = GRAPHQL_WINDOW) -> _T:
    """Call until it succeeds, fails for good, or has failed for `window` seconds; then its last error.

    Where nobody can be connected to, it is given up after `connecting` seconds; a Retry-After is waited for, however
    long. The logger `dumbbell` gets the first
    fault as a WARNING, others as INFO.
    """
    attempts = 1 if os.environ.get("WANDB_TEST") else None
    tries = _Tries(window, connecting)
    with _ours(tries):
        for attempt in stamina.retry_context(on=tries.wait, attempts=attempts, timeout=window):
            with attempt:
                return function()
    raise AssertionError("a retry ends by a value or an error")


@contextlib.contextmanager
def _ours(tries: _Tries) -> Iterator[None]:
    before, _loop.tries = _loop.tries, tries
    try:
        yield
    finally:
        _loop.tries = before


class _Hushed:
    """A hook by which stamina, unless told otherwise, prints each retry of the process: not those of ours."""

    def __init__(self, hook: instrumentation.RetryHook) -> None:
        self._hook = hook

    def __call__(self, details: instrumentation.RetryDetails) -> contextlib.AbstractContextManager[None] | None:
        return None if _loop.tries is not None else self._hook(details)


def _hush() -> None:
    """Stamina's own hooks are the process's; one that somebody has chosen is left as it is."""
    hooks = instrumentation.get_on_retry_hooks()
    printing = [hook for hook in hooks if getattr(hook, "__module__", "").startswith("stamina.")]
    if printing:
        instrumentation.set_on_retry_hooks([_Hushed(hook) if hook in printing else hook for hook in hooks])


def _again(error: Exception) -> bool | float:
    """Whether the fault may pass, and after how many seconds where the server says so."""
    if isinstance(error, StatusError):
        if error.status == _NOT_BUILT or (error.status in _REFUSALS and error.status not in _TRANSIENT):
            return False
        told = retry_after(error.retry_after)
        return True if told is None else told
    if _for_good(error):
        return False
    return isinstance(error, httpx2.TransportError | httpx2.DecodingError | CutError)


def _for_good(error: Exception) -> bool:
    """Whether there is nobody of that name or of that certificate, or it speaks another protocol."""
    if not isinstance(error, httpx2.ConnectError):  # TLS that breaks later is a broken connection
        return isinstance(error, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError)
    return any((isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError))
               or (isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN)
               for cause in causes(error))


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it came from."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def described(error: Exception) -> str:
    """What went wrong on the way, with the host that it went wrong with, and what may help."""
    host = _host_of(error)
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (f"the certificate of {host} is not trusted ({cause.verify_message}): SSL_CERT_FILE may name the "
                    "authority that signed it, WANDB_INSECURE_DISABLE_SSL=true trusts anyone")
        if isinstance(cause, ssl.SSLError):
            return f"{host} does not speak TLS ({cause.reason or cause}): its URL may have to begin with http://"
        if isinstance(cause, socket.gaierror):
            return f"there is no host {host} ({cause.strerror})"
        if isinstance(cause, ConnectionRefusedError):
            return f"nothing listens at {host} ({cause.strerror}): is the server running?"
    said = str(error) or type(error).__name__
    if isinstance(error, httpx2.ConnectTimeout):
        return f"{host} did not answer in time"
    return said if host in said or not host else f"{host}: {said}"


def _host_of(error: Exception) -> str:
    """The host and port that a request of this error went to; empty where the error has none."""
    if isinstance(error, StatusError):
        return httpx2.URL(error.url).netloc.decode() if error.url else ""
    try:
        return error.request.url.netloc.decode() if isinstance(error, httpx2.RequestError) else ""
    except RuntimeError:  # made without a request
        return ""


def retry_after(text: str | None) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date."""
    if not text:
        return None
    try:
        return min(max(float(text), 0.0), _LONGEST_WAIT)
    except ValueError:
        pass
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return min(max((moment - dt.datetime.now(dt.UTC)).total_seconds(), 0.0), _LONGEST_WAIT)
