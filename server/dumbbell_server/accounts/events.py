"""What accounts tell the domains above them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AccountsChanged:
    """Keys, roles or users are other than before. Told after the unit, with no session: memories must be dropped."""


@dataclass(frozen=True)
class UserRenamed:
    """A user has another username. Told inside the unit."""

    user_id: int


@dataclass(frozen=True)
class EntityDeleting:
    """An entity and all that is in it are about to go. Told inside the unit, while the rows are still there."""

    entity_id: int
