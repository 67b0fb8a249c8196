"""What sweeps add to the schema."""

import strawberry

from dumbbell_server import ids
from dumbbell_server.accounts.tables import UserRow
from dumbbell_server.errors import NotFound
from dumbbell_server.graph.connections import PageInfo
from dumbbell_server.graph.context import Info
from dumbbell_server.graph.refs import ProjectRef, RunConnectionRef, SweepConnectionRef, SweepRef, UserRef
from dumbbell_server.graph.scalars import DateTime, JSONString, compact
from dumbbell_server.json_text import checked_object
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs.graphql import page_of_runs
from dumbbell_server.runs.tables import RunRow
from dumbbell_server.sweeps import listing, queries, service
from dumbbell_server.sweeps.config import read_config
from dumbbell_server.sweeps.tables import SweepRow


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
        return service.best(sweep, queries.summaries(info.context.session, sweep))

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
        """Empty: no run of ours controls a sweep."""
        del sweep
        return ""

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
        return page_of_runs(info.context, project, compact({"sweep": sweep.name}), order or "+created_at", after, first)


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
        after: str | None = None, first: int | None = None,
    ) -> SweepConnectionRef | None:
        """Newest first."""
        return listing.page(info.context.session, project.id, filters, after, first)

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


@strawberry.type
class SweepsMutation:
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
