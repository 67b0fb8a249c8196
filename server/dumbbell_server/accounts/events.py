"""Events of accounts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AccountsChanged:
    """Keys, roles or users are other than before. Who remembers them forgets them once the unit is on disk."""


@dataclass(frozen=True)
class UserRenamed:
    """A user has another username."""

    user_id: int


@dataclass(frozen=True)
class EntityDeleting:
    """An entity and all that is in it are about to go; the rows are still there."""

    entity_id: int
