"""An export on its way into a folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy.orm import Session
from sqlmodel import select

from dumbbell_server.accounts.tables import UserRow
from dumbbell_server.artifact_files.digests import hex_of
from dumbbell_server.backend import Backend
from dumbbell_server.errors import Conflict
from dumbbell_server.json_text import dumps, loads
from dumbbell_server.seeding.exporting.scope import Scope
from dumbbell_server.seeding.form.folder import Folder


@dataclass
class Writing:
    """Where to, from what, and what was written by now."""

    backend: Backend
    session: Session
    folder: Folder
    scope: Scope
    runner: asyncio.Runner
    on_progress: Callable[[int], object]
    users: set[int] = field(default_factory=set)  # who is named by anything that was written
    left_out: dict[str, int] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)

    def user(self, number: int) -> str | None:
        """The name of who made something; they are written, too. None for nobody: the server itself."""
        if number not in self._names:
            row = self.session.execute(select(UserRow.username).where(UserRow.id == number)).scalar()
            self._names[number] = row or ""
        if self._names[number]:
            self.users.add(number)
        return self._names[number] or None

    def leave_out(self, what: str) -> None:
        self.left_out[what] = self.left_out.get(what, 0) + 1

    def blob(self, digest: str, key: str, size: int) -> str:
        """The bytes are in the folder, once. Returns their name: the MD5 in hex."""
        name = hex_of(digest) or ""
        path = self.folder.blob(name)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            waiting = path.with_name(f".{name}.part")
            try:
                with waiting.open("wb") as file:
                    self.runner.run(_copy(self.backend, key, size, file.write))
            except FileNotFoundError:
                waiting.unlink()
                raise Conflict(f"bytes with the MD5 {name} went while they were exported, or are lost; export again, "
                               "or delete what has them") from None
            waiting.replace(path)
        return name


async def _copy(backend: Backend, key: str, size: int, write: Callable[[bytes], object]) -> None:
    async for chunk in backend.blobs.read(key, 0, size):
        write(chunk)


def told(name: str, text: str, *, wrapped: bool = False) -> dict[str, Any]:
    """A stored JSON object in the form that a person reads, where that comes back as the same text; else the text.

    `wrapped`: each value stands in an object of its own, as configs have it.
    """
    plain = _plain(text, wrapped=wrapped)
    return {f"{name}_json": text} if plain is None else {name: plain}


def _plain(text: str, *, wrapped: bool) -> dict[str, Any] | None:
    try:
        value = loads(text)
    except ValueError:
        return None
    if not isinstance(value, dict) or dumps(value) != text:
        return None
    if wrapped:
        if not all(isinstance(entry, dict) and list(entry) == ["value"] for entry in value.values()):
            return None
        value = {key: entry["value"] for key, entry in value.items()}
    try:
        same: bool = orjson.loads(orjson.dumps(value)) == value  # NaN, and what has more than 64 bits, does not pass
    except (TypeError, ValueError):
        return None
    return value if same else None
