"""What ingest and reads emit for the work in the background."""

from __future__ import annotations

from dataclasses import dataclass

from dumbbell_server.history.tables import KeysRow


@dataclass(frozen=True)
class RowsCame:
    """Rows of a run, or the news that it has ended, are on disk."""

    run_id: int


@dataclass(frozen=True)
class KeysRead:
    """A read has made the key document of a run; if it is kept, the next read need not make it again."""

    row: KeysRow
