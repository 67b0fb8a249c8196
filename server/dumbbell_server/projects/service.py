"""The rules of projects."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import delete
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server import ids
from dumbbell_server.accounts import queries as accounts
from dumbbell_server.accounts.access import REMOVED as REMOVED_KIND
from dumbbell_server.accounts.access import visible_entity
from dumbbell_server.accounts.events import EntityDeleting
from dumbbell_server.accounts.tables import EntityRow, FormerNameRow
from dumbbell_server.blobs.removal import remove_later, remover_of
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, Conflict, Forbidden, NotFound
from dumbbell_server.identity import Actor, Role
from dumbbell_server.json_text import check_levels
from dumbbell_server.projects import queries, registries
from dumbbell_server.projects.access import ACCESSES, PRIVATE, REMOVED, require, role_in
from dumbbell_server.projects.tables import ProjectRow

PROJECT = "project"  # among removals
_REMOVED = "/removed"  # no entity or project can be called so
UNCATEGORIZED = "uncategorized"  # where runs go that name no project
_FORBIDDEN_IN_NAME = re.compile(r"[/\\#?%:\x00-\x1f\x7f\ud800-\udfff]")
_LONGEST_NAME = 128
_LONGEST_TEXT = 1 << 20


@dataclass(frozen=True)
class ProjectDeleting:
    """This project is about to go from everybody's sight, with all that it holds; its rows are still there."""

    project_id: int


@dataclass(frozen=True)
class RegistryTypesAdded:
    """A registry takes these types of artifacts from now on."""

    project_id: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class ProjectEdit:
    """What is to be set; None leaves it."""

    description: str | None = None
    access: str | None = None
    views: str | None = None
    repo: str | None = None
    docker_image: str | None = None
    framework: str | None = None
    is_benchmark: bool | None = None
    is_published: bool | None = None
    allow_all_artifact_types: bool | None = None
    artifact_types: tuple[str, ...] = ()  # of a registry: those it takes, beside the ones it takes already


def checked_name(name: str) -> str:
    if not name.strip() or len(name) > _LONGEST_NAME or _FORBIDDEN_IN_NAME.search(name) or name in {".", ".."}:
        raise BadInput(f"project name {name[:140]!r} is not allowed: "
                       r"use 1 to 128 characters, none of / \ # ? % : and no control characters")
    return name


def find(session: Session, actor: Actor | None, entity_name: str | None, name: str | None) -> ProjectRow | None:
    """The project, or None where it does not exist for this actor."""
    entity = visible_entity(session, actor, entity_name)
    if entity is None:
        return None
    project = queries.by_name(session, entity.id, name or UNCATEGORIZED)
    return project if project is not None and role_in(actor, project) > Role.NONE else None


def find_renamed(session: Session, actor: Actor | None, entity_name: str | None, name: str | None) -> ProjectRow | None:
    """The project, by what it or its entity was called where nothing is called so now. Registries by their name only.

    A process goes on to say what its project was called at its start.
    """
    found = find(session, actor, entity_name, name)
    if found is not None:
        return found
    owner = entity_name or (actor.entity_name if actor else "")
    former = queries.by_former_name(session, owner, name or UNCATEGORIZED)
    return next((project for project in former if role_in(actor, project) > Role.NONE
                 and not registries.holds_registries(session.get(EntityRow, project.entity_id))), None)


def find_by_id(session: Session, actor: Actor | None, node_id: str) -> ProjectRow | None:
    """The project of a node id, in either of its two kinds."""
    number = ids.decode("Project", node_id) or ids.decode("ProjectInternalId", node_id)
    project = session.get(ProjectRow, number) if number else None
    return project if project is not None and role_in(actor, project) > Role.NONE else None


def for_writing(unit: Unit, entity_name: str | None, name: str | None) -> ProjectRow:
    """The project, made on first use. NotFound or Forbidden where the actor may not write there."""
    session, actor = unit.session, unit.actor
    checked_name(name or UNCATEGORIZED)
    entity = visible_entity(session, actor, entity_name or None)
    project = queries.by_name(session, entity.id, name or UNCATEGORIZED) if entity and entity.id else None
    if entity is not None and registries.holds_registries(entity):
        seen = project is not None and role_in(actor, project) > Role.NONE
        raise registries.refusal(project if seen else None, entity, name or UNCATEGORIZED)
    if project is not None:
        require(actor, project, Role.MEMBER, "write")
        return project
    if entity is None or actor.role(entity.id) == Role.NONE:
        raise NotFound(f"entity {entity_name!r} not found, or you ({actor.username}) may not write to it; "
                       f"yours is {actor.entity_name!r}")
    if actor.role(entity.id) < Role.MEMBER:
        raise Forbidden(f"you ({actor.username}) may only read in entity {entity.name!r}")
    return _create(unit, entity, name or UNCATEGORIZED)


def for_going_on(unit: Unit, entity_name: str | None, name: str | None) -> ProjectRow:
    """The same, by a former name too."""
    found = find_renamed(unit.session, unit.actor, entity_name, name)
    if found is None:
        return for_writing(unit, entity_name, name)
    return for_writing(unit, unit.session.get_one(EntityRow, found.entity_id).name, found.name)


def path_for_logging(unit: Unit, entity_name: str | None, name: str | None) -> tuple[ProjectRow, EntityRow] | None:
    """The project and its entity as plain rows, for reading; None where there is none that the actor may write."""
    actor, name = unit.actor, name or UNCATEGORIZED
    entity = accounts.plain_entity(unit.session, entity_name or actor.entity_name)
    project = queries.plain(unit.session, entity.id, name) if entity is not None else None
    if entity is None or project is None or registries.holds_registries(entity):
        return None
    return (project, entity) if role_in(actor, project) >= Role.MEMBER else None


def for_logging(unit: Unit, entity_name: str | None, name: str | None, *, goes_on: bool,
                ) -> tuple[ProjectRow, EntityRow]:
    """The project, made on first use, and its entity. NotFound or Forbidden where the actor may not write there."""
    project = (for_going_on if goes_on else for_writing)(unit, entity_name, name)
    return project, unit.session.get_one(EntityRow, project.entity_id)


def _create(unit: Unit, entity: EntityRow, name: str) -> ProjectRow:
    now = unit.clock.text()
    project = ProjectRow(entity_id=entity.id, user_id=unit.actor.user_id, name=checked_name(name), access=PRIVATE,
                         created_at=now, updated_at=now)
    unit.session.add(project)
    unit.session.flush()
    return project


def for_linking(unit: Unit, entity_name: str | None, name: str | None) -> ProjectRow:
    """The project to link versions to: made on first use, unless it is a registry, which must be there."""
    session, actor = unit.session, unit.actor
    entity = visible_entity(session, actor, entity_name or None)
    if entity is None or not registries.holds_registries(entity):
        return for_writing(unit, entity_name, name)
    project = find(session, actor, entity.name, name)
    if project is None:
        raise NotFound(f"registry {entity.name}/{name} not found")
    require(actor, project, Role.MEMBER, "link artifacts")
    return project


def upsert(unit: Unit, entity_name: str | None, name: str | None, node_id: str | None,
           edit: ProjectEdit) -> tuple[ProjectRow, bool]:
    """Create the project or edit it; the flag says that it was created."""
    session = unit.session
    project, inserted = _to_edit(unit, entity_name, name, node_id)
    registry = registries.holds_registries(session.get(EntityRow, project.entity_id))
    if registry:
        registries.check_visibility(edit.access)
    if not inserted:
        access_changes = edit.access is not None and edit.access != project.access
        require(unit.actor, project, Role.ADMIN if registry or access_changes else Role.MEMBER, "edit settings")
    _apply(project, edit)
    if registry and edit.artifact_types:
        unit.emit(RegistryTypesAdded(project.id, edit.artifact_types))
    project.updated_at = unit.clock.text()
    session.add(project)
    session.flush()
    return project, inserted


def _to_edit(unit: Unit, entity_name: str | None, name: str | None, node_id: str | None) -> tuple[ProjectRow, bool]:
    session, actor = unit.session, unit.actor
    if node_id:
        project = find_by_id(session, actor, node_id)
        if project is None:
            raise NotFound(f"no project has the id {node_id[:80]!r}")
        return project, False
    if not name:
        raise BadInput("upsertModel needs the name of a project")
    made_before = find(session, actor, entity_name, name)
    entity = visible_entity(session, actor, entity_name or None)
    if entity is None or not registries.holds_registries(entity):
        return for_writing(unit, entity_name, name), made_before is None
    if made_before is not None:
        return made_before, False
    registries.check_may_create(actor, entity)
    registries.checked_registry_name(checked_name(name))
    if queries.by_name(session, entity.id, name) is not None:
        raise Conflict(f"registry {entity.name}/{name} exists; choose another name")
    project = _create(unit, entity, name)
    project.allow_all_artifact_types = True
    registries.add_creator(unit, project)
    return project, True


def _apply(project: ProjectRow, edit: ProjectEdit) -> None:
    if edit.access is not None and edit.access not in ACCESSES:
        raise BadInput(f"access {edit.access[:40]!r} is not known; it is one of {', '.join(sorted(ACCESSES))}")
    for field, value in vars(edit).items():
        if value is None or field == "artifact_types":
            continue
        if isinstance(value, str) and len(value) > _LONGEST_TEXT:
            raise BadInput(f"{field} is longer than {_LONGEST_TEXT} characters")
        if field == "views":
            check_levels(value, "the text of views")
        setattr(project, field, value)


def rename(unit: Unit, entity_name: str, old: str, new: str) -> ProjectRow:
    """The project has the new name; ids that name the old one still find it."""
    session = unit.session
    project = find(session, unit.actor, entity_name, old)
    if project is None:
        raise NotFound(f"project {entity_name}/{old} not found")
    require(unit.actor, project, Role.ADMIN, "rename")
    checked_name(new)
    if registries.holds_registries(session.get(EntityRow, project.entity_id)):
        registries.checked_registry_name(new)
    if new == old:
        return project
    if queries.by_name(session, project.entity_id, new) is not None:
        raise Conflict(f"project {entity_name}/{new} exists; choose another name")
    remember(session, "project", project.entity_id, old, project.id)
    project.name = new
    project.updated_at = unit.clock.text()
    session.add(project)
    session.flush()
    return project


def remember(session: Session, kind: str, parent_id: int, name: str, target_id: int) -> None:
    """What had this name last is found by it."""
    row = session.query(FormerNameRow).filter_by(kind=kind, parent_id=parent_id, name=name).first()
    if row is None:
        session.add(FormerNameRow(kind=kind, parent_id=parent_id, name=name, target_id=target_id))
    else:
        row.target_id = target_id
    session.flush()


def delete_named(unit: Unit, entity_name: str | None, name: str | None) -> None:
    """The project and all in it are gone. NotFound for a second time."""
    project = find(unit.session, unit.actor, entity_name, name)
    if project is None:
        raise NotFound(f"project {entity_name}/{name} not found")
    _delete(unit, project)


def delete_by_id(unit: Unit, node_id: str) -> None:
    """The project and all in it are gone. NotFound for a second time."""
    project = find_by_id(unit.session, unit.actor, node_id)
    if project is None:
        raise NotFound(f"no project has the id {node_id[:80]!r}; it may be deleted already")
    _delete(unit, project)


def _delete(unit: Unit, project: ProjectRow) -> None:
    require(unit.actor, project, Role.ADMIN, "delete")
    _remove(unit, project)


def _remove(unit: Unit, project: ProjectRow) -> None:
    """Gone for everybody at once, row by row afterwards."""
    unit.emit(ProjectDeleting(project.id))
    _forget_names(unit.session, project.id)
    project.entity_id, project.access = _place_of_removed(unit).id, REMOVED
    project.name = name_of_removed(project.id)
    unit.session.add(project)
    unit.session.flush()
    remove_later(unit, PROJECT, [project.id])


def name_of_removed(number: int) -> str:
    """What nothing can be called by its users."""
    return f"/{number}"


def _place_of_removed(unit: Unit) -> EntityRow:
    """The entity of removed projects."""
    entity = accounts.entity_by_name(unit.session, _REMOVED)
    if entity is None:
        entity = EntityRow(name=_REMOVED, kind=REMOVED_KIND, created_at=unit.clock.text())
        unit.session.add(entity)
        unit.session.flush()
    return entity


def place_of_removed(unit: Unit) -> ProjectRow:
    """The project of what is removed while its own project stays."""
    entity = _place_of_removed(unit)
    project = queries.by_name(unit.session, entity.id, _REMOVED)
    if project is None:
        now = unit.clock.text()
        project = ProjectRow(entity_id=entity.id, user_id=0, name=_REMOVED, access=REMOVED, created_at=now,
                             updated_at=now)
        unit.session.add(project)
        unit.session.flush()
    return project


remove = remover_of(ProjectRow)


def _forget_names(session: Session, project_id: int) -> None:
    """Nothing leads to it any more: its number may be given out again."""
    session.execute(delete(FormerNameRow).where(
        col(FormerNameRow.kind) == "project", col(FormerNameRow.target_id) == project_id))


def entity_deleting(unit: Unit, event: EntityDeleting) -> None:
    """The entity's projects go with it."""
    delete_all(unit, event.entity_id)


def delete_all(unit: Unit, entity_id: int) -> int:
    """The entity has no projects any more. Returns how many it had."""
    projects = queries.of_entity(unit.session, entity_id)
    for project in projects:
        _remove(unit, project)
    return len(projects)
