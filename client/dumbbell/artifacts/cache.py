"""Files of artifacts by their digest, shared by all processes of a user and with `wandb`."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
import time
from pathlib import Path
from typing import BinaryIO

from dumbbell._download import md5_of, replacing

_SECOND = 10**9  # nanoseconds
_READ_ONLY = 0o444


def cache_folder() -> Path:
    """WANDB_CACHE_DIR, or where the system keeps caches."""
    given = os.environ.get("WANDB_CACHE_DIR")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (Path(given).expanduser() if given else home / "wandb") / "artifacts"


def place_of(digest: str, kind: str = "md5") -> Path:
    """Where the bytes of a hexadecimal digest lie, or will."""
    return cache_folder() / "obj" / kind / digest[:2] / digest[2:]


def cached(place: Path, size: int | None, md5: str | None) -> bool:
    """Whether the bytes are there, as many as there should be and unchanged.

    A file that does not bear its seal was put there by `wandb`, or was changed: it is read once. What is not as its
    digest says is thrown away.
    """
    try:
        found = place.stat()
    except OSError:
        return False
    if size is not None and found.st_size != size:
        return False
    if found.st_mtime_ns % _SECOND == _mark(place):
        return True
    if md5 is None:
        return False  # nothing says what its bytes should be
    with place.open("rb") as file:
        right = base64.b64encode(md5_of(file).digest()).decode() == md5
    if right:
        seal(place, place)
    else:
        place.unlink()
    return right


def seal(path: Path | str, place: Path) -> tuple[int, int]:
    """Mark a file of which the bytes were checked, and let nobody write to it by mistake.

    The nanoseconds of its time of change are those of its name: whoever writes to the file changes them. Returns its
    times.
    """
    moment = time.time_ns() // _SECOND * _SECOND + _mark(place)
    with contextlib.suppress(OSError):  # somebody else's file, in a cache that is shared
        os.chmod(path, _READ_ONLY)  # noqa: PTH101 - an artifact has thousands of files, and a Path is slow
        os.utime(path, ns=(moment, moment))
    return moment, moment


def _mark(place: Path) -> int:
    name = "/".join(place.parts[-3:]).encode()
    return int.from_bytes(hashlib.md5(name, usedforsecurity=False).digest()[:8], "big") % _SECOND


def copied(place: Path, target: Path) -> None:
    """Copy out of the cache, with the time of change, by which an unchanged copy is known. Whole or not at all."""
    kept = place.stat()
    if unchanged(place, target):
        return
    with replacing(target) as file, place.open("rb") as source:
        copy(source, file)
        os.utime(file.name, ns=(kept.st_atime_ns, kept.st_mtime_ns))


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
