"""Who asks, and what they are in each entity."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


class Role(IntEnum):
    """Each may do what those before it may. The owner of a personal entity is its ADMIN."""

    NONE = 0
    RESTRICTED = 1  # of a registry: sees what is there, and gets no bytes of it
    VIEWER = 2
    MEMBER = 3
    ADMIN = 4


@dataclass(frozen=True)
class Actor:
    user_id: int
    username: str
    admin: bool
    entity_id: int  # where things go that name no entity
    entity_name: str
    roles: dict[int, Role] = field(default_factory=dict)  # by entity
    organizations: dict[int, Role] = field(default_factory=dict)  # by organization
    seats: dict[int, Role] = field(default_factory=dict)  # the same by the organization's entity
    registries: dict[int, dict[int, Role]] = field(default_factory=dict)  # by that entity, by project

    def role(self, entity_id: int) -> Role:
        return Role.ADMIN if self.admin else self.roles.get(entity_id, Role.NONE)
