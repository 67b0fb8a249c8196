"""What others see and do between the units of something long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from support.world import World


class Killed(Exception):
    """As if the server had ended here."""


class Gaps:
    """After each unit that the world is asked for, `look` is called; its own units are not looked after."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.look: Callable[[], None] | None = None
        self._world = world
        self._write = world.backend.database.write
        monkeypatch.setattr(world.backend.database, "write", self._write_and_look)

    def write(self) -> None:
        """Something of another's is on disk."""
        self._write(lambda session: session.execute(text("UPDATE server_state SET value = value")))

    def _write_and_look(self, unit: Callable[[Any], Any]) -> Any:
        result = self._write(unit)
        look, self.look = self.look, None
        if look is not None:
            self.count += 1
            self.write()
            try:
                look()
            finally:
                self.look = look
        return result

    def watch(self, look: Callable[[], None], act: Callable[[], object]) -> int:
        """Act. Returns how many units that took."""
        self.count, self.look = 0, look
        try:
            act()
        finally:
            self.look = None
        return self.count
