"""What accounts add to the schema."""

from __future__ import annotations

from typing import cast

import strawberry

from dumbbell_server import ids
from dumbbell_server.accounts import queries
from dumbbell_server.accounts.access import visible_entity
from dumbbell_server.accounts.features import FEATURES
from dumbbell_server.accounts.tables import ApiKeyRow, EntityRow, UserRow
from dumbbell_server.graph.context import Info
from dumbbell_server.graph.refs import EntityRef, UserRef
from dumbbell_server.graph.scalars import JSON, DateTime, Int64, JSONString


@strawberry.type
class ApiKey:
    description: str | None

    @strawberry.field
    def id(key: strawberry.Parent[ApiKeyRow]) -> strawberry.ID:
        return strawberry.ID(ids.encode("ApiKey", key.id or 0))

    @strawberry.field
    def name(key: strawberry.Parent[ApiKeyRow]) -> str:
        return key.prefix


@strawberry.type
class UserCore:
    name: str
    username: str
    email: str
    admin: bool
    created_at: DateTime
    deleted_at: DateTime | None

    @strawberry.field
    def id(user: strawberry.Parent[UserRow]) -> strawberry.ID:
        return strawberry.ID(ids.encode("User", user.id or 0))

    @strawberry.field
    def entity(user: strawberry.Parent[UserRow], info: Info) -> str | None:
        home = info.context.get(EntityRow, user.default_entity_id)
        return home.name if home else user.username

    @strawberry.field
    def flags(user: strawberry.Parent[UserRow]) -> JSONString:
        # code saving is off by default: else a plain run uploads more than its five files (behaviours.md 2.5)
        return JSONString('{"code_saving_enabled":false}')


@strawberry.type
class AccountsQuery:
    @strawberry.field
    def viewer(self, info: Info) -> UserRef | None:
        visitor = info.context.visitor
        return info.context.get(UserRow, visitor.user_id) if visitor else None
