"""Everything that this client raises on purpose.

Error:
      CommError                  talking to the server failed; `.exc` holds the cause
        AuthenticationError      the key is missing or unknown (HTTP 401)
        PermissionDeniedError    the key may not do this, or the thing is hidden from it (HTTP 403 and 404)
        InvalidValueError        also a ValueError: an argument, a name or a state that cannot be
          WrongTypeError         also a TypeError: a value of a type that cannot be
          UnsafePathError        a name from the server that would leave the folder it is written to
          DigestError            bytes that are not what their digest says
          ImmutableError         a logged artifact is not changed; make a new version
          NoLengthError          also a TypeError: a list whose total the server does not tell
          UnknownOperatorError   also a KeyError: an operator that filters do not have
        IncompleteRunHistoryError  rows of a history are not in Parquet files yet
        NotFoundError            also a ValueError: no such project, run, sweep, file, artifact
          MissingItemError       also an IndexError: past the end of a list
          MissingEntryError      also a KeyError: not in this artifact
      UsageError                 called in a way that cannot work, such as without a key
        UnsupportedError         the server does not have what it takes

Methods that talk to the server raise nothing but these. With `WANDB_DEBUG=true` the cause itself is raised instead.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any, ParamSpec, Self, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Error(Exception):
    """The root of the tree.

    In a process that has imported `wandb`, its errors of the same names catch these too: scripts that are moved step
    by step have `except wandb.errors.CommError` around calls of this client.
    """

    def __new__(cls, *_: object, **__: object) -> Self:
        return super().__new__(_caught_by_wandb(cls))

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message  # a KeyError would show its repr

    def __reduce__(self) -> tuple[Any, ...]:
        return _plain(type(self)), (self.message,)


class CommError(Error):
    """A call to the server failed. `exc` is the exception behind it, or None."""

    def __init__(self, message: str = "", exc: BaseException | None = None) -> None:
        super().__init__(message)
        self.exc = exc

    def __reduce__(self) -> tuple[Any, ...]:
        return _plain(type(self)), (self.message, self.exc)


class AuthenticationError(CommError):
    """The server does not know the key."""


class PermissionDeniedError(CommError):
    """The key may not do this, or may not know that the thing exists."""


class InvalidValueError(CommError, ValueError):
    """A value that cannot be; `exc` holds the plain ValueError."""

    def __init__(self, message: str = "", exc: BaseException | None = None) -> None:
        super().__init__(message, exc or ValueError(message))


class WrongTypeError(InvalidValueError, TypeError):
    """A value of a type that cannot be, or that JSON cannot say. A TypeError too."""


def check_count(name: str, value: Any, of: str = "of at least 1") -> None:
    """Raises WrongTypeError for what is no whole number, InvalidValueError for one below 1."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongTypeError(f"{name} is {value!r}; it is a number {of}")
    if value < 1:
        raise InvalidValueError(f"{name} is {value}; it must be at least 1")


class UnsafePathError(InvalidValueError):
    """A name that would be written outside of the chosen folder."""


class DigestError(InvalidValueError):
    """The bytes that arrived are not those that were asked for."""


class ImmutableError(InvalidValueError):
    """A logged artifact cannot be changed."""


class NoLengthError(InvalidValueError, TypeError):
    """The server does not tell the total. A TypeError too, so that `list()` works without it."""


class UnknownOperatorError(InvalidValueError, KeyError):
    """An operator that filters do not have."""


class IncompleteRunHistoryError(CommError):
    """Part of the history is in no Parquet file yet, as a rule because the run is still going on."""


class NotFoundError(CommError, ValueError):
    """No such thing, or it is hidden from this key."""

    def __init__(self, message: str = "", exc: BaseException | None = None) -> None:
        super().__init__(message, exc or ValueError(message))


class MissingItemError(NotFoundError, IndexError):
    """Past the end of a list."""


class MissingEntryError(NotFoundError, KeyError):
    """A path that an artifact does not have."""


class UsageError(Error):
    """The call cannot work as it was made."""


class UnsupportedError(UsageError):
    """The server does not have what the call takes."""


RunNotFoundError = NotFoundError  # what wandb calls it


_E = TypeVar("_E", bound=Error)


def _caught_by_wandb(cls: type[_E]) -> type[_E]:
    """The class itself, or where `wandb` is there a child that is of its class of the same name as well."""
    theirs = sys.modules.get("wandb.errors")
    if theirs is None or cls.__dict__.get("_of_wandb", False):
        return cls
    for ours in cls.__mro__:
        other = getattr(theirs, ours.__name__, None) if ours.__module__ == __name__ else None
        if isinstance(other, type) and issubclass(other, Exception) and not issubclass(cls, other):
            return _both(cls, other)
    return cls


_children: dict[tuple[type[Any], type[Any]], type[Any]] = {}


def _both(cls: type[Any], theirs: type[Any]) -> type[Any]:
    if (cls, theirs) not in _children:
        _children[cls, theirs] = type(cls.__name__, (cls, theirs), {
            "__module__": cls.__module__, "__doc__": cls.__doc__, "_of_wandb": True})
    return _children[cls, theirs]


def _plain(cls: type[Any]) -> type[Any]:
    """The class that pickles name."""
    found: type[Any] = cls.__bases__[0] if cls.__dict__.get("_of_wandb", False) else cls
    return found


def debugging() -> bool:
    """Whether causes are raised as they are."""
    return os.environ.get("WANDB_DEBUG", "").lower() in {"1", "true"}


def normalized(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let `function` raise errors of this tree only, with the cause on `exc`."""
    @functools.wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except CommError as error:
            if debugging() and error.exc is not None:
                raise error.exc from error
            raise
        except Error:
            raise
        except Exception as error:
            if debugging():
                raise
            message = str(error) or type(error).__name__
            if isinstance(error, TypeError):
                raise WrongTypeError(message, error) from error
            if isinstance(error, ValueError):
                raise InvalidValueError(message, error) from error
            raise CommError(message, error) from error
    return call
