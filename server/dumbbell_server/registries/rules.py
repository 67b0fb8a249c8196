"""What a registry takes in: versions of the types it names, from the organization it is of."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from dumbbell_server.accounts import queries as accounts
from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.artifacts import queries, types
from dumbbell_server.artifacts.events import VersionLinking
from dumbbell_server.artifacts.tables import ArtifactTypeRow
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, Forbidden
from dumbbell_server.projects.registries import holds_registries
from dumbbell_server.projects.service import RegistryTypesAdded
from dumbbell_server.projects.tables import ProjectRow


def types_added(unit: Unit, event: RegistryTypesAdded) -> None:
    """The registry takes these types from now on."""
    for name in event.names:
        types.find_or_create(unit, event.project_id, name)


def version_linking(unit: Unit, event: VersionLinking) -> None:
    """BadInput or Forbidden where the registry does not take the version; what is no registry takes every one."""
    session, registry = unit.session, event.project
    entity = session.get_one(EntityRow, registry.entity_id)
    if not holds_registries(entity):
        return
    source = session.get_one(EntityRow, session.get_one(ProjectRow, event.artifact.project_id).entity_id)
    if not _is_of(session, source, entity.organization_id or 0):
        raise Forbidden(f"{source.name!r} is not of the organization of {entity.name!r}: only artifacts of its teams "
                        "and of its members can be linked to its registries")
    if registry.allow_all_artifact_types or queries.type_by_name(session, registry.id, event.type_name) is not None:
        return
    raise BadInput(f"registry {registry.name!r} does not take artifacts of type {event.type_name!r}; "
                   f"it takes {_listed(queries.types(session, registry.id, None, 100, every=True))}")


def _is_of(session: Session, source: EntityRow, organization_id: int) -> bool:
    """A team is part of its organization; what a person logs alone is of all organizations that they are in."""
    if source.kind == "user":
        return accounts.organization_member(session, organization_id, source.user_id or 0) is not None
    return source.organization_id == organization_id


def _listed(kinds: Sequence[ArtifactTypeRow]) -> str:
    return ", ".join(repr(kind.name) for kind in kinds) or "none yet"
