"""What runs add to the schema."""

from dataclasses import replace

import strawberry

from dumbbell_server import ids
from dumbbell_server.accounts.tables import EntityRow, UserRow
from dumbbell_server.graph.connections import PageInfo
from dumbbell_server.graph.context import Context, Info
from dumbbell_server.graph.inputs import plain
from dumbbell_server.graph.refs import ProjectRef, RunConnectionRef, RunRef, UserRef
from dumbbell_server.graph.scalars import DateTime, JSONString, compact
from dumbbell_server.json_text import stored_list, stored_object
from dumbbell_server.projects.access import may_write
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.runs import listing, queries, service
from dumbbell_server.runs.pages import RunPage
from dumbbell_server.runs.states import FAILED_STATES, LIVE_STATES
from dumbbell_server.runs.tables import RunRow

# What a query names that shows the states of runs; `app.py` has `expire_silent_runs` done before such a query.
SHOWING_RUNS = frozenset({"Run", "RunConnection", "Project.runCount"})


def expire_silent_runs(context: Context) -> None:
    """A run that was not heard of for the heartbeat timeout has crashed: who reads it next must see that."""
    backend, timeout = context.backend, context.backend.settings.heartbeat_timeout
    if service.has_silent_runs(context.session, backend.clock.text_ago(timeout)):
        backend.write(None, service.expire_silent_runs, timeout)


@strawberry.type
class RunCore:
    @classmethod
    def is_type_of(cls, row: object, _info: object) -> bool:
        """In the union with users (who made an artifact), whatever is no user; pages of runs may hold other rows."""
        return not isinstance(row, UserRow)

    name: str
    display_name: str | None
    description: str | None
    notes: str | None
    state: str | None
    group: str | None
    job_type: str | None
    commit: str | None
    host: str | None
    exitcode: int | None
    sweep_name: str | None
    config: JSONString | None
    summary_metrics: JSONString | None
    system_metrics: JSONString | None
    history_line_count: int | None
    events_line_count: int | None
    log_line_count: int | None
    project_id: int
    created_at: DateTime
    heartbeat_at: DateTime | None
    updated_at: DateTime | None

    @strawberry.field
    def id(run: strawberry.Parent[RunRow], info: Info) -> strawberry.ID:
        return strawberry.ID(node_id(info.context, run))

    @strawberry.field
    def tags(run: strawberry.Parent[RunRow]) -> list[str]:
        return stored_list(run.tags)

    @strawberry.field
    def user(run: strawberry.Parent[RunRow], info: Info) -> UserRef | None:
        return info.context.get(UserRow, run.user_id)

    @strawberry.field
    def project(run: strawberry.Parent[RunRow], info: Info) -> ProjectRef | None:
        return info.context.get(ProjectRow, run.project_id)

    @strawberry.field
    def read_only(run: strawberry.Parent[RunRow], info: Info) -> bool:
        project = info.context.require(ProjectRow, run.project_id)
        return not may_write(info.context.viewer, project)

    @strawberry.field
    def stopped(run: strawberry.Parent[RunRow]) -> bool:
        return run.stop_requested

    @strawberry.field
    def should_stop(run: strawberry.Parent[RunRow]) -> bool:
        return run.stop_requested

    @strawberry.field
    def running(run: strawberry.Parent[RunRow]) -> bool:
        return run.state in LIVE_STATES

    @strawberry.field
    def failed(run: strawberry.Parent[RunRow]) -> bool:
        return run.state in FAILED_STATES

    @strawberry.field
    def wandb_config(run: strawberry.Parent[RunRow], keys: list[str] | None = None) -> JSONString:
        """The `_wandb` value; resume asks it for `t`, which is there once a client has uploaded a config."""
        inner = stored_object(run.config).get("_wandb")
        value = inner.get("value") if isinstance(inner, dict) else None
        held = value if isinstance(value, dict) else {}
        return compact(held if keys is None else {key: held[key] for key in keys if key in held})


def node_id(context: Context, run: RunRow) -> str:
    project = context.require(ProjectRow, run.project_id)
    return ids.encode_run(run.name, project.name, context.require(EntityRow, project.entity_id).name)


@strawberry.type
class RunEdge:
    node: RunRef
    cursor: str


@strawberry.type
class RunConnection:
    edges: list[RunEdge]
    page_info: PageInfo
    total_count: int | None


def _run_of(context: Context, project: ProjectRow, name: str) -> RunRow | None:
    """The project's run; or one that goes on in a project of another name, which was called so when it started."""
    run = queries.by_name(context.session, project.id, name)
    if run is not None:
        return run
    entity = context.require(EntityRow, project.entity_id)
    return service.find_renamed(context.session, context.viewer, entity.name, project.name, name, taken=True)


@strawberry.type
class ProjectRuns:
    @strawberry.field
    def run(project: strawberry.Parent[ProjectRow], info: Info, name: str, desc: str | None = None) -> RunRef | None:
        """`desc` is sent by `wandb verify` only, which tries whether a body of 10 MB arrives."""
        del desc
        return _run_of(info.context, project, name)

    @strawberry.field
    def bucket(
        project: strawberry.Parent[ProjectRow], info: Info, name: str | None = None,
        missing_ok: bool | None = None, desc: str | None = None,
    ) -> RunRef | None:
        del missing_ok, desc
        return _run_of(info.context, project, name or "")

    @strawberry.field
    def runs(
        project: strawberry.Parent[ProjectRow], info: Info, filters: JSONString | None = None,
        order: str | None = None, after: str | None = None, first: int | None = None,
    ) -> RunConnectionRef | None:
        return page_of_runs(info.context, project, filters, order, after, first)

    @strawberry.field
    def buckets(
        project: strawberry.Parent[ProjectRow], info: Info, first: int | None = None, after: str | None = None,
        order: str | None = None, filters: JSONString | None = None,
    ) -> RunConnectionRef | None:
        return page_of_runs(info.context, project, filters, order, after, first)

    @strawberry.field
    def run_count(project: strawberry.Parent[ProjectRow], info: Info, filters: JSONString | None = None) -> int:
        context = info.context
        return listing.count(context.backend.run_columns, context.session, context.viewer, project, filters)


def page_of_runs(context: Context, project: ProjectRow, filters: str | None, order: str | None, after: str | None,
                 first: int | None) -> RunPage:
    query = listing.query(filters, order, after, first)
    found = listing.find(context.backend.run_columns, context.session, context.viewer, project, query)
    return RunPage.of(context, project, found)


def page_before(context: Context, project: ProjectRow, filters: str | None, order: str, before: str | None,
                last: int | None) -> RunPage:
    """The page that ends before a cursor, in the order given."""
    query = listing.query_before(filters, order, before, last)
    found = listing.find(context.backend.run_columns, context.session, context.viewer, project, query)
    page = RunPage.of(context, project, replace(found, rows=found.rows[::-1], more=False))
    page.page_info.has_previous_page = found.more
    page.page_info.has_next_page = before is not None
    return page


@plain
@strawberry.input
class UpsertBucketInput:
    id: str | None = None
    name: str | None = None
    group_name: str | None = None
    model_name: str | None = None
    entity_name: str | None = None
    description: str | None = None
    display_name: str | None = None
    notes: str | None = None
    config: JSONString | None = None
    commit: str | None = None
    host: str | None = None
    debug: bool | None = None
    job_program: str | None = None
    job_repo: str | None = None
    job_type: str | None = None
    state: str | None = None
    sweep: str | None = None
    tags: list[str] | None = None
    summary_metrics: JSONString | None = None
    client_mutation_id: str | None = None

    def edit(self) -> service.RunEdit:
        return service.RunEdit(
            display_name=self.display_name, description=self.description, notes=self.notes, group=self.group_name,
            job_type=self.job_type, sweep_name=self.sweep, host=self.host, program=self.job_program,
            repo=self.job_repo, commit=self.commit, tags=self.tags, config=self.config,
            summary_metrics=self.summary_metrics, state=self.state)


@strawberry.type
class ServerMessage:
    utf_text: str | None
    plain_text: str | None
    html_text: str | None
    message_type: str | None
    message_level: str | None


@strawberry.type
class ServerSettings:
    """wandb 0.13 to 0.18 look for this type by `__type` and fail where there is none; we have nothing to say."""

    server_messages: list[ServerMessage] = strawberry.field(default_factory=list)


@strawberry.type
class UpsertBucketPayload:
    bucket: RunRef | None
    inserted: bool | None
    server_settings: ServerSettings | None = strawberry.field(default_factory=ServerSettings)
    client_mutation_id: str | None = None


@strawberry.input
class DeleteRunInput:
    id: strawberry.ID
    delete_artifacts: bool | None = None
    client_mutation_id: str | None = None


@strawberry.type
class DeleteRunPayload:
    client_mutation_id: str | None = None


@strawberry.input
class UpdateRunStateInput:
    id: strawberry.ID
    state: str
    client_mutation_id: str | None = None


@strawberry.type
class UpdateRunStatePayload:
    success: bool | None
    client_mutation_id: str | None = None


@strawberry.input
class StopRunInput:
    id: strawberry.ID
    client_mutation_id: str | None = None


@strawberry.type
class StopRunPayload:
    success: bool
    client_mutation_id: str | None = None


@strawberry.type
class RunsMutation:
    @strawberry.field
    def upsert_bucket(self, info: Info, input: UpsertBucketInput) -> UpsertBucketPayload | None:
        context = info.context
        done = context.unit(service.upsert, node_id=input.id, entity=input.entity_name, project=input.model_name,
                            name=input.name, edit=input.edit())
        run = done.run
        context.know(run, done.project, done.entity)
        return UpsertBucketPayload(bucket=run, inserted=done.inserted, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_run(self, info: Info, input: DeleteRunInput) -> DeleteRunPayload | None:
        context, artifacts = info.context, bool(input.delete_artifacts)
        service.prepare_deletion(context.backend, context.require_viewer(), input.id, artifacts=artifacts)
        context.unit(service.delete_run, input.id, artifacts=artifacts)
        return DeleteRunPayload(client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def update_run_state(self, info: Info, input: UpdateRunStateInput) -> UpdateRunStatePayload | None:
        expire_silent_runs(info.context)  # from crashed a run may go elsewhere than from running
        info.context.unit(service.set_state, input.id, input.state)
        return UpdateRunStatePayload(success=True, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def stop_run(self, info: Info, input: StopRunInput) -> StopRunPayload | None:
        """Null for an unknown run, which is no error (docs/protocol/behaviours.md#run-states)."""
        found = info.context.unit(service.stop, input.id)
        return StopRunPayload(success=True, client_mutation_id=input.client_mutation_id) if found else None
