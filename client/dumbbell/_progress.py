"""A progress bar on a terminal; nothing elsewhere, and nothing without tqdm."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator

_BYTES = 50 << 20
_FILES = 5000


@contextlib.contextmanager
def progress(title: str, total: int, files: int) -> Iterator[Callable[[int], object]]:
    """Something to tell of bytes as they come; a bar is shown for more than 50 MiB or 5000 files."""
    shown = (total > _BYTES or files > _FILES) and sys.stderr is not None and sys.stderr.isatty()
    try:
        bar = importlib.import_module("tqdm").tqdm(
            total=total, desc=title, unit="B", unit_scale=True, unit_divisor=1024) if shown else None
    except ImportError:
        bar = None
    if bar is None:
        yield lambda _: None
        return
    with bar:
        yield bar.update
