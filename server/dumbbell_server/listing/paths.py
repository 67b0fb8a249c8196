"""Keys with dots, and the ways to read them: `a.b` may be a key, or `b` in `a`.

A key is followed in very many documents, so there is a limit on it, and its readings are made once.
"""

from __future__ import annotations

from functools import lru_cache

from dumbbell_server.errors import BadInput

LONGEST_KEY = 1000
MOST_PARTS = 50  # as deep as filters may be
_HELD = 256  # paths whose readings are kept, with those of the paths in them


def parts_of(key: str) -> tuple[str, ...]:
    """What stands between a key's dots. BadInput for a key that is too long to be looked up."""
    if len(key) > LONGEST_KEY:
        raise BadInput(f"the key {key[:40]!r}… has {len(key)} characters; at most {LONGEST_KEY} are allowed")
    dots = key.count(".")
    if dots >= MOST_PARTS:
        raise BadInput(f"the key {key[:40]!r}… has {dots + 1} parts between dots; at most {MOST_PARTS} are allowed")
    return tuple(key.split("."))


@lru_cache(maxsize=_HELD)
def readings(path: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The keys that a path may begin with, the longest first, each with the rest of the path."""
    return tuple((".".join(path[:length]), path[length:]) for length in range(len(path), 0, -1))
