"""What views add to the schema."""

from enum import Enum

import strawberry

from dumbbell_server import ids
from dumbbell_server.accounts.tables import UserRow
from dumbbell_server.graph.connections import PageInfo
from dumbbell_server.graph.context import Info
from dumbbell_server.graph.refs import ProjectRef, UserRef, ViewConnectionRef, ViewRef
from dumbbell_server.graph.scalars import DateTime, JSONString
from dumbbell_server.listing import cursors
from dumbbell_server.listing.pages import page_of, page_size
from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.reports import queries, service
from dumbbell_server.reports.tables import ViewRow


@strawberry.type
class View:
    name: str
    type: str
    display_name: str | None
    description: str | None
    spec: JSONString
    created_at: DateTime
    updated_at: DateTime | None

    @strawberry.field
    def id(view: strawberry.Parent[ViewRow]) -> strawberry.ID:
        return strawberry.ID(ids.encode("View", view.id))

    @strawberry.field
    def user(view: strawberry.Parent[ViewRow], info: Info) -> UserRef | None:
        return info.context.get(UserRow, view.user_id)

    @strawberry.field
    def project(view: strawberry.Parent[ViewRow], info: Info) -> ProjectRef | None:
        return info.context.get(ProjectRow, view.project_id)


@strawberry.type
class ViewEdge:
    node: ViewRef | None
    cursor: str


@strawberry.type
class ViewConnection:
    edges: list[ViewEdge]
    page_info: PageInfo
    total_count: int | None


@strawberry.type
class ProjectViews:
    @strawberry.field
    def all_views(
        project: strawberry.Parent[ProjectRow], info: Info, view_type: str | None = None,
        view_name: str | None = None, user_name: str | None = None, first: int | None = None,
        after: str | None = None,
    ) -> ViewConnectionRef | None:
        """Views of one type, reports unless another is named, newest first."""
        size, session = page_size(first), info.context.session
        kind = view_type or service.REPORT
        chosen = (project.id, kind, view_name or None, user_name or None)
        rows = queries.newest(session, *chosen, cursors.number(after), size + 1)
        return page_of(rows, size, lambda view: view.id, queries.count(session, *chosen))


@strawberry.type
class ViewsQuery:
    @strawberry.field
    def view(self, info: Info, id: strawberry.ID) -> ViewRef | None:
        return service.find_by_id(info.context.session, info.context.viewer, id)


@strawberry.enum(name="ViewSource")
class ViewSource(Enum):
    """What wrote a view; sent by wandb-workspaces, kept by nobody."""

    WANDB_SDK = "WANDB_SDK"
    WANDB_UI = "WANDB_UI"


@strawberry.input
class UpsertViewInput:
    id: strawberry.ID | None = None
    entity_name: str | None = None
    project_name: str | None = None
    type: str | None = None
    name: str | None = None
    display_name: str | None = None
    description: str | None = None
    spec: str | None = None
    created_using: ViewSource | None = None
    client_mutation_id: str | None = None

    def edit(self) -> service.ViewEdit:
        return service.checked(service.ViewEdit(
            type=self.type, name=self.name, display_name=self.display_name, description=self.description,
            spec=self.spec))


@strawberry.type
class UpsertViewPayload:
    view: ViewRef | None
    inserted: bool | None
    client_mutation_id: str | None = None


@strawberry.input
class DeleteViewInput:
    id: strawberry.ID
    delete_drafts: bool | None = None
    client_mutation_id: str | None = None


@strawberry.type
class DeleteViewPayload:
    success: bool | None
    pending_drafts: bool | None
    client_mutation_id: str | None = None


@strawberry.type
class ViewsMutation:
    @strawberry.field
    def upsert_view(self, info: Info, input: UpsertViewInput) -> UpsertViewPayload | None:
        info.context.require_viewer()
        view, inserted = info.context.unit(service.upsert, node_id=input.id, entity=input.entity_name,
                                           project=input.project_name, edit=input.edit())
        return UpsertViewPayload(view=view, inserted=inserted, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_view(self, info: Info, input: DeleteViewInput) -> DeleteViewPayload | None:
        pending = info.context.unit(service.remove, input.id, drafts=bool(input.delete_drafts))
        return DeleteViewPayload(success=True, pending_drafts=pending, client_mutation_id=input.client_mutation_id)
