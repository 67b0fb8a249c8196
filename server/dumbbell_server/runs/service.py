"""The rules of runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import delete, update
from sqlalchemy.orm import Session
from sqlmodel import col, select

from dumbbell_server import ids
from dumbbell_server.accounts.events import UserRenamed
from dumbbell_server.clock import Clock
from dumbbell_server.database.events import Events
from dumbbell_server.database.revisions import next_revision
from dumbbell_server.errors import BadInput, NotFound
from dumbbell_server.identity import Actor, Role
from dumbbell_server.json_text import checked_object, storable
from dumbbell_server.projects import service as projects
from dumbbell_server.projects.access import require, role_in
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs import queries
from dumbbell_server.runs.names import checked_run_id, make_display_name, make_run_id
from dumbbell_server.runs.states import (
    PREEMPTING,
    RUNNING,
    after_silence,
    check_transition,
    checked_state,
)
from dumbbell_server.runs.tables import RunRow

_LONGEST_NAME = 512
_LONGEST_TEXT = 1 << 20
_LONGEST_JSON = 128 << 20
_MOST_TAGS = 1000


@dataclass(frozen=True)
class RunsDeleting:
    """Told inside the unit that deletes these runs."""

    run_ids: tuple[int, ...]
    artifacts: bool


@dataclass(frozen=True)
class RunEdit:
    """What an upsert sets; None leaves it as it is (semantics.md 20, pitfall 3)."""

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
    home = projects.find(session, actor, entity, project)
    return queries.by_name(session, home.id, name) if home and storable(name) else None


def find_by_id(session: Session, actor: Actor | None, node_id: str) -> RunRow | None:
    parts = ids.decode_run(node_id)
    if parts is None:
        return None
    name, project, entity = parts
    run = queries.by_node(session, entity, project, name)
    home = session.get(ProjectRow, run.project_id) if run else None
    return run if home is not None and role_in(actor, home) >= Role.VIEWER else None


def for_writing(session: Session, actor: Actor, entity: str | None, project: str | None, name: str) -> RunRow:
    """A run that this actor may log to. NotFound or Forbidden otherwise."""
    run = find(session, actor, entity, project, name)
    if run is None:
        raise NotFound(f"run {entity}/{project}/{name} not found")
    check_writable(session, actor, run, "log")
    return run


def check_writable(session: Session, actor: Actor, run: RunRow, action: str, role: Role = Role.MEMBER) -> ProjectRow:
    home = session.get(ProjectRow, run.project_id)
    assert home is not None  # noqa: S101 - a foreign key
    require(actor, home, role, action)
    return home


def upsert(session: Session, clock: Clock, actor: Actor, *, node_id: str | None, entity: str | None,
           project: str | None, name: str | None, edit: RunEdit) -> tuple[RunRow, bool]:
    """The run with what was given; made where it did not exist, which the flag says.

    By name it is a process that starts (or goes on): the run is then running. By id it is somebody who edits: the
    state stays.
    """
    _check(edit)
    if node_id:
        run = find_by_id(session, actor, node_id)
        if run is None:
            raise NotFound(f"no run has the id {node_id[:80]!r}")
        check_writable(session, actor, run, "edit runs")
        _apply(session, clock, run, edit)
        return run, False
    home = projects.for_writing(session, clock, actor, entity, project)
    run_id = checked_run_id(name) if name else make_run_id(clock)
    run = queries.by_name(session, home.id, run_id)
    inserted = run is None
    if run is None:
        run = _create(session, clock, actor, home, run_id)
    elif edit.state is None and run.state not in {RUNNING, PREEMPTING}:
        # a run that goes on is upserted every few seconds: that must not take back a request to stop
        run.state, run.exitcode, run.stop_requested = RUNNING, None, False
        run.restart_pending = run.history_line_count > 0
    run.heartbeat_at = clock.text()
    _apply(session, clock, run, edit)
    return run, inserted


def _create(session: Session, clock: Clock, actor: Actor, home: ProjectRow, run_id: str) -> RunRow:
    now = clock.text()
    home.runs_made += 1
    run = RunRow(project_id=home.id, user_id=actor.user_id, name=run_id, state=RUNNING,
                 display_name=make_display_name(clock, home.runs_made), created_at=now, heartbeat_at=now,
                 updated_at=now)
    session.add(run)
    session.add(home)
    return run


def _check(edit: RunEdit) -> None:
    for field, value in vars(edit).items():
        if not isinstance(value, str):
            continue
        limit = _LONGEST_JSON if field in {"config", "summary_metrics"} else \
            _LONGEST_TEXT if field in {"notes", "description"} else _LONGEST_NAME
        if len(value) > limit:
            raise BadInput(f"{field} is {len(value)} characters long; at most {limit} are kept")
        if not storable(value):
            raise BadInput(f"{field} holds a NUL or half a surrogate pair, which cannot be stored")
    if edit.state is not None:
        checked_state(edit.state)
    if edit.summary_metrics is not None:
        checked_object(edit.summary_metrics, "summaryMetrics")
    for tag in edit.tags or ():
        if not tag.strip() or len(tag) > _LONGEST_NAME or not storable(tag):
            raise BadInput(f"tag {tag[:80]!r} is not allowed: 1 to {_LONGEST_NAME} characters, not all of them blank")
    if edit.tags is not None and len(edit.tags) > _MOST_TAGS:
        raise BadInput(f"a run has at most {_MOST_TAGS} tags")


def _apply(session: Session, clock: Clock, run: RunRow, edit: RunEdit) -> None:
    for field, value in vars(edit).items():
        if field == "display_name" and value == "":
            continue  # a run always has a name to be shown by
        if field == "tags" and value is not None:
            run.tags = orjson.dumps(list(dict.fromkeys(value))).decode()
        elif value is not None:
            setattr(run, field, value)
    if edit.config is not None:
        _note_branch(run, checked_object(edit.config, "config"))
    run.updated_at = clock.text()
    session.add(run)
    session.flush()


def _note_branch(run: RunRow, config: dict[str, Any]) -> None:
    """A fork says in its config where it comes from (semantics.md 6); it shows that run's history up to the step."""
    inner = config.get("_wandb")
    value = inner.get("value") if isinstance(inner, dict) else None
    branch = value.get("branch_point") if isinstance(value, dict) else None
    if not isinstance(branch, dict) or run.parent_name is not None:
        return
    parent, step = branch.get("run_id"), branch.get("step")
    if isinstance(parent, str) and parent != run.name and isinstance(step, int | float) and 0 <= step < 2**31:
        run.parent_name, run.parent_step = parent, int(step)


def set_state(session: Session, clock: Clock, actor: Actor, node_id: str, state: str) -> None:
    """The run is in the new state. BadInput with `invalid state transition` where it may not go there."""
    run = find_by_id(session, actor, node_id)
    if run is None:
        raise NotFound(f"no run has the id {node_id[:80]!r}")
    check_writable(session, actor, run, "change the state of runs")
    check_transition(run.state, state)
    run.state = state
    run.heartbeat_at = run.updated_at = clock.text()
    session.add(run)


def stop(session: Session, clock: Clock, actor: Actor, node_id: str) -> bool:
    """Every answer to the run's process asks it to stop from now on. False for an unknown run."""
    run = find_by_id(session, actor, node_id)
    if run is None:
        return False
    check_writable(session, actor, run, "stop runs")
    run.stop_requested = True
    run.updated_at = clock.text()
    session.add(run)
    return True


def delete_run(session: Session, events: Events, actor: Actor, node_id: str, *, artifacts: bool) -> None:
    """The run is gone, which it may be already. Members delete their own runs, admins all."""
    if ids.decode_run(node_id) is None:
        raise BadInput(f"{node_id[:80]!r} is not the id of a run")
    run = find_by_id(session, actor, node_id)
    if run is None:
        return
    role = Role.MEMBER if run.user_id == actor.user_id else Role.ADMIN
    check_writable(session, actor, run, "delete this run", role)
    events.emit(session, RunsDeleting((run.id,), artifacts))
    session.execute(delete(RunRow).where(col(RunRow.id) == run.id))
    session.execute(update(ProjectRow).where(col(ProjectRow.id) == run.project_id).values(removal=next_revision()))


def mark_silent(session: Session, clock: Clock, timeout: float) -> None:
    """Runs that were not heard of for `timeout` seconds are crashed, or preempted if they said so."""
    for row in queries.SILENT(session, before=clock.text_ago(timeout)).all():
        session.execute(update(RunRow).where(col(RunRow.id) == row.id, col(RunRow.state) == row.state).values(
            state=after_silence(row.state), updated_at=clock.text()))


def has_silent(session: Session, clock: Clock, timeout: float) -> bool:
    return queries.SILENT(session, before=clock.text_ago(timeout)).first() is not None


def user_renamed(session: Session, event: UserRenamed) -> None:
    """Who remembers the names of runs' users must read them again."""
    session.execute(update(RunRow).where(col(RunRow.user_id) == event.user_id).values(revision=next_revision()))


def project_deleting(events: Events, session: Session, event: projects.ProjectDeleting) -> None:
    """The project's runs go with it."""
    found = session.execute(select(col(RunRow.id)).where(RunRow.project_id == event.project_id)).scalars().all()
    events.emit(session, RunsDeleting(tuple(found), artifacts=True))
    session.execute(delete(RunRow).where(col(RunRow.project_id) == event.project_id))
