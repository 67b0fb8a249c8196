"""Where offline runs lie below what was named."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from dumbbell_server.errors import BadInput

_SUFFIX = ".wandb"
_RUNS = ("offline-run-", "run-")  # how folders of runs are called


def logs(paths: Iterable[Path]) -> list[Path]:
    """The logs of all runs there, each once. BadInput for a path where none is."""
    found: dict[Path, None] = {}
    for path in paths:
        there = list(_below(path))
        if not there:
            raise BadInput(f"there is no offline run in {str(path)!r}: neither a file run-ID.wandb nor folders "
                           "offline-run-*")
        found.update((log.resolve(), None) for log in there)
    return list(found)


def has_some(path: Path) -> bool:
    return any(_below(path))


def _below(path: Path) -> Iterable[Path]:
    if not path.exists():
        raise BadInput(f"there is no file or folder {str(path)!r}")
    if path.is_file():
        return [path] if path.suffix == _SUFFIX else []
    own = _own(path)
    return [own] if own is not None else _in_all(path)


def _in_all(root: Path) -> Iterable[Path]:
    """Of folders that runs were logged to offline. Links are not followed: latest-run is one."""
    for folder, folders, _ in os.walk(root):
        runs = sorted(name for name in folders if name.startswith(_RUNS[0]))
        folders[:] = sorted(name for name in folders if not name.startswith(_RUNS))
        for name in runs:
            log = _own(Path(folder) / name)
            if log is not None:
                yield log


def _own(folder: Path) -> Path | None:
    """The log of a run's own folder. BadInput where there are several."""
    found = sorted(path for path in folder.iterdir() if path.suffix == _SUFFIX and path.is_file())
    if len(found) > 1:
        raise BadInput(f"{folder} has {len(found)} files *{_SUFFIX}; name the one that is meant")
    return found[0] if found else None
