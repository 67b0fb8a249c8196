"""What projects add to the schema."""

import strawberry

from dumbbell_server import ids
from dumbbell_server.accounts import queries as accounts
from dumbbell_server.accounts.access import visible_entity
from dumbbell_server.accounts.tables import EntityRow, UserRow
from dumbbell_server.graph.connections import PageInfo
from dumbbell_server.graph.context import Context, Info
from dumbbell_server.graph.refs import EntityRef, ProjectConnectionRef, ProjectRef, UserRef
from dumbbell_server.graph.scalars import DateTime, JSONString
from dumbbell_server.identity import Role
from dumbbell_server.listing import cursors
from dumbbell_server.listing.pages import Page, page_of, page_size
from dumbbell_server.projects import listing, queries, service
from dumbbell_server.projects.access import role_in
from dumbbell_server.projects.registries import holds_registries
from dumbbell_server.projects.tables import ProjectRow


@strawberry.type
class ProjectCore:
    name: str
    description: str | None
    access: str | None
    views: JSONString | None
    repo: str | None
    docker_image: str | None
    framework: str | None
    is_benchmark: bool
    is_published: bool
    created_at: DateTime
    updated_at: DateTime | None

    @strawberry.field
    def id(project: strawberry.Parent[ProjectRow]) -> strawberry.ID:
        return strawberry.ID(ids.encode("Project", project.id))

    @strawberry.field
    def internal_id(project: strawberry.Parent[ProjectRow]) -> strawberry.ID:
        return strawberry.ID(ids.encode("ProjectInternalId", project.id))

    @strawberry.field
    def entity_name(project: strawberry.Parent[ProjectRow], info: Info) -> str:
        return info.context.require(EntityRow, project.entity_id).name

    @strawberry.field
    def entity(project: strawberry.Parent[ProjectRow], info: Info) -> EntityRef:
        return info.context.require(EntityRow, project.entity_id)

    @strawberry.field
    def user(project: strawberry.Parent[ProjectRow], info: Info) -> UserRef | None:
        return info.context.get(UserRow, project.user_id)

    @strawberry.field
    def allow_all_artifact_types_in_registry(project: strawberry.Parent[ProjectRow]) -> bool:
        return project.allow_all_artifact_types

    @strawberry.field
    def read_only(project: strawberry.Parent[ProjectRow], info: Info) -> bool:
        return info.context.viewer is None or role_in(info.context.viewer, project) < Role.MEMBER


@strawberry.type
class ProjectEdge:
    node: ProjectRef | None
    cursor: str


@strawberry.type
class ProjectConnection:
    edges: list[ProjectEdge]
    page_info: PageInfo


def _page(context: Context, entities: list[int], after: str | None, first: int | None) -> Page[ProjectRow]:
    """Projects of the entities that the viewer may see, newest first."""
    size = page_size(first)
    actor = context.viewer
    own = [entity for entity in entities if actor is not None and actor.role(entity) >= Role.VIEWER]
    asked, public_only = (own, False) if own else (entities, True)
    rows = queries.newest(context.session, asked, cursors.number(after), size + 1, public_only=public_only)
    return page_of(rows, size, lambda project: project.id)


@strawberry.type
class EntityProjects:
    @strawberry.field
    def project(entity: strawberry.Parent[EntityRow], info: Info, name: str | None = None) -> ProjectRef | None:
        found = service.find(info.context.session, info.context.viewer, entity.name, name)
        return found if found is not None and found.entity_id == entity.id else None

    @strawberry.field
    def projects(
        entity: strawberry.Parent[EntityRow], info: Info, filters: JSONString | None = None,
        after: str | None = None, first: int | None = None, order: str | None = None,
    ) -> ProjectConnectionRef | None:
        if filters or order or holds_registries(entity):
            return listing.page(info.context.session, info.context.viewer, entity, filters, order, after, first)
        return _page(info.context, [entity.id], after, first)


@strawberry.type
class UserProjects:
    @strawberry.field
    def projects(
        user: strawberry.Parent[UserRow], info: Info, after: str | None = None, first: int | None = None,
    ) -> ProjectConnectionRef | None:
        """Projects of the user's own entity and teams, as far as the asker may see them."""
        session = info.context.session
        own = accounts.entity_of_user(session, user.id)
        teams = [row.entity_id for row in accounts.memberships(session, user.id)]
        return _page(info.context, ([own.id] if own and own.id else []) + teams, after, first)


@strawberry.type
class ProjectsQuery:
    @strawberry.field
    def project(self, info: Info, name: str | None = None, entity_name: str | None = None) -> ProjectRef | None:
        return service.find_renamed(info.context.session, info.context.viewer, entity_name, name)

    @strawberry.field
    def model(self, info: Info, name: str | None = None, entity_name: str | None = None) -> ProjectRef | None:
        return service.find_renamed(info.context.session, info.context.viewer, entity_name, name)

    @strawberry.field
    def models(
        self, info: Info, entity_name: str | None = None, after: str | None = None, first: int | None = None,
    ) -> ProjectConnectionRef | None:
        entity = visible_entity(info.context.session, info.context.viewer, entity_name)
        return _page(info.context, [entity.id] if entity else [], after, first)


@strawberry.input
class ProjectIconInput:
    name: str
    color: str


@strawberry.input
class ArtifactTypeInput:
    name: str
    description: str | None = None  # not kept


@strawberry.input
class RateLimitsInput:
    """Sent by clients as null only."""

    create_artifacts: int | None = None
    create_artifacts_request_count: int | None = None
    create_artifacts_time_window: int | None = None
    filestream_count: float | None = None
    filestream_per_run_count: float | None = None
    filestream_size: int | None = None
    graphql: int | None = None
    run_update_count: float | None = None
    sdk_graphql: int | None = None
    sdk_graphql_query_seconds: float | None = None


@strawberry.input
class UpsertModelInput:
    id: str | None = None
    name: str | None = None
    entity_name: str | None = None
    description: str | None = None
    access: str | None = None
    docker_image: str | None = None
    framework: str | None = None
    allow_all_artifact_types_in_registry: bool | None = None
    artifact_types: list[ArtifactTypeInput] | None = None
    icon: ProjectIconInput | None = None  # not kept
    is_benchmark: bool | None = None
    is_published: bool | None = None
    owner: strawberry.ID | None = None  # not kept
    rate_limits: RateLimitsInput | None = None  # not kept
    repo: str | None = None
    views: JSONString | None = None
    client_mutation_id: str | None = None

    def edit(self) -> service.ProjectEdit:
        return service.ProjectEdit(
            description=self.description, access=self.access, views=self.views, repo=self.repo,
            docker_image=self.docker_image, framework=self.framework, is_benchmark=self.is_benchmark,
            is_published=self.is_published, allow_all_artifact_types=self.allow_all_artifact_types_in_registry,
            artifact_types=tuple(kind.name for kind in self.artifact_types or ()))


@strawberry.type
class UpsertModelPayload:
    project: ProjectRef | None
    model: ProjectRef | None
    inserted: bool | None
    client_mutation_id: str | None = None


@strawberry.input
class RenameProjectInput:
    entity_name: str
    old_project_name: str
    new_project_name: str
    client_mutation_id: str | None = None


@strawberry.type
class RenameProjectPayload:
    project: ProjectRef | None
    inserted: bool | None
    client_mutation_id: str | None = None


@strawberry.input
class DeleteModelInput:
    id: str | None = None
    entity_name: str | None = None
    project_name: str | None = None
    client_mutation_id: str | None = None


@strawberry.type
class DeleteModelPayload:
    success: bool | None
    client_mutation_id: str | None = None


@strawberry.type
class ProjectsMutation:
    @strawberry.field
    def upsert_model(self, info: Info, input: UpsertModelInput) -> UpsertModelPayload | None:
        project, inserted = info.context.unit(service.upsert, input.entity_name, input.name, input.id, input.edit())
        return UpsertModelPayload(project=project, model=project, inserted=inserted,
                                  client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def rename_project(self, info: Info, input: RenameProjectInput) -> RenameProjectPayload | None:
        project = info.context.unit(service.rename, input.entity_name, input.old_project_name, input.new_project_name)
        return RenameProjectPayload(project=project, inserted=False, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_model(self, info: Info, input: DeleteModelInput) -> DeleteModelPayload | None:
        if input.id is None:
            info.context.unit(service.delete_named, input.entity_name, input.project_name)
        else:
            info.context.unit(service.delete_by_id, input.id)
        return DeleteModelPayload(success=True, client_mutation_id=input.client_mutation_id)
