"""What accounts let clients change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar, cast

import strawberry
from sqlalchemy.orm import Session

from dumbbell_server.accounts import organizations, service, teams
from dumbbell_server.accounts.access import actor_of_user
from dumbbell_server.accounts.graphql import ApiKey
from dumbbell_server.accounts.tables import ApiKeyRow, UserRow
from dumbbell_server.graph.context import Info
from dumbbell_server.graph.refs import EntityRef, UserRef
from dumbbell_server.graph.scalars import DateTime

T = TypeVar("T")


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


def write_accounts(info: Info, unit: Callable[[Session], T]) -> T:
    """Run a unit that changes accounts; afterwards nobody remembers old roles, this request included."""
    result = info.context.write(unit)
    forget_roles(info)
    return result


def forget_roles(info: Info) -> None:
    """After a unit that changed what somebody may do."""
    context = info.context
    service.changed(context.backend)
    user = context.get(UserRow, context.require_viewer().user_id)
    if user is not None:
        context.viewer = actor_of_user(context.session, user)


@strawberry.type
class AccountsMutation:
    @strawberry.mutation
    def create_team(self, info: Info, asked: Annotated[CreateTeamInput, strawberry.argument(name="input")],
                    ) -> CreateTeamPayload | None:
        actor, clock = info.context.require_viewer(), info.context.backend.clock
        team = write_accounts(info, lambda session: organizations.create_team(
            session, clock, actor, asked.team_name, asked.team_admin_user_name, asked.organization_name))
        return CreateTeamPayload(entity=team, client_mutation_id=asked.client_mutation_id)

    @strawberry.mutation
    def create_invite(self, info: Info, asked: Annotated[CreateInviteInput, strawberry.argument(name="input")],
                      ) -> CreateInvitePayload | None:
        actor, clock = info.context.require_viewer(), info.context.backend.clock
        made = write_accounts(info, lambda session: teams.create_invite(
            session, clock, actor, asked.entity_name, username=asked.username, email=asked.email,
            role=asked.role or ("admin" if asked.admin else None)))
        invite = Invite(id=strawberry.ID(made.node_id), name=made.user.name if made.user else made.email,
                        email=made.email, created_at=DateTime(made.created_at), to_user=made.user)
        return CreateInvitePayload(invite=invite, client_mutation_id=asked.client_mutation_id)

    @strawberry.mutation
    def delete_invite(self, info: Info, asked: Annotated[DeleteInviteInput, strawberry.argument(name="input")],
                      ) -> DeleteInvitePayload | None:
        actor, backend = info.context.require_viewer(), info.context.backend
        write_accounts(info, lambda session: teams.delete_invite(
            session, backend.events, backend.clock, actor, asked.id, asked.entity_name))
        return DeleteInvitePayload(success=True, client_mutation_id=asked.client_mutation_id)

    @strawberry.mutation
    def create_service_account(
        self, info: Info, asked: Annotated[CreateServiceAccountInput, strawberry.argument(name="input")],
    ) -> CreateServiceAccountPayload | None:
        actor, backend = info.context.require_viewer(), info.context.backend
        user = write_accounts(info, lambda session: teams.create_service_account(
            session, backend.clock, backend.signer, actor, asked.entity_name, asked.description))
        return CreateServiceAccountPayload(user=user, client_mutation_id=asked.client_mutation_id)

    @strawberry.mutation
    def create_user(self, info: Info, asked: Annotated[CreateUserInput, strawberry.argument(name="input")],
                    ) -> CreateUserPayload | None:
        actor, clock = info.context.require_viewer(), info.context.backend.clock
        user = write_accounts(info, lambda session: service.create_user_by_email(
            session, clock, actor, asked.email, admin=bool(asked.admin)))
        return CreateUserPayload(user=user, client_mutation_id=asked.client_mutation_id)

    @strawberry.mutation
    def generate_api_key(self, info: Info, asked: Annotated[GenerateApiKeyInput, strawberry.argument(name="input")],
                         ) -> GenerateApiKeyPayload | None:
        """The one answer in which `name` is the whole key."""
        actor, clock = info.context.require_viewer(), info.context.backend.clock
        row, key = write_accounts(info, lambda session: service.generate_key(session, clock, actor, asked.description))
        whole = ApiKeyRow(id=row.id, user_id=row.user_id, prefix=key, digest=row.digest, description=row.description,
                          created_at=row.created_at)  # never stored
        return GenerateApiKeyPayload(api_key=cast("ApiKey", whole), client_mutation_id=asked.client_mutation_id)

    @strawberry.mutation
    def delete_api_key(self, info: Info, asked: Annotated[DeleteApiKeyInput, strawberry.argument(name="input")],
                       ) -> DeleteApiKeyPayload | None:
        actor = info.context.require_viewer()
        write_accounts(info, lambda session: service.delete_key(session, actor, asked.id))
        return DeleteApiKeyPayload(success=True, client_mutation_id=asked.client_mutation_id)

    @strawberry.mutation
    def update_user(self, info: Info, asked: Annotated[UpdateUserInput, strawberry.argument(name="input")],
                    ) -> UpdateUserPayload | None:
        actor = info.context.require_viewer()
        user = write_accounts(info, lambda session: service.update_user(
            session, actor, default_entity=asked.default_entity, name=asked.name))
        return UpdateUserPayload(user=user, client_mutation_id=asked.client_mutation_id)

    @strawberry.mutation
    def rename_entity(self, info: Info, asked: Annotated[RenameEntityInput, strawberry.argument(name="input")],
                      ) -> RenameEntityPayload | None:
        actor, events = info.context.require_viewer(), info.context.backend.events
        entity = write_accounts(info, lambda session: service.rename_entity(
            session, events, actor, asked.entity_name, asked.new_name))
        return RenameEntityPayload(entity=entity, client_mutation_id=asked.client_mutation_id)
