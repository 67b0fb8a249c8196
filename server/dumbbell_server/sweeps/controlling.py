"""Searches that run elsewhere: a local controller (`wandb.controller()`), and the local scheduler of 0.31."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dumbbell_server import ids
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, NotFound
from dumbbell_server.identity import Role
from dumbbell_server.json_text import checked_object, dumps, stored_object
from dumbbell_server.projects.access import require, role_in
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.service import request_stop
from dumbbell_server.runs.states import LIVE_STATES, PENDING
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.sweeps import queries
from dumbbell_server.sweeps.config import SCHEDULER, read_config
from dumbbell_server.sweeps.making import make_run
from dumbbell_server.sweeps.tables import CANCELED, FINISHED, SweepRow

_REMEMBERED = 200  # of what was scheduled: a controller looks for the runs of its last entries
_MOST_SCHEDULED = 100


def to_edit(unit: Unit, node_id: str) -> tuple[SweepRow, ProjectRow]:
    """The sweep that a member may change, by its node id."""
    number = ids.decode("Sweep", node_id)
    sweep = unit.session.get(SweepRow, number, with_for_update=True) if number else None
    project = unit.session.get(ProjectRow, sweep.project_id) if sweep else None
    if sweep is None or project is None or role_in(unit.actor, project) == Role.NONE:
        raise NotFound(f"no sweep has the id {node_id[:80]!r}")
    require(unit.actor, project, Role.MEMBER, "edit sweeps")
    return sweep, project


def enqueue(unit: Unit, node_id: str, config: str, display_name: str | None) -> RunRow:
    """A pending run with these values, for the next idle agent (wandb 0.31.0 `wandb sweep-scheduler`).

    More than `run_cap` may come: to be refused is a fatal error for the scheduler. Agents are given no more than that.
    Values come wrapped from the scheduler (`{"x": {"value": 1}}`) and bare from `Sweep.enqueue_run`.
    """
    sweep, project = to_edit(unit, node_id)
    if read_config(sweep.config).elsewhere != SCHEDULER:
        raise BadInput(f"sweep {sweep.name} is not using local scheduler")
    if sweep.state in {FINISHED, CANCELED}:
        raise BadInput(f"sweep {sweep.name} is {sweep.state} and takes no more runs")
    values = {name: _bare(value) for name, value in checked_object(config, "config").items()}
    return make_run(unit, project, sweep, values, display_name=display_name)


def _bare(value: Any) -> Any:
    if isinstance(value, Mapping) and "value" in value and value.keys() <= {"value", "desc"}:
        return value["value"]
    return value


def controller_run_name(sweep: SweepRow) -> str:
    """The id with which a scheduler starts a run for its log.

    See `wandb 0.31.0 sdk/sweeps/scheduler/client.py:_TermForwarder`.
    """
    return f"{sweep.name}-controller"


def end(unit: Unit, sweep: SweepRow, state: str) -> None:
    """The sweep is FINISHED or CANCELED, and so is the log of its scheduler, which never says that itself."""
    now = unit.clock.text()
    sweep.state, sweep.updated_at = state, now
    queries.finish_live_run(unit.session, sweep.project_id, controller_run_name(sweep), now)


def check_controller(text: str) -> None:
    """BadInput names what a controller's document has of a wrong form."""
    tree = checked_object(text, "controller")
    schedule, early = tree.get("schedule") or [], tree.get("earlystop") or []
    if not isinstance(schedule, list) or len(schedule) > _MOST_SCHEDULED or not all(map(_is_entry, schedule)):
        raise BadInput("controller.schedule must be a list of at most "
                       f'{_MOST_SCHEDULED} entries such as {{"id": "a", "data": {{"args": {{"x": {{"value": 1}}}}}}}}')
    if not isinstance(early, list) or not all(isinstance(name, str) for name in early):
        raise BadInput("controller.earlystop must be a list of names of runs")


def _is_entry(entry: object) -> bool:
    data = entry.get("data") if isinstance(entry, dict) else None
    args = data.get("args") if isinstance(data, dict) else None
    return isinstance(entry, dict) and isinstance(entry.get("id"), str) and isinstance(data, dict) \
        and (args is None or isinstance(args, dict))


def follow(unit: Unit, sweep: SweepRow, project: ProjectRow) -> None:
    """Make the runs that the controller scheduled, say so in `scheduler`, and stop those that it stops early."""
    controller = stored_object(sweep.controller or "{}")
    scheduled = [entry for entry in _list(stored_object(sweep.scheduler or "{}"), "scheduled")
                 if isinstance(entry, dict)]
    known = {entry.get("id") for entry in scheduled}
    new = [entry for entry in _schedule(controller)
           if entry["id"] not in known and entry["data"].get("args") is not None]
    for entry in new:
        values = {name: _bare(value) for name, value in entry["data"]["args"].items()}
        run = make_run(unit, project, sweep, values)
        scheduled.append({"id": entry["id"], "runid": run.name})
    if new:
        sweep.scheduler = dumps({"scheduled": scheduled[-_REMEMBERED:]})
    for run in queries.named_runs(unit.session, sweep, _list(controller, "earlystop")):
        if run.state in LIVE_STATES or run.state == PENDING:
            request_stop(unit, run)
    if is_over(sweep) and not queries.has_unfinished_runs(unit.session, sweep):
        end(unit, sweep, FINISHED)


def is_over(sweep: SweepRow) -> bool:
    """Whether the controller has said that its search has no more: an entry without values."""
    schedule = _schedule(stored_object(sweep.controller or "{}"))
    return any(entry["data"].get("args") is None for entry in schedule)


def _schedule(controller: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [entry for entry in _list(controller, "schedule") if _is_entry(entry)]


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    """Documents of earlier versions were stored as they came."""
    found = document.get(name)
    return found if isinstance(found, list) else []
