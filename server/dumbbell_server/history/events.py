"""What the history says to whoever works in the background."""

from __future__ import annotations

from dataclasses import dataclass

from dumbbell_server.history.tables import KeysRow


@dataclass(frozen=True)
class RowsCame:
    """Rows of a run, or the news that it has ended, are on disk."""

    run_id: int


@dataclass(frozen=True)
class KeysRead:
    """A read has made the key document of a run; whoever writes it down saves the next read the work."""

    row: KeysRow
