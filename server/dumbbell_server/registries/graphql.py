"""What registries add to the schema: who is in them."""

from typing import Any

import strawberry

from dumbbell_server import ids
from dumbbell_server.accounts.tables import EntityRow
from dumbbell_server.artifacts.connections import ArtifactCollectionConnection
from dumbbell_server.artifacts.graphql import ArtifactCollectionType
from dumbbell_server.artifacts.pages import know_page
from dumbbell_server.graph.context import Info
from dumbbell_server.graph.refs import EntityRef, MembershipConnectionRef
from dumbbell_server.graph.scalars import JSONString
from dumbbell_server.listing.pages import Edge, Page
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.registries import queries, search, service


@strawberry.type
class Role:
    name: str


@strawberry.type
class ProjectMember:
    """A user who was let in by name; the id is the user's."""

    id: strawberry.ID
    name: str | None
    username: str | None
    email: str | None
    role: Role


@strawberry.type
class ProjectTeamMember:
    team: EntityRef
    role: Role


@strawberry.type
class ProjectMembers:
    @strawberry.field
    def members(project: strawberry.Parent[ProjectRow], info: Info) -> list[ProjectMember]:
        """Not those who see it by their seat in the organization; nobody for those without a key."""
        if info.context.viewer is None:
            return []
        return [ProjectMember(id=strawberry.ID(ids.encode("User", user.id)), name=user.name,
                              username=user.username, email=user.email, role=Role(name=role))
                for user, role in queries.members(info.context.session, project.id)]

    @strawberry.field
    def team_members(project: strawberry.Parent[ProjectRow], info: Info) -> list[ProjectTeamMember]:
        if info.context.viewer is None:
            return []
        return [ProjectTeamMember(team=team, role=Role(name=role))
                for team, role in queries.teams(info.context.session, project.id)]


@strawberry.type
class EntityRegistries:
    """Of an organization's entity; what others have is found by its project."""

    @strawberry.field
    def artifact_collections(
        entity: strawberry.Parent[EntityRow], info: Info, project_filters: JSONString | None = None,
        filters: JSONString | None = None, collection_types: list[ArtifactCollectionType] | None = None,
        after: str | None = None, first: int | None = None, order: str | None = None,
    ) -> ArtifactCollectionConnection | None:
        kinds = [kind.value.lower() for kind in collection_types or list(ArtifactCollectionType)]
        context = info.context
        page: Any = search.collections(context.session, context.viewer, entity, project_filters, filters, kinds, order,
                                       after, first)
        return page  # type: ignore[no-any-return]

    @strawberry.field
    def artifact_memberships(
        entity: strawberry.Parent[EntityRow], info: Info, project_filters: JSONString | None = None,
        collection_filters: JSONString | None = None, filters: JSONString | None = None,
        after: str | None = None, first: int | None = None, order: str | None = None,
    ) -> MembershipConnectionRef | None:
        context = info.context
        page = search.versions(context.backend.registry_columns, context.session, context.viewer, entity,
                               project_filters, collection_filters, filters, order, after, first)
        know_page(context, [edge.node[1] for edge in page.edges])
        edges = [Edge(edge.node[0], edge.cursor) for edge in page.edges]
        return Page(edges, page.page_info, page.total_count)


@strawberry.input
class CreateProjectMembersInput:
    project_id: strawberry.ID
    user_ids: list[strawberry.ID] | None = None
    team_ids: list[strawberry.ID] | None = None
    client_mutation_id: str | None = None


@strawberry.input
class DeleteProjectMembersInput:
    project_id: strawberry.ID
    user_ids: list[strawberry.ID] | None = None
    team_ids: list[strawberry.ID] | None = None
    client_mutation_id: str | None = None


@strawberry.input
class UpdateProjectMemberInput:
    project_id: strawberry.ID
    user_id: strawberry.ID
    user_project_role: str
    client_mutation_id: str | None = None


@strawberry.input
class UpdateProjectTeamMemberInput:
    project_id: strawberry.ID
    team_id: strawberry.ID
    team_project_role: str
    client_mutation_id: str | None = None


@strawberry.type
class ProjectMembersPayload:
    success: bool
    client_mutation_id: str | None = None


@strawberry.type
class RegistriesMutation:
    @strawberry.field
    def create_project_members(self, info: Info, input: CreateProjectMembersInput) -> ProjectMembersPayload | None:
        info.context.unit(service.add_members, input.project_id, input.user_ids or (), input.team_ids or ())
        return ProjectMembersPayload(success=True, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_project_members(self, info: Info, input: DeleteProjectMembersInput) -> ProjectMembersPayload | None:
        info.context.unit(service.remove_members, input.project_id, input.user_ids or (), input.team_ids or ())
        return ProjectMembersPayload(success=True, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def update_project_member(self, info: Info, input: UpdateProjectMemberInput) -> ProjectMembersPayload | None:
        info.context.unit(service.set_user_role, input.project_id, input.user_id, input.user_project_role)
        return ProjectMembersPayload(success=True, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def update_project_team_member(
        self, info: Info, input: UpdateProjectTeamMemberInput,
    ) -> ProjectMembersPayload | None:
        info.context.unit(service.set_team_role, input.project_id, input.team_id, input.team_project_role)
        return ProjectMembersPayload(success=True, client_mutation_id=input.client_mutation_id)
