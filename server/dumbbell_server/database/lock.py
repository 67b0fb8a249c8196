"""One server a data folder."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from dumbbell_server.errors import StartupError


def take_folder(folder: Path) -> IO[bytes]:
    """Make the folder and hold its lock for as long as the returned file is open."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("ab")
    except OSError as error:
        raise StartupError(f"cannot write to the data folder {folder}: {error.strerror}; "
                           "choose another with --data-dir") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise StartupError(f"the data folder {folder} is in use by another server; "
                           "end that one, or choose another folder with --data-dir") from None
    return lock
