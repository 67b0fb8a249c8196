"""The rules of views."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy.orm import Session

from dumbbell_server import ids
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, Conflict, NotFound
from dumbbell_server.identity import Actor, Role
from dumbbell_server.json_text import checked_object
from dumbbell_server.projects import service as projects
from dumbbell_server.projects.access import require, role_in
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.reports import queries
from dumbbell_server.reports.tables import ViewRow

REPORT = "runs"
_DRAFT = "/draft"
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,63}")
_LONGEST_NAME = 512
_LONGEST_TEXT = 1 << 20
_LONGEST_SPEC = 64 << 20


@dataclass(frozen=True)
class ViewEdit:
    """What an upsert sets; None leaves it as it is."""

    type: str | None = None
    name: str | None = None
    display_name: str | None = None
    description: str | None = None
    spec: str | None = None


def find_by_id(session: Session, actor: Actor | None, node_id: str) -> ViewRow | None:
    """The view, or None where it does not exist for this actor. Links leave out the `=` at an id's end."""
    number = ids.decode("View", node_id + "=" * (-len(node_id) % 4))
    view = session.get(ViewRow, number) if number else None
    project = session.get(ProjectRow, view.project_id) if view else None
    return view if project is not None and role_in(actor, project) >= Role.VIEWER else None


def upsert(unit: Unit, *, node_id: str | None, entity: str | None, project: str | None,
           edit: ViewEdit) -> tuple[ViewRow, bool]:
    """The view, edited; made, which the flag says, where neither the id nor type and name name one."""
    view = _to_edit(unit, node_id) if node_id else None
    if view is not None:
        _check_free(unit.session, view, edit)
        return _apply(unit, view, edit), False
    parent = projects.for_writing(unit, entity, project)
    name, kind = edit.name or unit.clock.short_id(12), edit.type or REPORT
    view = queries.by_name(unit.session, parent.id, kind, name)
    if view is not None:
        return _apply(unit, view, edit), False
    if edit.spec is None:
        raise BadInput("a new view needs a spec")
    view = ViewRow(project_id=parent.id, user_id=unit.actor.user_id, type=kind, name=name, spec="",
                   created_at=unit.clock.text(), updated_at="")
    return _apply(unit, view, edit), True


def _apply(unit: Unit, view: ViewRow, edit: ViewEdit) -> ViewRow:
    for field, value in vars(edit).items():
        if value is not None and not (field in {"name", "type"} and value == ""):
            setattr(view, field, value)
    view.updated_at = unit.clock.text()
    unit.session.add(view)
    unit.session.flush()
    return view


def _to_edit(unit: Unit, node_id: str) -> ViewRow:
    view = find_by_id(unit.session, unit.actor, node_id)
    if view is None:
        raise NotFound(f"no view has the id {node_id[:80]!r}; it may be deleted")
    require(unit.actor, unit.session.get_one(ProjectRow, view.project_id), Role.MEMBER, "edit views")
    return view


def _check_free(session: Session, view: ViewRow, edit: ViewEdit) -> None:
    kind, name = edit.type or view.type, edit.name or view.name
    other = queries.by_name(session, view.project_id, kind, name)
    if other is not None and other.id != view.id:
        raise Conflict(f"the project has another view of type {kind!r} with the name {name!r}")


def checked(edit: ViewEdit) -> ViewEdit:
    """BadInput for what cannot be kept. Outside the unit: nobody waits while a large spec is read."""
    if edit.type and not _TYPE.fullmatch(edit.type):
        raise BadInput(f"view type {edit.type[:80]!r} is not allowed: use 1 to 64 letters, digits, '_', '.', '/', '-'")
    for field, limit in (("name", _LONGEST_NAME), ("display_name", _LONGEST_NAME), ("description", _LONGEST_TEXT),
                         ("spec", _LONGEST_SPEC)):
        value = getattr(edit, field)
        if value is not None and len(value) > limit:
            raise BadInput(f"a view's {field} holds at most {limit} characters")
    if edit.spec is not None:
        checked_object(edit.spec, "a view's spec")
    return edit


def remove(unit: Unit, node_id: str, *, drafts: bool) -> bool:
    """The view is gone, its draft too if asked; the flag says that a draft stays. Members delete their own."""
    session, actor = unit.session, unit.actor
    view = find_by_id(session, actor, node_id)
    if view is None:
        raise NotFound(f"no view has the id {node_id[:80]!r}; it may be deleted already")
    project = session.get_one(ProjectRow, view.project_id)
    require(actor, project, Role.MEMBER if view.user_id == actor.user_id else Role.ADMIN, "delete this view")
    draft = queries.by_name(session, view.project_id, view.type + _DRAFT, view.name)
    if draft is not None and drafts:
        session.delete(draft)
    session.delete(view)
    session.flush()
    return draft is not None and not drafts
