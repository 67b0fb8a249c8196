"""Runs that a sweep makes before any process has started on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dumbbell_server.database.units import Unit
from dumbbell_server.json_text import dumps, stored_object
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs import service as runs
from dumbbell_server.runs.names import make_display_name
from dumbbell_server.runs.states import PENDING
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.sweeps import queries
from dumbbell_server.sweeps.tables import SweepRow, SweepRunRow


def make_run(unit: Unit, project: ProjectRow, sweep: SweepRow, values: Mapping[str, Any], *, cell: int | None = None,
             display_name: str | None = None) -> RunRow:
    """A pending run of the sweep with these values as its config, in line for the next agent."""
    config = dumps({name: {"value": value} for name, value in values.items()})
    run = runs.make(unit, project, runs.RunEdit(
        display_name=display_name or _name(unit, sweep), config=config, sweep_name=sweep.name, state=PENDING))
    unit.session.add(SweepRunRow(run_id=run.id, sweep_id=sweep.id, cell=cell))
    unit.session.flush()
    return run


def _name(unit: Unit, sweep: SweepRow) -> str:
    return make_display_name(unit.clock, queries.run_count(unit.session, sweep) + 1, "sweep")


def wrapped(config: str) -> dict[str, dict[str, Any]]:
    """A run's config as agents get it: `{"x": {"value": 1}}`, without what the SDK keeps there."""
    return {name: {"value": value} for name, value in plain(config).items()}


def plain(config: str) -> dict[str, Any]:
    """The values in a run's config."""
    return {name: entry["value"] for name, entry in stored_object(config).items()
            if name != "_wandb" and isinstance(entry, dict) and "value" in entry}
