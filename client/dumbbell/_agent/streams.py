"""The stream of a run, as far as an agent speaks there for it: it lives, it has ended."""

from __future__ import annotations

import logging
import time

from dumbbell._client import Client
from dumbbell._paths import quoted
from dumbbell.errors import AuthenticationError, CommError, PermissionDeniedError

_log = logging.getLogger("dumbbell")

_PATIENCE = 300.0  # seconds in which a server that went away may come back, before the end of a run is lost
_PAUSE = 1.0
_BEAT_WINDOW = 5.0  # seconds; another beat follows anyway


class Stream:
    """Posts of a run to the server."""

    def __init__(self, client: Client, entity: str, project: str, run_id: str) -> None:
        self._client = client
        self._run_id = run_id
        self._path = f"/files/{'/'.join(quoted(entity, project, run_id))}/file_stream"

    def beat(self) -> bool:
        """Say that the run lives. Returns whether it is asked to stop."""
        try:
            return bool(self._client.transport.post(self._path, {}, _BEAT_WINDOW).get("stopped"))
        except CommError as error:
            _log.info("run %s could not be said to live: %s", self._run_id, error)
            return False

    def end(self, exit_code: int) -> None:
        """Say that the run has ended; tried again for some minutes where there is no server."""
        until = time.monotonic() + _PATIENCE
        while (error := self._end(exit_code)) is not None:
            refused = isinstance(error, AuthenticationError | PermissionDeniedError)  # it may have been deleted
            if refused or time.monotonic() > until:
                _log.error("the end of run %s could not be said: %s", self._run_id, error)
                return
            time.sleep(_PAUSE)

    def _end(self, exit_code: int) -> CommError | None:
        try:
            self._client.transport.post(self._path, {"complete": True, "exitcode": exit_code})
        except CommError as error:
            return error
        return None
