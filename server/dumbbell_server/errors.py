"""The error tree. Each class knows the HTTP status with which it leaves the server.

    DumbbellError
      BadInput 400            a value is malformed; nothing was changed
        BodyTooLong           the body of a question or of rows is longer than we read
      Unauthenticated 401     the key is unknown
      Forbidden 403           the actor may see the thing but not do this to it
      NotFound 404            it does not exist, or the actor may not know that it does
      Conflict 409            the name is taken
      TooLarge 413            the file is longer than we take
      Damaged 422             stored bytes cannot be read; in GraphQL one field is null, and the rest is answered
      StorageUnavailable 503  the database is locked or does not answer; nothing was changed
      Busy 503                too many bytes of other requests are in memory; nothing was changed
      StorageFull 507         the disk is full; nothing was changed
    StartupError              the server cannot start; the command prints one line and ends with 2

None of the 4xx is retried by a client (docs/protocol/http.md#retries), but 409 by the SDK's own upsertBucket: a
run never conflicts. The 5xx are retried.
"""

from __future__ import annotations


class DumbbellError(Exception):
    """A refusal that names the thing and what would be right."""

    status = 400

    @property
    def message(self) -> str:
        return str(self)


class BadInput(DumbbellError):
    status = 400


class Unauthenticated(DumbbellError):
    status = 401


class Forbidden(DumbbellError):
    status = 403


class NotFound(DumbbellError):
    status = 404


class Conflict(DumbbellError):
    status = 409


class BodyTooLong(BadInput):
    """400 and not 413, which releases with a Python engine try again for hours (docs/protocol/http.md#retries)."""


class TooLarge(DumbbellError):
    status = 413


class Damaged(DumbbellError):
    status = 422


class StorageUnavailable(DumbbellError):
    status = 503


class Busy(DumbbellError):
    status = 503

    def __init__(self, message: str = "too many bytes of other requests are in memory; send the request again") -> None:
        super().__init__(message)


class StorageFull(DumbbellError):
    status = 507


class StartupError(Exception):
    """The server cannot start; the text says what is wrong and what to do."""


# Texts that clients match as substrings, in one place.
INVALID_STATE_TRANSITION = "invalid state transition"  # wandb 0.31.0 apis/public/runs.py:Run.update_state
