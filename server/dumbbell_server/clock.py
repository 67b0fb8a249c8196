"""Time and randomness as objects, so that a test can hold them still."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

_SHORT = "0123456789abcdefghijklmnopqrstuvwxyz"
_EARLIEST = -62_135_596_800.0  # seconds: the year 1, the first that a datetime can say


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

    def machine_seconds(self) -> float:
        """The same by the machine, whatever the clock was set to: how old files are."""
        return time.time()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds(), UTC)

    def text(self) -> str:
        """Now, as stored."""
        return to_text(self.now())

    def text_ago(self, seconds: float) -> str:
        """The moment `seconds` before now, as stored; the earliest there is where that is too long ago."""
        return self.text_of(self.seconds() - seconds)

    @staticmethod
    def text_of(seconds: float) -> str:
        """A moment in seconds since 1970, as stored; the earliest there is for what is too long ago."""
        return to_text(datetime.fromtimestamp(max(seconds, _EARLIEST), UTC))

    def token(self, length: int, alphabet: str = "0123456789abcdef") -> str:
        return "".join(self.random.choice(alphabet) for _ in range(length))

    def short_id(self, length: int = 8) -> str:
        """Digits and small letters, as the SDK makes the ids of runs."""
        return self.token(length, _SHORT)


class AdjustableClock(Clock):
    """The machine's time until it is frozen or moved. Randomness stays the machine's.

    `was_read` is set by everybody who asks for the time: so it is seen whether a client waits.
    """

    def __init__(self) -> None:
        super().__init__()
        self._at: tuple[float | None, float] = (None, 0.0)  # frozen at, or ahead of the machine by
        self._subscribers: list[Callable[[], object]] = []
        self.was_read = False

    def seconds(self) -> float:
        self.was_read = True
        return self.look()

    def look(self) -> float:
        """The same, for who does not count as waiting."""
        frozen, ahead = self._at
        return time.time() + ahead if frozen is None else frozen

    @property
    def frozen(self) -> bool:
        return self._at[0] is not None

    @property
    def ahead(self) -> float:
        """Seconds by which it is ahead of the machine; negative where it is behind."""
        frozen, ahead = self._at
        return ahead if frozen is None else frozen - self.machine_seconds()

    def freeze(self, moment: float) -> None:
        """It stands still at this moment (seconds since 1970)."""
        self._change(moment, 0.0)

    def move_to(self, moment: float) -> None:
        """It is this moment now, and goes on from there if it went before."""
        if self.frozen:
            self._change(moment, 0.0)
        else:
            self._change(None, moment - time.time())

    def thaw(self) -> None:
        """It goes on from where it stands."""
        self._change(None, self.look() - time.time())

    def release(self) -> None:
        """It is the machine's time again."""
        self._change(None, 0.0)

    def subscribe(self, told: Callable[[], object]) -> None:
        """Called after every change, by whoever makes it: what has become due by then is done as it returns."""
        self._subscribers.append(told)

    def _change(self, frozen: float | None, ahead: float) -> None:
        self._at = (frozen, ahead)
        for told in self._subscribers:
            told()


class StillClock(AdjustableClock):
    """A clock that stands still until it is moved, with randomness that repeats."""

    def __init__(self, start: float = 1_750_000_000.0, seed: int = 1) -> None:
        super().__init__()
        self.random = Random(seed)  # noqa: S311 - repeatable on purpose
        self.freeze(start)

    def machine_seconds(self) -> float:
        return self.look() if self.frozen else super().machine_seconds()

    def move(self, seconds: float) -> None:
        self.move_to(self.look() + seconds)
