"""Which fixtures a server loads before it serves."""

from __future__ import annotations

from pathlib import Path

from dumbbell_server.errors import StartupError
from dumbbell_server.settings import Settings

_DOCUMENTS = frozenset({".yaml", ".yml", ".json"})


def fixtures_at_start(settings: Settings) -> list[list[str]]:
    """Those that `DUMBBELL_SEED` names, as one, and then each file and folder in `DUMBBELL_SEED_DIR` by itself.

    StartupError where that folder cannot be read.
    """
    named = [name.strip() for name in (settings.seed or "").split(",") if name.strip()]
    own = [] if settings.seed_dir is None else _found(settings.seed_dir)
    return [*([named] if named else []), *([path] for path in own)]


def _found(folder: Path) -> list[str]:
    """What begins with a dot is the owner's own, or of what has mounted the folder."""
    try:
        entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        return [str(path) for path in entries if path.is_dir() or path.suffix in _DOCUMENTS]
    except OSError as error:
        raise StartupError(f"cannot read the folder of fixtures {folder}: {error.strerror}; "
                           "check DUMBBELL_SEED_DIR") from None
