"""Files of the repository, for tests that read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_NOT_OURS = {"__pycache__", "node_modules", ".venv"}


def files(*patterns: str) -> Iterator[Path]:
    """Whatever lies in these folders, or fits these patterns, in the order of names."""
    for pattern in patterns:
        place = ROOT / pattern
        found = place.rglob("*") if place.is_dir() else ROOT.glob(pattern)
        yield from sorted(path for path in found if path.is_file() and not _NOT_OURS & set(path.parts))
