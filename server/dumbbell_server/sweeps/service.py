"""The rules of sweeps."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput
from dumbbell_server.json_text import checked_object, storable
from dumbbell_server.projects import service as projects
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.sweeps import controlling, queries
from dumbbell_server.sweeps.config import SweepConfig
from dumbbell_server.sweeps.tables import CANCELED, FINISHED, PAUSED, PENDING, RUNNING, SweepRow

_NEXT = {
    PENDING: {RUNNING, FINISHED, CANCELED},
    RUNNING: {PAUSED, FINISHED, CANCELED},
    PAUSED: {RUNNING, FINISHED, CANCELED},
    FINISHED: {RUNNING},
    CANCELED: {RUNNING},
}
_LONGEST_TEXT = 1 << 20
_LONGEST_NAME = 512


@dataclass(frozen=True)
class SweepEdit:
    """What an upsert sets; None leaves it as it is. The config is read before the unit: nobody waits for YAML."""

    config: SweepConfig | None = None
    description: str | None = None
    display_name: str | None = None
    controller: str | None = None
    scheduler: str | None = None
    state: str | None = None
    prior_runs_filters: str | None = None


def title(sweep: SweepRow) -> str:
    """What people see: the edited name, else the config's, else the id."""
    return sweep.given_name or sweep.config_name or sweep.name


def find(session: Session, project_id: int, name: str) -> SweepRow | None:
    return queries.by_name(session, project_id, name)


def upsert(unit: Unit, *, node_id: str | None, entity: str | None, project: str | None, edit: SweepEdit) -> SweepRow:
    """The sweep, edited; without an id it is a new one, pending."""
    _check(edit)
    session = unit.session
    sweep = controlling.to_edit(unit, node_id)[0] if node_id else _new(unit, entity, project, edit)
    if edit.config is not None:
        _set_config(unit, sweep, edit.config)
    for field in ("description", "controller", "scheduler"):
        if getattr(edit, field) is not None:
            setattr(sweep, field, getattr(edit, field))
    if edit.display_name is not None:
        sweep.given_name = edit.display_name or None
    if edit.state is not None:
        _move(unit, sweep, edit.state)
    sweep.updated_at = unit.clock.text()
    session.add(sweep)
    session.flush()
    if edit.prior_runs_filters:
        queries.attach(session, sweep, _prior_runs(edit.prior_runs_filters))
    if edit.controller is not None:
        controlling.follow(unit, sweep, session.get_one(ProjectRow, sweep.project_id))
    return sweep


def _new(unit: Unit, entity: str | None, project: str | None, edit: SweepEdit) -> SweepRow:
    if edit.config is None:
        raise BadInput("a new sweep needs a config; to change a sweep, give its id")
    parent = projects.for_writing(unit, entity, project)
    now = unit.clock.text()
    name = unit.clock.short_id()
    while queries.by_name(unit.session, parent.id, name) is not None:
        name = unit.clock.short_id()
    return SweepRow(project_id=parent.id, user_id=unit.actor.user_id, name=name, state=PENDING, config="", method="",
                    created_at=now, updated_at=now)


def _set_config(unit: Unit, sweep: SweepRow, config: SweepConfig) -> None:
    if sweep.id is not None and config.text != sweep.config:
        queries.forget_cells(unit.session, sweep.id)
    sweep.config, sweep.method, sweep.config_name = config.text, config.method, config.name
    sweep.metric, sweep.maximize, sweep.run_count_expected = config.metric, config.maximize, config.expected


def _check(edit: SweepEdit) -> None:
    for field, limit in (("description", _LONGEST_TEXT), ("display_name", _LONGEST_NAME),
                         ("controller", _LONGEST_TEXT), ("scheduler", _LONGEST_TEXT)):
        value = getattr(edit, field)
        if value is not None and len(value) > limit:
            raise BadInput(f"a sweep's {field} holds at most {limit} characters")
    if edit.controller:
        controlling.check_controller(edit.controller)
    if edit.scheduler:
        checked_object(edit.scheduler, "scheduler")
    if edit.state is not None and edit.state not in _NEXT:
        raise BadInput(f"sweep state {edit.state[:40]!r} is not known; it is one of {', '.join(_NEXT)}")


def _move(unit: Unit, sweep: SweepRow, state: str) -> None:
    """The sweep is in the new state. Stopped, its runs end by themselves; canceled, they are asked to stop."""
    if state != sweep.state and state not in _NEXT[sweep.state]:
        raise BadInput(f"a sweep that is {sweep.state} cannot become {state}; "
                       f"it can become {', '.join(sorted(_NEXT[sweep.state]))}")
    if state in {FINISHED, CANCELED}:
        controlling.end(unit, sweep, state)
    else:
        sweep.state = state
    if state == CANCELED:
        queries.stop_live_runs(unit.session, sweep, unit.clock.text())
        queries.end_pending_runs(unit.session, sweep, unit.clock.text())


def _prior_runs(text: str) -> list[str]:
    """Names of runs out of the one filter that clients write here (wandb 0.15 to 0.31): `{"$or": [{"name": …}]}`."""
    tree = checked_object(text, "priorRunsFilters")
    terms = tree.get("$or") if set(tree) == {"$or"} else None
    names = [term.get("name") if isinstance(term, dict) else None for term in terms or ()] \
        if isinstance(terms, list) else [None]
    if not all(isinstance(name, str) and storable(name) for name in names):
        raise BadInput('priorRunsFilters must name runs, as in {"$or": [{"name": "a"}, {"name": "b"}]}')
    return [str(name) for name in names]
