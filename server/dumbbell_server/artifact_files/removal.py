"""What versions hold goes after them, in pieces: entries, manifests, uploads. Bytes of files stay with the project."""

from __future__ import annotations

from typing import Any

from dumbbell_server.artifact_files.tables import EntryRow, ExpectedBlobRow, ManifestRow, UploadRow
from dumbbell_server.blobs.removal import Piece, clear
from dumbbell_server.database.units import Unit

_HELD: tuple[Any, ...] = (EntryRow, ManifestRow, UploadRow, ExpectedBlobRow)  # parts go with their upload


def remove(unit: Unit, version_id: int, piece: Piece) -> bool:
    """What a deleted version held, as far as the piece goes. Whether nothing is left."""
    tables = [held.__table__ for held in _HELD]
    return all(clear(unit, table, table.c.artifact_id, [version_id], piece) for table in tables)
