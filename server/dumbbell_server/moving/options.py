"""What a pull is asked for, and the file that remembers it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from dumbbell_server.errors import BadInput, Conflict
from dumbbell_server.seeding.form.folder import write_whole

STATE = ".pull.json"
_LARGEST = 100 * 10**6


@dataclass(frozen=True)
class Options:
    """What of a project is wanted."""

    filters: str | None = None
    order: str = "-created_at"
    max_runs: int | None = None
    samples: int | None = None
    history: bool = True
    files: bool = True
    artifacts: bool = True
    console: bool = True
    max_artifact_size: int = _LARGEST

    def check(self) -> None:
        """BadInput names what is malformed."""
        if self.filters is not None:
            try:
                found = orjson.loads(self.filters)
            except orjson.JSONDecodeError:
                found = None
            if not isinstance(found, dict):
                raise BadInput(f"--filters {self.filters[:80]!r} is no JSON object, such as "
                               '\'{"state": "finished"}\'')
        for name, least in (("max_runs", 1), ("samples", 1), ("max_artifact_size", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise BadInput(f"--{name.replace('_', '-')} is {value}; it must be at least {least}")


def begin(root: Path, base_url: str, entity: str, project: str, options: Options) -> None:
    """The folder is that of this pull. Conflict where it is of another one, or of something else."""
    asked: dict[str, Any] = {"server": base_url, "project": f"{entity}/{project}", "options": asdict(options)}
    state = root / STATE
    if state.is_file():
        try:
            known = orjson.loads(state.read_bytes())
        except orjson.JSONDecodeError:
            known = {}
        if known != asked:
            raise Conflict(f"{str(root)!r} holds another pull ({_difference(known, asked)}); pull into another folder, "
                           "or remove this one")
        return
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise Conflict(f"{str(root)!r} is there and holds no pull that could go on; pull into a new folder")
    root.mkdir(parents=True, exist_ok=True)
    write_whole(state, orjson.dumps(asked, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))


def _difference(known: Any, asked: dict[str, Any]) -> str:
    """The first thing that differs, for people."""
    if not isinstance(known, dict):
        return f"{STATE} cannot be read"
    for name in ("server", "project"):
        if known.get(name) != asked[name]:
            return f"of {known.get(name)}"
    old = known.get("options")
    changed = [name for name, value in asked["options"].items() if not isinstance(old, dict) or old.get(name) != value]
    return "with other options: " + ", ".join(f"--{name.replace('_', '-')}" for name in changed)
