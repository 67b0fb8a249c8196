"""A folder of files that tests log as an artifact."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

BIG = bytes(range(256)) * 1000
FILES = {"a.txt": b"hello", "deep/b #%1.bin": BIG, "deep/er/empty": b""}


def make_files(folder: Path) -> Path:
    """The files, under a new folder."""
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    """What is under a folder, by path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def md5(content: bytes) -> str:
    """As manifests have it."""
    return base64.b64encode(hashlib.md5(content).digest()).decode()
