"""Bytes of a fixture by their MD5: fetched once each, checked, and in place only when they are whole."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from dumbbell._client import Client
from dumbbell._download import download
from dumbbell.errors import DigestError
from dumbbell_server.artifact_files.digests import hex_of
from dumbbell_server.seeding.form.folder import Folder

_PIECE = 1 << 20
_INCOMING = ".incoming"


class Blobs:
    def __init__(self, client: Client, folder: Folder) -> None:
        self._client = client
        self._folder = folder
        self._incoming = folder.blob("00").parent.parent / _INCOMING

    def fetch(self, url: str, md5: str | None, size: int | None, what: str) -> str:
        """The MD5 in hex of what is at a URL. DigestError names the thing whose bytes are not what was announced.

        Args:
            url: where the bytes are.
            md5: base64 of what they must have, where that is known.
            size: how many there must be.
            what: their name, for people.
        """
        known = hex_of(md5) if md5 else None
        if known is not None:
            there = self._folder.blob(known)
            if there.is_file() and size in {None, there.stat().st_size}:
                return known
        self._incoming.mkdir(parents=True, exist_ok=True)
        part = self._incoming / secrets.token_hex(8)
        try:
            self._take(part, url, known and md5, size, what)
            found = known or md5_of(part)
            target = self._folder.blob(found)
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return found

    def _take(self, part: Path, url: str, md5: str | None, size: int | None, what: str) -> None:
        came = 0

        def told(count: int) -> None:
            nonlocal came
            came += count
            if size is not None and came > size:
                raise DigestError(f"{what}: more than the {size} bytes come that the server said")
        try:
            with part.open("w+b", buffering=0) as file:
                download(self._client.transport, url, file, md5=md5, size=size, told=told)
        except DigestError as error:
            raise DigestError(f"{what}: {error}") from error

    def clear(self) -> None:
        """Remove what cut downloads have left."""
        if self._incoming.is_dir():
            for part in self._incoming.iterdir():
                part.unlink()
            self._incoming.rmdir()


def md5_of(path: Path) -> str:
    """The MD5 of a file, in hex."""
    md5 = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            md5.update(piece)
    return md5.hexdigest()


def remove_others(folder: Folder, named: set[str]) -> None:
    """Remove the bytes that no document names any more."""
    root = folder.blob("00").parent.parent
    for parent, _, names in os.walk(root):
        for name in names:
            if name not in named:
                (Path(parent) / name).unlink()
