"""What accounts let clients change in organizations. No client of the time sends these: the names are ours."""

from __future__ import annotations

from typing import Annotated

import strawberry

from dumbbell_server.accounts import organizations
from dumbbell_server.accounts.mutations import write_accounts
from dumbbell_server.accounts.teams import user_named
from dumbbell_server.blobs.garbage import delete_orphaned_blobs
from dumbbell_server.graph.context import Info
from dumbbell_server.graph.refs import OrganizationRef


@strawberry.input
class CreateOrganizationInput:
    name: str
    client_mutation_id: str | None = None


@strawberry.input
class DeleteOrganizationInput:
    name: str
    client_mutation_id: str | None = None


@strawberry.input
class UpsertOrganizationMemberInput:
    organization_name: str
    username: str
    role: str | None = None  # admin, member or viewer
    client_mutation_id: str | None = None


@strawberry.input
class DeleteOrganizationMemberInput:
    organization_name: str
    username: str
    client_mutation_id: str | None = None


@strawberry.type
class OrganizationPayload:
    organization: OrganizationRef | None
    client_mutation_id: str | None


@strawberry.type
class DeleteOrganizationPayload:
    success: bool | None
    client_mutation_id: str | None


@strawberry.type
class OrganizationsMutation:
    @strawberry.mutation
    def create_organization(
        self, info: Info, asked: Annotated[CreateOrganizationInput, strawberry.argument(name="input")],
    ) -> OrganizationPayload | None:
        actor, clock = info.context.require_viewer(), info.context.backend.clock
        made = write_accounts(info, lambda session: organizations.create_organization(
            session, clock, asked.name, user_named(session, actor.username)))
        return OrganizationPayload(organization=made, client_mutation_id=asked.client_mutation_id)

    @strawberry.mutation
    def delete_organization(
        self, info: Info, asked: Annotated[DeleteOrganizationInput, strawberry.argument(name="input")],
    ) -> DeleteOrganizationPayload | None:
        actor, backend = info.context.require_viewer(), info.context.backend
        write_accounts(info, lambda session: organizations.dissolve(
            session, backend.events, backend.clock, actor, asked.name))
        delete_orphaned_blobs(backend.database, backend.blobs)
        return DeleteOrganizationPayload(success=True, client_mutation_id=asked.client_mutation_id)

    @strawberry.mutation
    def upsert_organization_member(
        self, info: Info, asked: Annotated[UpsertOrganizationMemberInput, strawberry.argument(name="input")],
    ) -> OrganizationPayload | None:
        """The user is in the organization with this role, at once."""
        actor = info.context.require_viewer()
        organization = write_accounts(info, lambda session: organizations.set_member(
            session, actor, asked.organization_name, asked.username, asked.role))
        return OrganizationPayload(organization=organization, client_mutation_id=asked.client_mutation_id)

    @strawberry.mutation
    def delete_organization_member(
        self, info: Info, asked: Annotated[DeleteOrganizationMemberInput, strawberry.argument(name="input")],
    ) -> OrganizationPayload | None:
        actor = info.context.require_viewer()
        organization = write_accounts(info, lambda session: organizations.remove_member(
            session, actor, asked.organization_name, asked.username))
        return OrganizationPayload(organization=organization, client_mutation_id=asked.client_mutation_id)
