"""What accounts let clients change. No client of the time sends those of organizations: the names are ours."""

from typing import cast

import strawberry

from dumbbell_server.accounts import organizations, service, teams
from dumbbell_server.accounts.graphql import ApiKey
from dumbbell_server.accounts.tables import ApiKeyRow
from dumbbell_server.graph.context import Info
from dumbbell_server.graph.refs import EntityRef, OrganizationRef, UserRef
from dumbbell_server.graph.scalars import DateTime


@strawberry.input
class CreateTeamInput:
    team_name: str
    team_admin_user_name: str | None = None
    organization_name: str | None = None  # no client sends it: a team in an organization is ours
    client_mutation_id: str | None = None


@strawberry.type
class CreateTeamPayload:
    entity: EntityRef | None
    client_mutation_id: str | None


@strawberry.input
class CreateInviteInput:
    entity_name: str
    email: str | None = None
    username: str | None = None
    admin: bool | None = None
    role: str | None = None  # no client sends it: `admin` cannot say viewer
    client_mutation_id: str | None = None


@strawberry.type
class Invite:
    id: strawberry.ID
    name: str
    email: str | None
    created_at: DateTime | None
    to_user: UserRef | None


@strawberry.type
class CreateInvitePayload:
    invite: Invite | None
    client_mutation_id: str | None


@strawberry.input
class DeleteInviteInput:
    id: str | None = None
    entity_name: str | None = None
    client_mutation_id: str | None = None


@strawberry.type
class DeleteInvitePayload:
    success: bool | None
    client_mutation_id: str | None


@strawberry.input
class CreateServiceAccountInput:
    entity_name: str
    description: str
    client_mutation_id: str | None = None


@strawberry.type
class CreateServiceAccountPayload:
    user: UserRef | None
    client_mutation_id: str | None


@strawberry.input
class CreateUserInput:
    email: str | None = None
    admin: bool | None = None
    client_mutation_id: str | None = None


@strawberry.type
class CreateUserPayload:
    user: UserRef | None
    client_mutation_id: str | None


@strawberry.input
class GenerateApiKeyInput:
    description: str | None = None
    client_mutation_id: str | None = None


@strawberry.type
class GenerateApiKeyPayload:
    api_key: ApiKey | None
    client_mutation_id: str | None


@strawberry.input
class DeleteApiKeyInput:
    id: str
    client_mutation_id: str | None = None


@strawberry.type
class DeleteApiKeyPayload:
    success: bool | None
    client_mutation_id: str | None


@strawberry.input
class UpdateUserInput:
    default_entity: str | None = None
    name: str | None = None
    client_mutation_id: str | None = None


@strawberry.type
class UpdateUserPayload:
    user: UserRef | None
    client_mutation_id: str | None


@strawberry.input
class RenameEntityInput:
    entity_name: str
    new_name: str
    client_mutation_id: str | None = None


@strawberry.type
class RenameEntityPayload:
    entity: EntityRef | None
    client_mutation_id: str | None


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
class AccountsMutation:
    @strawberry.field
    def create_team(self, info: Info, input: CreateTeamInput) -> CreateTeamPayload | None:
        team = info.context.unit(organizations.create_team, input.team_name, input.team_admin_user_name,
                                 input.organization_name)
        return CreateTeamPayload(entity=team, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def create_invite(self, info: Info, input: CreateInviteInput) -> CreateInvitePayload | None:
        role = input.role or ("admin" if input.admin else None)
        made = info.context.unit(teams.create_invite, input.entity_name, username=input.username, email=input.email,
                                 role=role)
        invite = Invite(id=strawberry.ID(made.node_id), name=made.user.name if made.user else made.email,
                        email=made.email, created_at=DateTime(made.created_at), to_user=made.user)
        return CreateInvitePayload(invite=invite, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_invite(self, info: Info, input: DeleteInviteInput) -> DeleteInvitePayload | None:
        info.context.unit(teams.delete_invite, input.id, input.entity_name)
        return DeleteInvitePayload(success=True, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def create_service_account(self, info: Info, input: CreateServiceAccountInput,
                               ) -> CreateServiceAccountPayload | None:
        user = info.context.unit(teams.create_service_account, info.context.backend.signer, input.entity_name,
                                 input.description)
        return CreateServiceAccountPayload(user=user, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def create_user(self, info: Info, input: CreateUserInput) -> CreateUserPayload | None:
        user = info.context.unit(service.create_user_by_email, input.email, admin=bool(input.admin))
        return CreateUserPayload(user=user, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def generate_api_key(self, info: Info, input: GenerateApiKeyInput) -> GenerateApiKeyPayload | None:
        """The one answer in which `name` is the whole key."""
        row, key = info.context.unit(service.generate_key, input.description)
        whole = ApiKeyRow(id=row.id, user_id=row.user_id, prefix=key, digest=row.digest, description=row.description,
                          created_at=row.created_at)  # never stored
        return GenerateApiKeyPayload(api_key=cast("ApiKey", whole), client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_api_key(self, info: Info, input: DeleteApiKeyInput) -> DeleteApiKeyPayload | None:
        info.context.unit(service.delete_key, input.id)
        return DeleteApiKeyPayload(success=True, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def update_user(self, info: Info, input: UpdateUserInput) -> UpdateUserPayload | None:
        user = info.context.unit(service.update_user, default_entity=input.default_entity, name=input.name)
        return UpdateUserPayload(user=user, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def rename_entity(self, info: Info, input: RenameEntityInput) -> RenameEntityPayload | None:
        entity = info.context.unit(service.rename_entity, input.entity_name, input.new_name)
        return RenameEntityPayload(entity=entity, client_mutation_id=input.client_mutation_id)


@strawberry.type
class OrganizationsMutation:
    @strawberry.field
    def create_organization(self, info: Info, input: CreateOrganizationInput) -> OrganizationPayload | None:
        made = info.context.unit(organizations.create_organization, input.name)
        return OrganizationPayload(organization=made, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_organization(self, info: Info, input: DeleteOrganizationInput) -> DeleteOrganizationPayload | None:
        info.context.unit(organizations.dissolve, input.name)
        return DeleteOrganizationPayload(success=True, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def upsert_organization_member(self, info: Info, input: UpsertOrganizationMemberInput,
                                   ) -> OrganizationPayload | None:
        """The user is in the organization with this role, at once."""
        organization = info.context.unit(organizations.set_member, input.organization_name, input.username, input.role)
        return OrganizationPayload(organization=organization, client_mutation_id=input.client_mutation_id)

    @strawberry.field
    def delete_organization_member(self, info: Info, input: DeleteOrganizationMemberInput,
                                   ) -> OrganizationPayload | None:
        organization = info.context.unit(organizations.remove_member, input.organization_name, input.username)
        return OrganizationPayload(organization=organization, client_mutation_id=input.client_mutation_id)
