"""What sweeps add to the schema."""

import strawberry

from dumbbell_server import ids
from dumbbell_server.accounts.tables import UserRow
from dumbbell_server.errors import NotFound
from dumbbell_server.graph.connections import PageInfo
from dumbbell_server.graph.context import Context, Info
from dumbbell_server.graph.refs import (
    AgentConnectionRef,
    AgentRef,
    ProjectRef,
    RunConnectionRef,
    SweepConnectionRef,
    SweepRef,
    UserRef,
)
from dumbbell_server.graph.scalars import DateTime, JSONString, compact
from dumbbell_server.json_text import checked_object, storable
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.graphql import page_before, page_of_runs
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.sweeps import agents, controlling, listing, queries, service
from dumbbell_server.sweeps.config import SCHEDULER, read_config
from dumbbell_server.sweeps.metrics import best
from dumbbell_server.sweeps.searches import SEARCHES, silent_before
from dumbbell_server.sweeps.tables import AgentRow, SweepRow

_OLDEST_FIRST = "+created_at"


@strawberry.type
class SweepCore:
    name: str
    method: str
    state: str
    description: str | None
    config: str
    controller: JSONString | None
    scheduler: JSONString | None
    run_count_expected: int | None
    created_at: DateTime
    updated_at: DateTime | None
    heartbeat_at: DateTime | None

    @strawberry.field
    def id(sweep: strawberry.Parent[SweepRow]) -> strawberry.ID:
        return strawberry.ID(ids.encode("Sweep", sweep.id))

    @strawberry.field
    def display_name(sweep: strawberry.Parent[SweepRow]) -> str | None:
        """Null where nobody gave it a name: clients then show the id (docs/protocol/behaviours.md#sweeps)."""
        return sweep.given_name or sweep.config_name

    @strawberry.field
    def best_loss(sweep: strawberry.Parent[SweepRow], info: Info) -> float | None:
        if sweep.metric is None:
            return None
        return best(sweep, queries.summaries(info.context.session, sweep))

    @strawberry.field
    def run_count(sweep: strawberry.Parent[SweepRow], info: Info) -> int:
        return queries.run_count(info.context.session, sweep)

    @strawberry.field
    def early_stop_job_running(sweep: strawberry.Parent[SweepRow]) -> bool | None:
        """False: whoever stops runs early here does it while answering agents, in no job of its own."""
        del sweep
        return False

    @strawberry.field
    def controller_run_name(sweep: strawberry.Parent[SweepRow]) -> str:
        """Of the run that a local scheduler makes for its log; empty where the sweep has none."""
        elsewhere = read_config(sweep.config).elsewhere
        return controlling.controller_run_name(sweep) if elsewhere == SCHEDULER else ""

    @strawberry.field
    def project(sweep: strawberry.Parent[SweepRow], info: Info) -> ProjectRef | None:
        return info.context.get(ProjectRow, sweep.project_id)

    @strawberry.field
    def user(sweep: strawberry.Parent[SweepRow], info: Info) -> UserRef | None:
        return info.context.get(UserRow, sweep.user_id)

    @strawberry.field
    def runs(sweep: strawberry.Parent[SweepRow], info: Info, first: int | None = None,
             after: str | None = None, order: str | None = None) -> RunConnectionRef:
        """The oldest first where no order is given: pages do not shift while runs come in."""
        project = info.context.require(ProjectRow, sweep.project_id)
        return page_of_runs(info.context, project, compact({"sweep": sweep.name}), order or _OLDEST_FIRST, after, first)

    @strawberry.field
    def agents(sweep: strawberry.Parent[SweepRow], info: Info) -> AgentConnectionRef:
        """All of them, the oldest first."""
        found = queries.agents(info.context.session, sweep.id)
        return AgentConnection(edges=[AgentEdge(node=agent) for agent in found])

    @strawberry.field
    def agent(sweep: strawberry.Parent[SweepRow], info: Info, agent_name: str) -> AgentRef | None:
        return agents.find(info.context.session, sweep, agent_name)


@strawberry.type
class AgentCore:
    name: str
    host: str
    created_at: DateTime
    heartbeat_at: DateTime | None

    @strawberry.field
    def id(agent: strawberry.Parent[AgentRow]) -> strawberry.ID:
        return strawberry.ID(ids.encode("Agent", agent.id))

    @strawberry.field
    def state(agent: strawberry.Parent[AgentRow], info: Info) -> str | None:
        """RUNNING, FINISHED once it was sent away, CRASHED where it was not heard of for the agent timeout."""
        return agents.shown_state(agent, silent_before(info.context.backend))

    @strawberry.field
    def total_runs(agent: strawberry.Parent[AgentRow], info: Info) -> int:
        return len(queries.names_given_to(info.context.session, agent))

    @strawberry.field
    def runs(agent: strawberry.Parent[AgentRow], info: Info, after: str | None = None, before: str | None = None,
             first: int | None = None, last: int | None = None, order: str | None = None) -> RunConnectionRef:
        """The oldest first where no order is given. `last` and `before` page backwards."""
        context = info.context
        sweep = context.require(SweepRow, agent.sweep_id)
        project = context.require(ProjectRow, sweep.project_id)
        names = compact({"name": {"$in": list(queries.names_given_to(context.session, agent))}})
        if last is None and before is None:
            return page_of_runs(context, project, names, order or _OLDEST_FIRST, after, first)
        return page_before(context, project, names, order or _OLDEST_FIRST, before, last)


@strawberry.type
class AgentEdge:
    node: AgentRef


@strawberry.type
class AgentConnection:
    edges: list[AgentEdge]


@strawberry.type
class SweepEdge:
    node: SweepRef
    cursor: str


@strawberry.type
class SweepConnection:
    edges: list[SweepEdge]
    page_info: PageInfo


@strawberry.type
class ProjectSweeps:
    @strawberry.field
    def sweep(project: strawberry.Parent[ProjectRow], info: Info, sweep_name: str) -> SweepRef | None:
        return service.find(info.context.session, project.id, sweep_name)

    @strawberry.field
    def sweeps(
        project: strawberry.Parent[ProjectRow], info: Info, filters: JSONString | None = None,
        after: str | None = None, first: int | None = None, order: str | None = None,
    ) -> SweepConnectionRef | None:
        """The newest first where no order is given."""
        return listing.page(info.context.session, project.id, filters, after, first, order)

    @strawberry.field
    def total_sweeps(project: strawberry.Parent[ProjectRow], info: Info) -> int:
        return queries.count(info.context.session, project.id)


@strawberry.type
class RunSweeps:
    @strawberry.field
    def sweep(run: strawberry.Parent[RunRow], info: Info) -> SweepRef | None:
        if run.sweep_name is None:
            return None
        return service.find(info.context.session, run.project_id, run.sweep_name)


@strawberry.input
class UpsertSweepInput:
    id: strawberry.ID | None = None
    config: str | None = None
    description: str | None = None
    entity_name: str | None = None
    project_name: str | None = None
    controller: JSONString | None = None
    scheduler: JSONString | None = None
    launch_scheduler: JSONString | None = None
    template_variable_values: JSONString | None = None  # for launch; "null" where there are none
    state: str | None = None
    prior_runs_filters: JSONString | None = None
    display_name: str | None = None
    client_mutation_id: str | None = None

    def edit(self) -> service.SweepEdit:
        return service.SweepEdit(
            config=read_config(self.config) if self.config is not None else None, description=self.description,
            display_name=self.display_name, controller=self.controller, scheduler=self.scheduler,
            state=self.state, prior_runs_filters=self.prior_runs_filters)


@strawberry.type
class UpsertSweepPayload:
    sweep: SweepRef
    config_validation_warnings: list[str] | None
    client_mutation_id: str | None = None


@strawberry.input
class CreateAgentInput:
    host: str
    project_name: str | None = None
    entity_name: str | None = None
    sweep: str
    client_mutation_id: str | None = None


@strawberry.type
class CreateAgentPayload:
    agent: AgentRef
    client_mutation_id: str | None = None


@strawberry.input
class AgentHeartbeatInput:
    id: strawberry.ID
    metrics: JSONString | None = None
    run_state: JSONString | None = None
    client_mutation_id: str | None = None

    def running(self) -> frozenset[str]:
        """Names of the runs that the agent has: `{"name": true}`, whatever the value is."""
        names = checked_object(self.run_state, "runState") if self.run_state else {}
        return frozenset(name for name in names if storable(name))


@strawberry.type
class AgentHeartbeatPayload:
    agent: AgentRef
    commands: JSONString
    client_mutation_id: str | None = None


@strawberry.input
class EnqueueSweepRunInput:
    id: strawberry.ID
    config: JSONString
    display_name: str | None = None
    client_mutation_id: str | None = None


@strawberry.type
class EnqueueSweepRunPayload:
    id: strawberry.ID | None  # the run's name (wandb 0.31.0 core: its scheduler watches the run by it)
    run_queue_item_id: strawberry.ID | None
    client_mutation_id: str | None = None


def _heartbeat(context: Context, input: AgentHeartbeatInput) -> agents.Reply:
    """What takes long is done before the unit, or elsewhere: then the agent asks again."""
    agent, sweep, _ = agents.to_hear(context.session, context.require_viewer(), input.id)  # nobody else has work done
    searches, running = context.backend.provided(SEARCHES), input.running()
    silent = silent_before(context.backend)
    config = read_config(sweep.config)
    stop = searches.stopping_early(sweep, config, running) if searches else ()
    reply = context.unit(agents.heartbeat, input.id, running, silent_before=silent, stop=stop)
    values = searches.suggestion(sweep, config, agent.id) if searches and reply.suggest else None
    if values is None:
        return reply
    return context.unit(agents.heartbeat, input.id, running, silent_before=silent, suggested=values)


@strawberry.type
class SweepsMutation:
    @strawberry.field
    def create_agent(self, info: Info, input: CreateAgentInput) -> CreateAgentPayload | None:
        agent = info.context.unit(agents.create, entity=input.entity_name, project=input.project_name,
                                  sweep=input.sweep, host=input.host)
        return CreateAgentPayload(agent=agent, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def agent_heartbeat(self, info: Info, input: AgentHeartbeatInput) -> AgentHeartbeatPayload | None:
        reply = _heartbeat(info.context, input)
        return AgentHeartbeatPayload(agent=reply.agent, commands=compact(reply.commands),
                                     client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def enqueue_sweep_run(self, info: Info, input: EnqueueSweepRunInput) -> EnqueueSweepRunPayload | None:
        run = info.context.unit(controlling.enqueue, input.id, input.config, input.display_name)
        return EnqueueSweepRunPayload(id=strawberry.ID(run.name), run_queue_item_id=None,
                                      client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def upsert_sweep(self, info: Info, input: UpsertSweepInput) -> UpsertSweepPayload | None:
        info.context.require_viewer()
        if input.launch_scheduler:
            queue = checked_object(input.launch_scheduler, "launchScheduler").get("queue")
            raise NotFound(f"launch queue {str(queue)[:80]!r} not found; this server has no launch queues")
        edit = input.edit()
        sweep = info.context.unit(service.upsert, node_id=input.id, entity=input.entity_name,
                                  project=input.project_name, edit=edit)
        warnings = list(edit.config.warnings) if edit.config else []
        return UpsertSweepPayload(sweep=sweep, config_validation_warnings=warnings,
                                  client_mutation_id=input.client_mutation_id)
