"""Bytes of files, which lie in a fixture once, by their digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

from dumbbell_server.seeding.form.folder import BLOBS, Folder

_PIECE = 1 << 20


class Blobs:
    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._waiting = folder.root / BLOBS / ".part"
        self._waiting.parent.mkdir(parents=True, exist_ok=True)

    def copy(self, path: Path) -> str:
        """The digest of a file, whose bytes are there now. OSError where it cannot be read."""
        hasher = hashlib.md5(usedforsecurity=False)
        with path.open("rb") as source, self._waiting.open("wb") as target:
            while piece := source.read(_PIECE):
                hasher.update(piece)
                target.write(piece)
        return self._place(hasher.hexdigest())

    def store(self, data: bytes) -> str:
        self._waiting.write_bytes(data)
        return self._place(hashlib.md5(data, usedforsecurity=False).hexdigest())

    def has(self, md5: str) -> bool:
        return self._folder.blob(md5).is_file()

    def _place(self, md5: str) -> str:
        place = self._folder.blob(md5)
        place.parent.mkdir(exist_ok=True)
        self._waiting.replace(place)
        return md5
