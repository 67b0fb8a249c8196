"""One server a data folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from pathlib import Path
from typing import IO

from dumbbell_server.errors import StartupError

_OTHERS = 0o077
_OURS = ("dumbbell.db", "dumbbell.db-wal", "dumbbell.db-shm", ".lock", "blobs", "exporting", "moving", "snapshots",
         "ready.json", "admin.json")


def take_folder(folder: Path) -> IO[bytes]:
    """Make the folder and hold its lock for as long as the returned file is open. Only its owner may look into it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _tighten(folder)
        lock = os.fdopen(private(str(folder / ".lock"), os.O_RDWR | os.O_CREAT), "ab")
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


def private(path: str, flags: int) -> int:
    """Open a file that its owner alone may read, from the first moment if it is made. For `open(opener=…)`."""
    descriptor = os.open(path, flags, 0o600)
    if stat.S_IMODE(os.fstat(descriptor).st_mode) & _OTHERS:
        with contextlib.suppress(PermissionError):  # somebody else's, who decides
            os.fchmod(descriptor, 0o600)
    return descriptor


def _tighten(folder: Path) -> None:
    """What was left open to others is closed. A folder with other things in it, such as /tmp, stays as it is."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    with contextlib.suppress(PermissionError):  # somebody else's, who decides
        if mode & _OTHERS and not mode & stat.S_ISVTX and all(path.name in _OURS for path in folder.iterdir()):
            folder.chmod(0o700)
        for path in map(folder.joinpath, _OURS):
            if path.is_file() and not path.is_symlink():
                path.chmod(0o600)
