"""Objects whose attributes are what the server sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dumbbell._client import Client

NOTHING: Mapping[str, Any] = MappingProxyType({})  # a default that nobody can write to
_UNDERLINE = re.compile(r"_([a-z])")


class Attrs:
    """Server fields as attributes: `obj.created_at` and `obj.createdAt` both read `createdAt`.

    An attribute that is set stays on the object and hides the server's; methods that save send it.
    """

    def __init__(self, client: Client, attrs: Mapping[str, Any] = NOTHING) -> None:
        self.client = client
        self._attrs: dict[str, Any] = dict(attrs)

    if not TYPE_CHECKING:  # so that a misspelled attribute is still found by a type checker

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_") or name == "client":
                raise AttributeError(name)  # while being copied or unpickled there is nothing yet
            key = _UNDERLINE.sub(lambda match: match[1].upper(), name)
            for wanted in (key, name):
                if wanted in self._attrs:
                    return self._attrs[wanted]
            if self._more(key):
                return self._attrs[key]
            raise AttributeError(f"{self!r} has no attribute {name!r}")

    def _more(self, key: str) -> bool:
        """Ask the server for what is not here yet; whether `key` is now."""
        del key
        return False

    def __dir__(self) -> list[str]:
        underlined = {re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", key) for key in self._attrs}
        return sorted({*super().__dir__(), *underlined})
