"""Registries: projects of an organization's entity, which hold links to versions and nothing else."""

from __future__ import annotations

from dumbbell_server.accounts.access import changed
from dumbbell_server.accounts.tables import EntityRow, RegistryMemberRow
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, DumbbellError, Forbidden, NotFound
from dumbbell_server.identity import Actor, Role
from dumbbell_server.projects.access import PRIVATE
from dumbbell_server.projects.tables import ProjectRow

PREFIX = "wandb-registry-"  # clients find registries by it (wandb 0.31)
VISIBILITIES = (PRIVATE, "RESTRICTED")  # open to the organization, or to its members alone


def holds_registries(entity: EntityRow | None) -> bool:
    return entity is not None and entity.kind == "organization"


def check_may_create(actor: Actor, entity: EntityRow) -> None:
    """Who has a seat of a member or an admin in the organization may."""
    seat = Role.ADMIN if actor.admin else actor.seats.get(entity.id, Role.NONE)
    if seat == Role.NONE:
        raise NotFound(f"entity {entity.name!r} not found, or you ({actor.username}) are not in its organization")
    if seat < Role.MEMBER:
        raise Forbidden(f"you ({actor.username}) have the seat of a viewer; members and admins of the organization "
                        "make registries")


def checked_registry_name(name: str) -> str:
    if not name.startswith(PREFIX) or name == PREFIX:
        raise BadInput(f"{name[:140]!r} is no name of a registry: it is {PREFIX!r} and something behind it")
    return name


def check_visibility(access: str | None) -> None:
    if access is not None and access not in VISIBILITIES:
        raise BadInput(f"a registry's access is one of {', '.join(VISIBILITIES)}, not {access[:40]!r}")


def add_creator(unit: Unit, registry: ProjectRow) -> None:
    """Whoever makes a registry is its admin."""
    unit.session.add(RegistryMemberRow(project_id=registry.id, entity_id=registry.entity_id,
                                       user_id=unit.actor.user_id, role="admin"))
    unit.session.flush()
    changed(unit)


def refusal(registry: ProjectRow | None, entity: EntityRow, name: str) -> DumbbellError:
    """Why nothing can be logged there."""
    if registry is None:
        return NotFound(f"project {entity.name}/{name} not found, or you may not write to it; "
                        "registries are made by name, not by logging to them")
    return BadInput(f"{registry.name!r} is a registry: it holds links; log elsewhere and link the artifact to it")
