"""Where data lies that is on its way in or out."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dumbbell_server.backend import Backend

_NAME = "moving"  # below the data folder: what goes in or out may be too long for /tmp


@contextlib.contextmanager
def own_folder(backend: Backend) -> Iterator[Path]:
    """A folder that is gone afterwards."""
    above = _above(backend)
    above.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=above, ignore_cleanup_errors=True) as name:
        yield Path(name)


def clear_folder(backend: Backend) -> None:
    """At a start: what an earlier server had under way when it was killed."""
    shutil.rmtree(_above(backend), ignore_errors=True)


def _above(backend: Backend) -> Path:
    return backend.settings.data_dir.absolute() / _NAME
