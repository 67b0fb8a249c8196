"""Which failures are tried again, and for how long."""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import logging
import os
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

import httpx2
import stamina
from stamina import instrumentation

_T = TypeVar("_T")
_log = logging.getLogger("dumbbell")

GRAPHQL_WINDOW = 20.0  # seconds of failure after which a call gives up
DOWNLOAD_WINDOW = 10.0
_FINAL = frozenset({400, 401, 402, 403, 404, 410, 413, 422, 501})
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 300.0


class StatusError(Exception):
    """The server answered with this status; `text` is the body as far as it was read."""

    def __init__(self, status: int, reason: str, text: str, retry_after: str | None = None) -> None:
        super().__init__(f"HTTP {status} {reason}".strip())
        self.status = status
        self.text = text
        self.retry_after = retry_after


class CutError(Exception):
    """The body ended before its announced length, or was not what it claimed to be."""


def retried(function: Callable[[], _T], window: float = GRAPHQL_WINDOW) -> _T:
    """Call until it succeeds, fails for good, or has failed for `window` seconds; then its last error.

    Nothing is printed: what is tried again goes to the logger `dumbbell`, as INFO.
    """
    attempts = 1 if os.environ.get("WANDB_TEST") else None
    with _ours():
        for attempt in stamina.retry_context(on=_wait, attempts=attempts, timeout=window, wait_initial=_FIRST_WAIT,
                                             wait_max=_LONGEST_WAIT, wait_jitter=_FIRST_WAIT / 4):
            with attempt:
                return function()
    raise AssertionError("a retry ends by a value or an error")


class _Loop(threading.local):
    """Whether this thread is in a retry of ours."""

    ours = False


_loop = _Loop()


@contextlib.contextmanager
def _ours() -> Iterator[None]:
    before, _loop.ours = _loop.ours, True
    try:
        yield
    finally:
        _loop.ours = before


class _Hushed:
    """A hook by which stamina, unless told otherwise, prints each retry of the process: not those of ours."""

    def __init__(self, hook: instrumentation.RetryHook) -> None:
        self._hook = hook

    def __call__(self, details: instrumentation.RetryDetails) -> contextlib.AbstractContextManager[None] | None:
        return None if _loop.ours else self._hook(details)


def _hush() -> None:
    """Stamina's own hooks are the process's; one that somebody has chosen is left as it is."""
    hooks = instrumentation.get_on_retry_hooks()
    printing = [hook for hook in hooks if getattr(hook, "__module__", "").startswith("stamina.")]
    if printing:
        instrumentation.set_on_retry_hooks([_Hushed(hook) if hook in printing else hook for hook in hooks])


def _wait(error: Exception) -> bool | float:
    """Whether to try again, and after how many seconds where the server says so."""
    again = _again(error)
    if again is not False:
        _hush()
        _log.info("failed, and may be tried again: %s", str(error) or type(error).__name__)
    return again


def _again(error: Exception) -> bool | float:
    if isinstance(error, StatusError):
        if error.status in _FINAL:
            return False
        told = retry_after(error.retry_after)
        return True if told is None else told
    return isinstance(error, httpx2.TransportError | httpx2.DecodingError | CutError)


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
