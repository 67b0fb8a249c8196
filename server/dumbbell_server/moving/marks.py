"""Which parts of a folder are whole, and of what they were made: a part that has changed since is fetched again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from dumbbell_server.seeding.form.folder import write_whole

MARK = ".pulled"


def digest(seen: Any) -> str:
    """Of what the server tells of a thing."""
    return hashlib.sha256(orjson.dumps(seen, option=orjson.OPT_SORT_KEYS)).hexdigest()


def left_out(folder: Path, seen: str, document: Path) -> list[str] | None:
    """What was left out of a part that is whole and as the server tells of it; None for any other part."""
    try:
        mark = orjson.loads((folder / MARK).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    lines: list[str] = mark["left_out"]
    return lines if mark["seen"] == seen and document.is_file() else None


def write(folder: Path, seen: str, lines: Sequence[str]) -> None:
    """The part is whole."""
    write_whole(folder / MARK, orjson.dumps({"seen": seen, "left_out": list(lines)}))
