"""Time and randomness as objects, so that a test can hold them still."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime, timedelta
from random import Random

_SHORT = "0123456789abcdefghijklmnopqrstuvwxyz"


def to_text(moment: datetime) -> str:
    """The one form in which times are stored and sent: UTC, microseconds, `Z`. It sorts as text."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


class Clock:
    """The machine's time and randomness."""

    def __init__(self) -> None:
        self.random: Random = secrets.SystemRandom()

    def seconds(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds(), UTC)

    def text(self) -> str:
        """Now, as stored."""
        return to_text(self.now())

    def text_ago(self, seconds: float) -> str:
        """The moment `seconds` before now, as stored."""
        return to_text(self.now() - timedelta(seconds=seconds))

    def token(self, length: int, alphabet: str = "0123456789abcdef") -> str:
        return "".join(self.random.choice(alphabet) for _ in range(length))

    def short_id(self, length: int = 8) -> str:
        """Digits and small letters, as the SDK makes the ids of runs."""
        return self.token(length, _SHORT)


class StillClock(Clock):
    """A clock that stands still until it is moved, with randomness that repeats."""

    def __init__(self, start: float = 1_750_000_000.0, seed: int = 1) -> None:
        super().__init__()
        self._at = start
        self.random = Random(seed)  # noqa: S311 - repeatable on purpose

    def seconds(self) -> float:
        return self._at

    def move(self, seconds: float) -> None:
        self._at += seconds
