"""The rules of runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import update
from sqlalchemy.orm import Session
from sqlmodel import col

from dumbbell_server import ids
from dumbbell_server.accounts.events import UserRenamed
from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.backend import Backend, Provided
from dumbbell_server.blobs.removal import remove_later, remover_of
from dumbbell_server.database.engine import reading
from dumbbell_server.database.revisions import next_revision
from dumbbell_server.database.sessions import insert_row, update_row
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, NotFound
from dumbbell_server.identity import Actor, Role
from dumbbell_server.json_text import checked_object
from dumbbell_server.projects import service as projects
from dumbbell_server.projects.access import require, role_in
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs import queries
from dumbbell_server.runs.names import checked_run_id, make_display_name
from dumbbell_server.runs.states import (
    KILLED,
    LIVE_STATES,
    RUNNING,
    after_silence,
    check_transition,
    checked_state,
)
from dumbbell_server.runs.tables import RunRow

RUN = "run"  # among removals
_LONGEST_NAME = 512
_LONGEST_TEXT = 1 << 20
_LONGEST_JSON = 128 << 20
_MOST_TAGS = 1000


@dataclass(frozen=True)
class RunsDeleting:
    """These runs are about to go from everybody's sight; their rows are still there."""

    run_ids: tuple[int, ...]
    artifacts: bool


# what those above have to do with a run, by its number, and with what it logged, before the unit in which it goes
BEFORE_DELETING: Provided[Callable[[int, bool], None]] = Provided("before_deleting_runs")


@dataclass(frozen=True)
class RunEdit:
    """What an upsert sets; None leaves it as it is (docs/protocol/graphql.md#nulls-in-mutations)."""

    display_name: str | None = None
    description: str | None = None
    notes: str | None = None
    group: str | None = None
    job_type: str | None = None
    sweep_name: str | None = None
    host: str | None = None
    program: str | None = None
    repo: str | None = None
    commit: str | None = None
    tags: list[str] | None = None
    config: str | None = None
    summary_metrics: str | None = None
    state: str | None = None


def find(session: Session, actor: Actor | None, entity: str | None, project: str | None, name: str) -> RunRow | None:
    """The run, or None where it does not exist for this actor."""
    found = projects.find(session, actor, entity, project)
    run = queries.by_name(session, found.id, name) if found else None
    return run or find_renamed(session, actor, entity, project, name, taken=found is not None)


def find_renamed(session: Session, actor: Actor | None, entity: str | None, project: str | None, name: str, *,
                 taken: bool) -> RunRow | None:
    """The run in a project that was called so, or whose entity was.

    Where the name is taken by another project, what is meant is that one, but for a run that goes on.
    """
    owner = entity or (actor.entity_name if actor else "")
    for run in queries.by_former_path(session, owner, project or projects.UNCATEGORIZED, name):
        seen = role_in(actor, session.get_one(ProjectRow, run.project_id)) >= Role.VIEWER
        if seen and (not taken or run.state in LIVE_STATES):
            return run
    return None


def find_by_id(session: Session, actor: Actor | None, node_id: str) -> RunRow | None:
    parts = ids.decode_run(node_id)
    if parts is None:
        return None
    name, project_name, entity = parts
    run = queries.by_node(session, entity, project_name, name)
    project = session.get(ProjectRow, run.project_id) if run else None
    return run if project is not None and role_in(actor, project) >= Role.VIEWER else None


def for_writing(session: Session, actor: Actor, entity: str | None, project: str | None, name: str) -> RunRow:
    """A run that this actor may log to. NotFound or Forbidden otherwise."""
    run = find(session, actor, entity, project, name)
    if run is None:
        raise NotFound(f"run {entity}/{project}/{name} not found")
    check_writable(session, actor, run, "log")
    return run


def check_writable(session: Session, actor: Actor, run: RunRow, action: str, role: Role = Role.MEMBER) -> ProjectRow:
    project = session.get_one(ProjectRow, run.project_id)
    require(actor, project, role, action)
    return project


@dataclass(frozen=True)
class Upserted:
    """Plain rows: to change one stores nothing."""

    run: RunRow
    inserted: bool
    project: ProjectRow
    entity: EntityRow


def upsert(unit: Unit, *, node_id: str | None, entity: str | None, project: str | None, name: str | None,
           edit: RunEdit) -> Upserted:
    """The run, edited; made where it did not exist.

    By name it is a process that starts (or goes on): the run is then running. By id it is somebody who edits, and the
    state stays; but a process that resumes says its host too (seen: 0.18.7, 0.28.2, 0.31.0). Every run comes by here
    some times a minute, so it goes by driver statements.
    """
    _check(edit)
    if node_id:
        edited = _to_edit(unit, node_id, "edit runs")
        owner = unit.session.get_one(ProjectRow, edited.project_id)
        changes = _changes(unit, edited, edit)
        if edit.host is not None and edited.state not in LIVE_STATES:
            changes |= _start(unit, edited, edit)
        update_row(unit.session, edited, changes)
        return Upserted(edited, inserted=False, project=owner,
                        entity=unit.session.get_one(EntityRow, owner.entity_id))
    path = projects.path_for_logging(unit, entity, project)
    run = queries.plain(unit.session, path[0].id, name) if path and name else None
    if run is None and name:
        path, run = _renamed(unit, entity, project, name, taken=path is not None) or (path, None)
    # the agents of a sweep go on where it is, though its project has another name by now
    owner, owners_entity = path or projects.for_logging(unit, entity, project, goes_on=bool(edit.sweep_name))
    if run is None:
        run_id = checked_run_id(name) if name else unit.clock.short_id()
        return Upserted(_create(unit, owner, run_id, edit), inserted=True, project=owner, entity=owners_entity)
    changes = _changes(unit, run, edit) | {"heartbeat_at": unit.clock.text()}
    if run.state not in LIVE_STATES:
        changes |= _start(unit, run, edit)
    elif edit.host is not None:  # of the first upsert of a process only: the one before it ended without a word
        changes["restart_pending"] = run.history_line_count > 0
    update_row(unit.session, run, changes)
    return Upserted(run, inserted=False, project=owner, entity=owners_entity)


def _renamed(unit: Unit, entity: str | None, project: str | None, name: str, *, taken: bool,
             ) -> tuple[tuple[ProjectRow, EntityRow], RunRow] | None:
    """A run under a former path to which this actor may log, with where it is now."""
    found = find_renamed(unit.session, unit.actor, entity, project, name, taken=taken)
    owner = unit.session.get_one(ProjectRow, found.project_id) if found else None
    if found is None or owner is None or role_in(unit.actor, owner) < Role.MEMBER:
        return None
    run = queries.plain(unit.session, owner.id, name)
    return ((owner, unit.session.get_one(EntityRow, owner.entity_id)), run) if run is not None else None


def _start(unit: Unit, run: RunRow, edit: RunEdit) -> dict[str, Any]:
    """What changes as a process starts on a run that had ended."""
    if edit.state is not None:
        return {}
    # not for a run that goes on, which is upserted every few seconds: that must not take back a request to stop
    return {"state": RUNNING, "exitcode": None, "stop_requested": False, "heartbeat_at": unit.clock.text(),
            "restart_pending": run.history_line_count > 0}


def _to_edit(unit: Unit, node_id: str, action: str) -> RunRow:
    """NotFound for an unknown run, Forbidden for one that the actor may only see."""
    run = find_by_id(unit.session, unit.actor, node_id)
    if run is None:
        raise NotFound(f"no run has the id {node_id[:80]!r}")
    check_writable(unit.session, unit.actor, run, action)
    return run


def _create(unit: Unit, project: ProjectRow, run_id: str, edit: RunEdit) -> RunRow:
    now = unit.clock.text()
    number = queries.COUNT_RUN_MADE(unit.session, project=project.id).scalar()
    values = {"project_id": project.id, "user_id": unit.actor.user_id, "name": run_id, "state": RUNNING,
              "display_name": make_display_name(unit.clock, number), "created_at": now, "heartbeat_at": now}
    return insert_row(unit.session, RunRow, values | _changes(unit, None, edit, run_id))


def make(unit: Unit, project: ProjectRow, edit: RunEdit) -> RunRow:
    """A new run in the state that the edit names, before any process has started on it; the caller asked for rights."""
    _check(edit)
    run_id = unit.clock.short_id()
    while queries.plain(unit.session, project.id, run_id) is not None:
        run_id = unit.clock.short_id()
    made = _create(unit, project, run_id, edit)
    return unit.session.get_one(RunRow, made.id)


def _check(edit: RunEdit) -> None:
    for field, value in vars(edit).items():
        if not isinstance(value, str):
            continue
        limit = _LONGEST_JSON if field in {"config", "summary_metrics"} else \
            _LONGEST_TEXT if field in {"notes", "description"} else _LONGEST_NAME
        if len(value) > limit:
            raise BadInput(f"{field} is {len(value)} characters long; at most {limit} are kept")
    if edit.state is not None:
        checked_state(edit.state)
    if edit.summary_metrics is not None:
        checked_object(edit.summary_metrics, "summaryMetrics")
    for tag in edit.tags or ():
        if not tag.strip() or len(tag) > _LONGEST_NAME:
            raise BadInput(f"tag {tag[:80]!r} is not allowed: 1 to {_LONGEST_NAME} characters, not all of them blank")
    if edit.tags is not None and len(edit.tags) > _MOST_TAGS:
        raise BadInput(f"a run has at most {_MOST_TAGS} tags")


def _changes(unit: Unit, run: RunRow | None, edit: RunEdit, run_id: str = "") -> dict[str, Any]:
    """The columns that an edit sets, of a run or of a new one."""
    changes = {field: value for field, value in vars(edit).items() if value is not None}
    if changes.get("display_name") == "":
        del changes["display_name"]  # a run always has a name to be shown by
    if edit.tags is not None:
        changes["tags"] = orjson.dumps(list(dict.fromkeys(edit.tags))).decode()
    if edit.config is not None:
        config = checked_object(edit.config, "config")
        if run is None or run.parent_name is None:
            changes |= _branch(config, run.name if run else run_id)
    return changes | {"updated_at": unit.clock.text()}


def _branch(config: dict[str, Any], run_id: str) -> dict[str, Any]:
    """A fork names its parent in its config, and shows its rows (docs/protocol/behaviours.md#forks-and-rewinds)."""
    inner = config.get("_wandb")
    value = inner.get("value") if isinstance(inner, dict) else None
    branch = value.get("branch_point") if isinstance(value, dict) else None
    if not isinstance(branch, dict):
        return {}
    parent, step = branch.get("run_id"), branch.get("step")
    if isinstance(parent, str) and parent != run_id and isinstance(step, int | float) and 0 <= step < 2**31:
        return {"parent_name": parent, "parent_step": int(step)}
    return {}


def set_state(unit: Unit, node_id: str, state: str) -> None:
    """The run is in the new state. BadInput with `invalid state transition` where it may not go there."""
    run = _to_edit(unit, node_id, "change the state of runs")
    check_transition(run.state, state)
    run.state = state
    run.heartbeat_at = run.updated_at = unit.clock.text()
    unit.session.add(run)


def stop(unit: Unit, node_id: str) -> bool:
    """The run is asked to stop. False for an unknown run."""
    run = find_by_id(unit.session, unit.actor, node_id)
    if run is None:
        return False
    check_writable(unit.session, unit.actor, run, "stop runs")
    request_stop(unit, run)
    unit.session.add(run)
    return True


def request_stop(unit: Unit, run: RunRow) -> None:
    """Every answer to the run's process asks it to stop from now on; the caller asked for rights."""
    run.stop_requested = True
    run.updated_at = unit.clock.text()


def prepare_deletion(backend: Backend, actor: Actor, node_id: str, *, artifacts: bool) -> None:
    """What of `delete_run` takes long, in units of its own. It raises what that would raise."""
    with reading(backend.database) as session:
        run = _to_delete(session, actor, node_id)
    prepare = backend.provided(BEFORE_DELETING)
    if run is not None and prepare is not None:
        prepare(run.id, artifacts)


def delete_run(unit: Unit, node_id: str, *, artifacts: bool) -> None:
    """The run is gone, which it may be already. Members delete their own runs, admins all."""
    session = unit.session
    run = _to_delete(session, unit.actor, node_id)
    if run is None:
        return
    unit.emit(RunsDeleting((run.id,), artifacts))
    session.execute(update(ProjectRow).where(col(ProjectRow.id) == run.project_id).values(removal=next_revision()))
    session.execute(update(RunRow).where(col(RunRow.id) == run.id).values(
        project_id=projects.place_of_removed(unit).id, name=projects.name_of_removed(run.id), state=KILLED,
        parent_name=None, sweep_name=None, revision=next_revision()))
    remove_later(unit, RUN, [run.id])


remove = remover_of(RunRow)


def _to_delete(session: Session, actor: Actor, node_id: str) -> RunRow | None:
    if ids.decode_run(node_id) is None:
        raise BadInput(f"{node_id[:80]!r} is not the id of a run")
    run = find_by_id(session, actor, node_id)
    if run is not None:
        role = Role.MEMBER if run.user_id == actor.user_id else Role.ADMIN
        check_writable(session, actor, run, "delete this run", role)
    return run


def has_silent_runs(session: Session, before: str) -> bool:
    """Whether a run counts as alive that was not heard of since."""
    return queries.SILENT(session, before=before).first() is not None


def expire_silent_runs(unit: Unit, timeout: float) -> None:
    """Runs that were not heard of for `timeout` seconds are crashed, or preempted if they said so."""
    for row in queries.SILENT(unit.session, before=unit.clock.text_ago(timeout)).all():
        unit.session.execute(update(RunRow).where(col(RunRow.id) == row.id, col(RunRow.state) == row.state).values(
            state=after_silence(row.state), updated_at=unit.clock.text()))


def user_renamed(unit: Unit, event: UserRenamed) -> None:
    """Who remembers the names of runs' users must read them again."""
    del event
    queries.COUNT_RENAME(unit.session, key=queries.RENAMES)
