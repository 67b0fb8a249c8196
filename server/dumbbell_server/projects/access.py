"""Who may do what in a project (docs/protocol/behaviours.md#roles)."""

from __future__ import annotations

from typing import Protocol

from dumbbell_server.errors import Forbidden, NotFound
from dumbbell_server.identity import Actor, Role
from dumbbell_server.projects.tables import ProjectRow


class Guarded(Protocol):
    """A project, or as much of its row as access depends on.

    The id counts in entities of organizations only, which hold nothing but registries.
    """

    @property
    def id(self) -> int: ...

    @property
    def entity_id(self) -> int: ...

    @property
    def access(self) -> str: ...


PRIVATE = "PRIVATE"
REMOVED = "REMOVED"  # nobody sees it any more, whatever their role: see service.py:_remove
ACCESSES = frozenset({PRIVATE, "RESTRICTED", "ENTITY_READ", "ENTITY_WRITE", "USER_READ", "USER_WRITE"})
PUBLIC = frozenset({"USER_READ", "USER_WRITE"})


def role_in(actor: Actor | None, project: Guarded) -> Role:
    """What the actor is in the project; without a key nobody is more than a viewer."""
    if project.access == REMOVED:
        return Role.NONE
    if actor is None:
        return Role.VIEWER if project.access in PUBLIC else Role.NONE
    role = max(actor.role(project.entity_id), _role_in_registry(actor, project))
    if project.access == "USER_WRITE":
        return max(role, Role.MEMBER)
    return max(role, Role.VIEWER) if project.access == "USER_READ" else role


def _role_in_registry(actor: Actor, registry: Guarded) -> Role:
    """The role they have there; without one, who is in the organization sees what is open to it."""
    seat = actor.seats.get(registry.entity_id, Role.NONE)
    if seat == Role.ADMIN:
        return Role.ADMIN
    role = actor.registries.get(registry.entity_id, {}).get(registry.id)
    if role is not None:
        return role
    return Role.VIEWER if seat > Role.NONE and registry.access == PRIVATE else Role.NONE


def may_write(actor: Actor | None, project: Guarded) -> bool:
    return actor is not None and role_in(actor, project) >= Role.MEMBER


def require(actor: Actor, project: ProjectRow, role: Role, action: str) -> None:
    """NotFound for who may not see the project, Forbidden for who may not do this in it."""
    has = role_in(actor, project)
    if has == Role.NONE:
        raise NotFound(f"project {project.name!r} not found")
    if has < role:
        raise Forbidden(f"you ({actor.username}) may not {action} in project {project.name!r}: "
                        f"that takes the role {role.name.lower()}, you have {has.name.lower()}")
