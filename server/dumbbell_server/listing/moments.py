"""Times as people and programs write them, in the form in which they are stored."""

from __future__ import annotations

import email.utils
import re
from datetime import UTC, datetime
from typing import Any

from dumbbell_server.clock import to_text
from dumbbell_server.listing.values import NUMBER, rank

_MILLISECONDS = 10**11  # from which on a number is not of seconds: those would be in the year 5138
_LAST = 10**14  # milliseconds of the same year
_LONGEST = 64  # characters: no time has more, and what reads times is slow with long texts
_MONTHS = re.compile(r"(\d{4})(?:-(\d\d?))?")
_DAY = re.compile(r"(\d{4})[-/](\d\d?)[-/](\d\d?)(\D.*)?", re.DOTALL)
_ZONE = re.compile(r"\s*(?:UTC|GMT|Z)$", re.IGNORECASE)
_LETTERS = re.compile(r"\d{1,2} [A-Za-z]{3}")  # day and month, as e-mails and HTTP have them


def moment_of(value: Any) -> str | None:
    """The time that a value means, which may be `{"$date": …}`, as MongoDB writes dates in JSON; None if it is none."""
    if type(value) is dict and set(value) == {"$date"}:
        value = value["$date"]
        if type(value) is dict and set(value) == {"$numberLong"}:
            value = _long(value["$numberLong"])
    if type(value) is str:
        return _of_text(value.strip()) if len(value) <= _LONGEST else None
    return _of_number(value) if rank(value) == NUMBER else None


def _long(text: Any) -> int | None:
    return int(text) if type(text) is str and re.fullmatch(r"-?\d{1,18}", text) else None


def _of_number(number: float) -> str | None:
    """Seconds since 1970, or milliseconds where those would be in the far future."""
    if not abs(number) < _LAST:
        return None
    seconds = number if abs(number) < _MILLISECONDS else number / 1000
    try:
        return to_text(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, ValueError):  # before the year 1
        return None


def _of_text(text: str) -> str | None:
    for read in (_iso, _month, _of_message):
        try:
            moment = read(text)
        except (ValueError, TypeError, IndexError):
            continue
        try:
            return to_text(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        except (OverflowError, ValueError):  # the year 1 or 9999, an hour off
            return text
    return None


def _iso(text: str) -> datetime:
    day = _DAY.fullmatch(text)
    if day is not None:
        text = f"{day[1]}-{day[2]:0>2}-{day[3]:0>2}{day[4] or ''}"
    return datetime.fromisoformat(_ZONE.sub("+00:00", text) if ":" in text else text)


def _month(text: str) -> datetime:
    """The beginning of a year or month."""
    found = _MONTHS.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return datetime(int(found[1]), int(found[2] or 1), 1, tzinfo=UTC)


def _of_message(text: str) -> datetime:
    if not _LETTERS.search(text):
        raise ValueError(text)
    return email.utils.parsedate_to_datetime(text)
