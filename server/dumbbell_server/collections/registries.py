"""What a registry takes in: versions of the types it names, from the organization it is of."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from dumbbell_server.accounts import queries as accounts
from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.artifacts import queries
from dumbbell_server.artifacts.service import type_named
from dumbbell_server.artifacts.tables import ArtifactRow, ArtifactTypeRow
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, Forbidden
from dumbbell_server.projects.registries import holds_registries
from dumbbell_server.projects.service import RegistryTypesAdded
from dumbbell_server.projects.tables import ProjectRow


def types_added(unit: Unit, event: RegistryTypesAdded) -> None:
    """The registry takes these types from now on."""
    for name in event.names:
        type_named(unit.session, unit.clock, event.project_id, name)


def check_link(session: Session, artifact: ArtifactRow, kind: ArtifactTypeRow, home: ProjectRow) -> None:
    """Whether the version may be linked there; into what is no registry, always."""
    entity = session.get_one(EntityRow, home.entity_id)
    if not holds_registries(entity):
        return
    source = session.get_one(EntityRow, session.get_one(ProjectRow, artifact.project_id).entity_id)
    if not _is_of(session, source, entity.organization_id or 0):
        raise Forbidden(f"{source.name!r} is not of the organization of {entity.name!r}: only artifacts of its teams "
                        "and of its members can be linked to its registries")
    if not home.allow_all_artifact_types and queries.type_by_name(session, home.id, kind.name) is None:
        raise BadInput(f"registry {home.name!r} does not take artifacts of type {kind.name!r}; "
                       f"it takes {_listed(queries.types(session, home.id, None, 100, every=True))}")


def _is_of(session: Session, source: EntityRow, organization_id: int) -> bool:
    """A team is part of its organization; what a person logs alone is of all organizations that they are in."""
    if source.kind == "user":
        return accounts.organization_member(session, organization_id, source.user_id or 0) is not None
    return source.organization_id == organization_id


def _listed(kinds: Sequence[ArtifactTypeRow]) -> str:
    return ", ".join(repr(kind.name) for kind in kinds) or "none yet"
