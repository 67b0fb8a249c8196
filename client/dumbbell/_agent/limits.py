"""When an agent gives up: where runs only fail, more of them help nobody.

The rules are those of `wandb 0.31.0 agents/pyagent.py:Agent._handle_errored_run`, the names of the settings too.
"""

from __future__ import annotations

import os
import time

from dumbbell.errors import InvalidValueError

_FIRST_SECONDS = 60
_FAILURES_IN_THEM = 3
_INITIAL_FAILURES = 5


class Limits:
    """Counts how runs ended."""

    def __init__(self, consecutive: int | None = None) -> None:
        """Give up after so many failures in a row, beside the rules for how an agent begins."""
        self._consecutive = consecutive
        self._initial = whole("WANDB_AGENT_MAX_INITIAL_FAILURES", _INITIAL_FAILURES)
        self._quick = os.environ.get("WANDB_AGENT_DISABLE_FLAPPING") != "true"
        self._began = time.monotonic()
        self._ended = self._failed = self._in_a_row = 0

    def ended(self, *, failed: bool) -> str | None:
        """Why the agent gives up as one more run has ended; None where it goes on."""
        self._ended += 1
        self._failed += failed
        self._in_a_row = self._in_a_row + 1 if failed else 0
        if not failed:
            return None
        if self._consecutive is not None and self._in_a_row >= self._consecutive:
            return f"failed runs in a row: {self._in_a_row}"
        passed = time.monotonic() - self._began
        if self._quick and passed < _FIRST_SECONDS and self._failed >= _FAILURES_IN_THEM:
            return (f"{self._failed} runs have failed in the first {_FIRST_SECONDS} seconds "
                    "(WANDB_AGENT_DISABLE_FLAPPING=true lets it go on)")
        if self._failed >= self._initial and self._failed == self._ended:
            return (f"the first {self._failed} runs have all failed (WANDB_AGENT_MAX_INITIAL_FAILURES sets how many "
                    "may)")
        return None


def whole(name: str, default: int) -> int:
    """A number from the environment."""
    text = os.environ.get(name)
    if not text:
        return default
    try:
        return int(text)
    except ValueError:
        raise InvalidValueError(f"{name} is {text!r}; it must be a whole number") from None
