"""Organizations, which registries belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class OrgEntity:
    """The entity of an organization, with which paths of its registries begin."""

    id: str
    name: str


@dataclass(frozen=True)
class Organization:
    """An organization as it was when it was asked for.

    Attributes:
        id: the server's id.
        name: its name.
        org_entity: the entity of its registries, which has a name of its own.
    """

    id: str
    name: str
    org_entity: OrgEntity

    @classmethod
    def of(cls, row: Any) -> Organization:
        """What the server says of it."""
        return cls(row["id"], row["name"], OrgEntity(row["orgEntity"]["id"], row["orgEntity"]["name"]))
