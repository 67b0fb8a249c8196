"""Files of artifacts by their digest, shared by all processes of a user and with `wandb`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO

from dumbbell._download import replacing


def cache_folder() -> Path:
    """WANDB_CACHE_DIR, or where the system keeps caches."""
    given = os.environ.get("WANDB_CACHE_DIR")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (Path(given).expanduser() if given else home / "wandb") / "artifacts"


def place_of(digest: str, kind: str = "md5") -> Path:
    """Where the bytes of a hexadecimal digest lie, or will."""
    return cache_folder() / "obj" / kind / digest[:2] / digest[2:]


def cached(place: Path, size: int | None) -> bool:
    """Whether the bytes are there, as many as there should be."""
    try:
        found = place.stat()
    except OSError:
        return False
    return size is None or found.st_size == size


def copied(place: Path, target: Path) -> None:
    """Copy out of the cache, with the time of change, by which an unchanged copy is known. Whole or not at all."""
    kept = place.stat()
    if unchanged(place, target):
        return
    with replacing(target) as file, place.open("rb") as source:
        copy(source, file)
        os.utime(file.name, ns=(kept.st_atime_ns, kept.st_mtime_ns))


def alike(place: Path, target: Path) -> None:
    """Note that the target was made along with what the cache has."""
    kept = place.stat()
    os.utime(target, ns=(kept.st_atime_ns, kept.st_mtime_ns))


def copy(source: BinaryIO, target: BinaryIO) -> None:
    """All of one open file into another, within the kernel where it can."""
    size, done = os.fstat(source.fileno()).st_size, 0
    try:
        while done < size:
            count = os.sendfile(target.fileno(), source.fileno(), done, size - done)
            if not count:
                return
            done += count
    except (OSError, AttributeError):
        source.seek(done)
        target.seek(done)
        shutil.copyfileobj(source, target, 1 << 20)


def unchanged(place: Path, target: Path) -> bool:
    """Whether the copy is as it was made."""
    try:
        mine, kept = target.lstat(), place.stat()
    except OSError:
        return False
    return (mine.st_size, mine.st_mtime_ns) == (kept.st_size, kept.st_mtime_ns)
