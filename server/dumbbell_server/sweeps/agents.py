"""Agents: processes that ask for runs of a sweep, and what they are told (docs/protocol/behaviours.md#agents)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from dumbbell_server import ids
from dumbbell_server.database.units import Unit
from dumbbell_server.errors import BadInput, NotFound
from dumbbell_server.identity import Actor, Role
from dumbbell_server.json_text import storable
from dumbbell_server.projects import service as projects
from dumbbell_server.projects.access import require, role_in
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs import states
from dumbbell_server.runs.service import request_stop
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.sweeps import queries
from dumbbell_server.sweeps.choosing import Next, choose
from dumbbell_server.sweeps.config import SweepConfig, read_config
from dumbbell_server.sweeps.controlling import end
from dumbbell_server.sweeps.making import make_run, wrapped
from dumbbell_server.sweeps.tables import (
    CANCELED,
    CRASHED,
    FINISHED,
    PAUSED,
    PENDING,
    RUNNING,
    AgentRow,
    SweepRow,
    SweepRunRow,
)

# An answer may get lost, and the agent asks again without the run that it was given; but a function that never says
# `wandb.init` looks the same from here, and must not be called for ever.
_MOST_SENT = 2
_LONGEST_HOST = 512

Command = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What a heartbeat is answered; `suggest`: a run is due, and its values have to be suggested first."""

    agent: AgentRow
    commands: list[Command]
    suggest: bool = False


def create(unit: Unit, *, entity: str | None, project: str | None, sweep: str, host: str) -> AgentRow:
    """A new agent of the sweep, which runs from now on. NotFound where there is no such sweep for the actor."""
    if len(host) > _LONGEST_HOST or not storable(host):
        raise BadInput(f"an agent's host is a text of at most {_LONGEST_HOST} characters, no NUL among them")
    owner = projects.find(unit.session, unit.actor, entity, project)
    found = queries.by_name(unit.session, owner.id, sweep) if owner else None
    if owner is None or found is None:
        raise NotFound(f"sweep {sweep[:80]!r} not found in {entity or unit.actor.entity_name}/{project}")
    require(unit.actor, owner, Role.MEMBER, "run agents")
    now = unit.clock.text()
    agent = AgentRow(sweep_id=found.id, user_id=unit.actor.user_id, name=unit.clock.short_id(),
                     host=host, state=RUNNING, created_at=now, heartbeat_at=now)
    _wake(found, now)
    unit.session.add(agent)
    unit.session.flush()
    return agent


def find(session: Session, sweep: SweepRow, name: str) -> AgentRow | None:
    """The sweep's agent by its name, or by its id: 0.31.0 asks with what its user gave it."""
    number = ids.decode("Agent", name)
    agent = session.get(AgentRow, number) if number else queries.agent_by_name(session, sweep.id, name)
    return agent if agent is not None and agent.sweep_id == sweep.id else None


def to_hear(session: Session, actor: Actor, node_id: str) -> tuple[AgentRow, SweepRow, ProjectRow]:
    """The agent that speaks, with its sweep and project. NotFound where there is none that the actor may see."""
    number = ids.decode("Agent", node_id)
    agent = session.get(AgentRow, number) if number else None
    sweep = session.get_one(SweepRow, agent.sweep_id) if agent else None
    project = session.get_one(ProjectRow, sweep.project_id) if sweep else None
    if agent is None or sweep is None or project is None or role_in(actor, project) == Role.NONE:
        raise NotFound(f"no agent has the id {node_id[:80]!r}; its sweep may have been deleted")
    require(actor, project, Role.MEMBER, "run agents")
    return agent, sweep, project


def heartbeat(unit: Unit, node_id: str, running: Collection[str], *, silent_before: str | None,
              stop: Collection[str] = (), suggested: Mapping[str, Any] | None = None) -> Reply:
    """Take note of what the agent runs, and tell it what to do.

    NotFound where its sweep is gone: agents end then. `silent_before`: agents that were not heard of since are dead.
    """
    agent, sweep, project = to_hear(unit.session, unit.actor, node_id)
    # one heartbeat of a sweep after the other: no two agents get the same combination
    unit.session.refresh(sweep, with_for_update=True)
    now = unit.clock.text()
    agent.state, agent.heartbeat_at = RUNNING, now
    _wake(sweep, now)
    _note(unit, agent, running)
    if silent_before is not None:
        expire(unit, sweep, silent_before)
    unit.session.flush()
    stops = [{"type": "stop", "run_id": run.name} for run in _to_stop(unit, agent, sweep, running, stop)]
    if stops or running:
        return Reply(agent, stops)
    return _for_idle(unit, agent, sweep, project, suggested)


def _wake(sweep: SweepRow, now: str) -> None:
    sweep.heartbeat_at = now
    if sweep.state == PENDING:
        sweep.state, sweep.updated_at = RUNNING, now


def _note(unit: Unit, agent: AgentRow, running: Collection[str]) -> None:
    """Runs of the agent that it names no more have ended for it, but for one of which it may not have heard."""
    for given, run in queries.given_to(unit.session, agent.id):
        if run.name in running or (run.state == states.PENDING and given.sent < _MOST_SENT):
            continue
        given.ended = True
        if run.state == states.PENDING:
            _crash(unit, run)


def _crash(unit: Unit, run: RunRow) -> None:
    run.state = states.CRASHED
    run.updated_at = unit.clock.text()


def expire(unit: Unit, sweep: SweepRow, before: str) -> None:
    """Agents that were not heard of since `before` are dead, and what they had is free again.

    But not a run that is heard of: its process outlived that of the agent, and will end by itself.
    """
    queries.end_silent_agents(unit.session, sweep.id, before)
    for given, run in queries.orphaned(unit.session, sweep.id):
        alive = run.state in states.LIVE_STATES
        if alive and run.heartbeat_at >= before:
            continue
        given.ended = True
        if alive or run.state == states.PENDING:
            given.lost = True
            _crash(unit, run)


def _to_stop(unit: Unit, agent: AgentRow, sweep: SweepRow, running: Collection[str], stop: Collection[str],
             ) -> list[RunRow]:
    """Of what the agent runs: what somebody wants stopped, what stops early, and what another has done meanwhile."""
    if not running:
        return []
    found = queries.named_runs(unit.session, sweep, running)
    lost = queries.lost_by(unit.session, agent.id)
    for run in found:
        if (run.name in stop or run.id in lost or sweep.state == CANCELED) and not run.stop_requested:
            request_stop(unit, run)
    return [run for run in found if run.stop_requested]


def _for_idle(unit: Unit, agent: AgentRow, sweep: SweepRow, project: ProjectRow,
              suggested: Mapping[str, Any] | None) -> Reply:
    if sweep.state in {FINISHED, CANCELED}:
        return _exit(agent)
    if sweep.state == PAUSED:
        return Reply(agent, [])
    config = read_config(sweep.config)
    full = config.cap is not None and queries.begun_run_count(unit.session, sweep) >= config.cap
    waiting = queries.first_in_line(unit.session, sweep, agent.id, only_begun=full)
    if waiting is not None:
        return Reply(agent, [_give(unit, agent, sweep, config, waiting)])
    chosen = choose(unit, sweep, config, suggested)
    if chosen.what is Next.RUN:
        run = make_run(unit, project, sweep, chosen.values, cell=chosen.cell)
        return Reply(agent, [_give(unit, agent, sweep, config, run)])
    if chosen.what is Next.DONE:
        queries.end_pending_runs(unit.session, sweep, unit.clock.text())  # more than the cap allows
        end(unit, sweep, FINISHED)
        return _exit(agent)
    return Reply(agent, [], suggest=chosen.what is Next.SUGGEST)


def _exit(agent: AgentRow) -> Reply:
    agent.state = FINISHED
    return Reply(agent, [{"type": "exit"}])


def _give(unit: Unit, agent: AgentRow, sweep: SweepRow, config: SweepConfig, run: RunRow) -> Command:
    """The run is the agent's from now on. One that had begun before is resumed."""
    resumed = run.state == states.PREEMPTED or run.history_line_count > 0
    given = unit.session.get(SweepRunRow, run.id)
    if given is None:
        given = SweepRunRow(run_id=run.id, sweep_id=sweep.id)
    given.sent = given.sent + 1 if given.agent_id == agent.id else 1
    given.agent_id, given.ended = agent.id, False
    run.state = states.PENDING
    run.updated_at = unit.clock.text()
    unit.session.add(given)
    unit.session.flush()
    return {"type": "resume" if resumed else "run", "run_id": run.name, "program": config.program,
            "args": wrapped(run.config)}


def shown_state(agent: AgentRow, silent_before: str | None) -> str:
    """RUNNING, FINISHED or CRASHED: time alone makes an agent dead."""
    silent = silent_before is not None and agent.heartbeat_at < silent_before
    return CRASHED if agent.state == RUNNING and silent else agent.state
