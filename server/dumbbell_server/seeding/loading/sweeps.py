"""Sweeps of a fixture, as rows: before its runs, which name them, and with the runs, which agents did."""

from __future__ import annotations

import yaml
from sqlmodel import select

from dumbbell_server.errors import BadInput
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.seeding.form.documents import Place, Project, Sweep
from dumbbell_server.seeding.form.reading import Read
from dumbbell_server.seeding.loading.state import Loading
from dumbbell_server.seeding.loading.taking import Path_
from dumbbell_server.sweeps import queries
from dumbbell_server.sweeps.config import read_config
from dumbbell_server.sweeps.tables import AgentRow, SweepRow, SweepRunRow


def load_sweep(loading: Loading, read: Read, path: Path_, project: ProjectRow, form: Sweep) -> None:
    """The sweep with its agents, made where it is not there."""
    if queries.by_name(loading.session, project.id, form.name) is not None:
        return
    text = form.config_yaml or yaml.safe_dump(form.config, sort_keys=False, allow_unicode=True)
    with read.at(*path, "config_yaml" if form.config is None else "config"):
        config = read_config(text)
    created = loading.at(read, form.created or read.document.created) or ""
    row = SweepRow(
        **loading.numbers.kept(SweepRow, form.row), project_id=project.id,
        user_id=loading.user(form.user) if form.user else project.user_id, name=form.name, state=form.state,
        description=form.description, given_name=form.title, controller=form.controller, scheduler=form.scheduler,
        config=config.text, method=config.method, config_name=config.name, metric=config.metric,
        maximize=config.maximize, run_count_expected=config.expected, created_at=created,
        updated_at=loading.at(read, form.updated) or created, heartbeat_at=loading.at(read, form.heartbeat))
    loading.session.add(row)
    loading.session.flush()
    for agent in form.agents:
        begun = loading.at(read, agent.created) or created
        loading.session.add(AgentRow(
            **loading.numbers.kept(AgentRow, agent.row), sweep_id=row.id, name=agent.name, host=agent.host,
            user_id=loading.user(agent.user) if agent.user else row.user_id, state=agent.state, created_at=begun,
            heartbeat_at=loading.at(read, agent.heartbeat) or begun))
        loading.session.flush()
    loading.counts.sweeps += 1


def load_place(loading: Loading, project: Project, run: RunRow, place: Place | str | None) -> None:
    """What the run is in its sweep."""
    if place is None:
        return
    name = place if isinstance(place, str) else place.sweep
    sweep = queries.by_name(loading.session, run.project_id, name)
    if sweep is None:
        raise BadInput(f"sweep {name!r} is neither in the fixture nor in project {project.name!r}")
    if isinstance(place, str) or not place.made or loading.session.get(SweepRunRow, run.id) is not None:
        return
    loading.session.add(SweepRunRow(
        run_id=run.id, sweep_id=sweep.id, agent_id=_agent(loading, sweep, place.agent) if place.agent else None,
        cell=place.cell, sent=place.sent, ended=place.ended, lost=place.lost))
    loading.session.flush()


def _agent(loading: Loading, sweep: SweepRow, name: str) -> int:
    found = loading.session.execute(select(AgentRow.id).where(
        AgentRow.sweep_id == sweep.id, AgentRow.name == name)).scalar()
    if found is None:
        raise BadInput(f"agent {name!r} is not among the agents of sweep {sweep.name!r}")
    return int(found)
