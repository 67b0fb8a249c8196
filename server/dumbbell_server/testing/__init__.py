"""Dumbbell for tests: a server of its own for a `with` block, and the pytest plugin. Loads nothing until asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dumbbell_server.testing.accounts import Account
    from dumbbell_server.testing.server import Server

__all__ = ["Account", "Server"]


def __getattr__(name: str) -> Any:
    """The plugin is a module beside them, and must not import them with every pytest there is."""
    if name == "Server":
        from dumbbell_server.testing.server import Server

        return Server
    if name == "Account":
        from dumbbell_server.testing.accounts import Account

        return Account
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
