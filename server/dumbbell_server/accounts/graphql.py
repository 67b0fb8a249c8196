"""What accounts add to the schema: users, entities, organizations and who may see what of them."""

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any, cast

import strawberry

from dumbbell_server import ids
from dumbbell_server.accounts import queries
from dumbbell_server.accounts.access import administers, belongs, is_shown, visible_entity
from dumbbell_server.accounts.features import FEATURES
from dumbbell_server.accounts.names import is_entity_name
from dumbbell_server.accounts.tables import ApiKeyRow, EntityRow, OrganizationRow, UserRow
from dumbbell_server.accounts.teams import key_purpose
from dumbbell_server.graph.context import Context, Info
from dumbbell_server.graph.refs import EntityRef, OrganizationRef, UserRef
from dumbbell_server.graph.scalars import JSON, DateTime, Int64, JSONString, compact
from dumbbell_server.identity import Actor

_NOBODY, _SOMEBODY = "nobody", "somebody"  # what kind of entity has a name that is no entity for who asks
_MOST_FOUND = 100  # users that one search answers with
_VERSION = "0.90.0"  # at least 0.81.4, else clients take us for an old server (docs/protocol/graphql.md#server-info)


def _always(kind: Any, value: object) -> Any:
    """A field that says the same of every row."""
    def resolver() -> Any:
        return value
    resolver.__annotations__["return"] = kind
    return strawberry.field(resolver=resolver)


@strawberry.type
class ApiKey:
    description: str | None

    @strawberry.field
    def id(key: strawberry.Parent[ApiKeyRow]) -> strawberry.ID:
        return strawberry.ID(ids.encode("ApiKey", key.id))

    @strawberry.field
    def name(key: strawberry.Parent[ApiKeyRow]) -> str:
        return key.prefix


@strawberry.type
class ApiKeyEdge:
    node: ApiKey | None


@strawberry.type
class ApiKeyConnection:
    edges: list[ApiKeyEdge]


@strawberry.type
class UserEdge:
    node: UserRef | None


@strawberry.type
class UserConnection:
    edges: list[UserEdge]


@strawberry.type
class EntityEdge:
    node: EntityRef | None


@strawberry.type
class EntityConnection:
    edges: list[EntityEdge]


@strawberry.type
class UserCore:
    @classmethod
    def is_type_of(cls, row: object, _info: object) -> bool:
        return isinstance(row, UserRow)

    name: str
    username: str | None
    admin: bool | None
    created_at: DateTime
    deleted_at: DateTime | None
    photo_url: str | None = _always(str | None, None)

    @strawberry.field
    def id(user: strawberry.Parent[UserRow]) -> strawberry.ID:
        return strawberry.ID(ids.encode("User", user.id))

    @strawberry.field
    def email(user: strawberry.Parent[UserRow], info: Info) -> str | None:
        """Not for those without a key, who come upon users through public projects."""
        return user.email if info.context.viewer else None

    @strawberry.field
    def entity(user: strawberry.Parent[UserRow], info: Info) -> str | None:
        default = info.context.get(EntityRow, user.default_entity_id)
        return default.name if default else user.username

    @strawberry.field
    def flags(user: strawberry.Parent[UserRow]) -> JSONString | None:
        # no code_saving_enabled: with false, too, it outvotes the script (docs/protocol/graphql.md#viewer)
        return JSONString(compact({}))

    @strawberry.field
    def api_keys(user: strawberry.Parent[UserRow], info: Info) -> ApiKeyConnection | None:
        """The asker's own; nobody sees another's."""
        viewer = info.context.viewer
        own = viewer is not None and viewer.user_id == user.id
        keys = queries.keys_of(info.context.session, user.id) if own else []
        return ApiKeyConnection(edges=[ApiKeyEdge(node=cast("ApiKey", key)) for key in keys])

    @strawberry.field
    def teams(user: strawberry.Parent[UserRow], info: Info) -> EntityConnection | None:
        """The personal entity, then the teams: of another user those that the asker is in as well."""
        personal = queries.entity_of_user(info.context.session, user.id)
        teams = [team for team in queries.teams_of_user(info.context.session, user.id)
                 if belongs(info.context.viewer, team)]
        return EntityConnection(edges=[EntityEdge(node=entity) for entity in [personal, *teams] if entity])

    @strawberry.field
    def organizations(user: strawberry.Parent[UserRow], info: Info) -> list[OrganizationRef]:
        """Those that the user is in and the asker may see."""
        return [organization for organization in queries.organizations_of_user(info.context.session, user.id)
                if _sees(info.context, organization)]


@strawberry.type
class Member:
    """Somebody in a team, or who was invited to it."""

    id: str | None
    name: str
    role: str | None
    admin: bool | None
    username: str | None
    email: str | None
    account_type: str | None = "USER"
    pending: bool | None = False
    photo_url: str | None = None
    api_key: str | None = None


def _member(context: Context, user: UserRow, role: str, *, with_key: bool = False) -> Member:
    key = context.backend.signer.derive(key_purpose(user.id)) if user.service and with_key else None
    return Member(id=ids.encode("User", user.id), name=user.name, role=role, admin=role == "admin",
                  username=user.username, email=user.email, account_type="SERVICE" if user.service else "USER",
                  api_key=key)


def _team_members(context: Context, team: EntityRow) -> list[Member]:
    with_key = administers(context.require_viewer(), team)
    members = [_member(context, user, role, with_key=with_key)
               for user, role in queries.members_of(context.session, team.id)]
    invited = [Member(id=ids.encode("Invite", invite.id), name=invite.email, role=invite.role,
                      admin=invite.role == "admin", username=None, email=invite.email, pending=True)
                  for invite in queries.invites_of(context.session, team.id)]
    return members + invited


def _organization_members(context: Context, organization_id: int) -> list[Member]:
    return [_member(context, user, role)
            for user, role in queries.organization_members_of(context.session, organization_id)]


def _sees(context: Context, organization: OrganizationRow) -> bool:
    """Whether the asker is in the organization, or an instance admin."""
    viewer = context.viewer
    return viewer is not None and (viewer.admin or organization.id in viewer.organizations)


@strawberry.type
class EntityCore:
    name: str
    created_at: DateTime
    photo_url: str | None = _always(str | None, None)
    limits: JSONString | None = _always(JSONString | None, compact({}))
    read_only_admin: bool = _always(bool, value=False)
    private_only: bool = _always(bool, value=False)
    storage_bytes: Int64 = _always(Int64, 0)
    code_saving_enabled: bool = _always(bool, value=False)
    default_access: str = _always(str, "PRIVATE")
    is_paid: bool | None = _always(bool | None, value=True)
    xxhash_digests_enabled: bool = _always(bool, value=False)

    @strawberry.field
    def id(entity: strawberry.Parent[EntityRow]) -> strawberry.ID:
        return strawberry.ID(ids.encode("Entity", entity.id))

    @strawberry.field
    def available(entity: strawberry.Parent[EntityRow]) -> bool | None:
        """Whether nobody is called so."""
        return entity.kind == _NOBODY

    @strawberry.field
    def is_team(entity: strawberry.Parent[EntityRow]) -> bool:
        return entity.kind == "team"

    @strawberry.field
    def entity_type(entity: strawberry.Parent[EntityRow]) -> str | None:
        return entity.kind if entity.id else None

    @strawberry.field
    def read_only(entity: strawberry.Parent[EntityRow], info: Info) -> bool | None:
        """Whether the asker, who is no member, may only look."""
        return not belongs(info.context.viewer, entity)

    @strawberry.field
    def members(entity: strawberry.Parent[EntityRow], info: Info) -> list[Member]:
        """Everybody in it, for those who are in it; nobody for others."""
        context = info.context
        if not belongs(context.viewer, entity):
            return []
        if entity.kind == "organization":
            return _organization_members(context, entity.organization_id or 0)
        if entity.kind == "team":
            return _team_members(context, entity)
        owner = context.get(UserRow, entity.user_id)
        return [_member(context, owner, "admin")] if owner else []

    @strawberry.field
    def user(entity: strawberry.Parent[EntityRow], info: Info) -> UserRef | None:
        return info.context.get(UserRow, entity.user_id)

    @strawberry.field
    def organization(entity: strawberry.Parent[EntityRow], info: Info) -> OrganizationRef | None:
        """What the team is part of, for those in the team or in the organization."""
        organization = info.context.get(OrganizationRow, entity.organization_id)
        if organization is None:
            return None
        return organization if belongs(info.context.viewer, entity) or _sees(info.context, organization) else None


@strawberry.type
class AdvancedRegistryFeatures:
    advanced_search: bool


@strawberry.type
class FeatureFlag:
    ramp_key: str
    is_enabled: bool


@strawberry.enum(name="RampIDType")
class RampIDType(Enum):
    OrgName = "OrgName"


@strawberry.type
class OrganizationCore:
    name: str
    core_weave_organization_id: str | None = _always(str | None, None)

    @strawberry.field
    def id(organization: strawberry.Parent[OrganizationRow]) -> strawberry.ID:
        return strawberry.ID(ids.encode("Organization", organization.id))

    @strawberry.field
    def org_entity(organization: strawberry.Parent[OrganizationRow], info: Info) -> EntityRef | None:
        return info.context.get(EntityRow, organization.entity_id)

    @strawberry.field
    def advanced_registry_features(
        organization: strawberry.Parent[OrganizationRow],
    ) -> AdvancedRegistryFeatures | None:
        return AdvancedRegistryFeatures(advanced_search=True)

    @strawberry.field
    def feature_flags(
        organization: strawberry.Parent[OrganizationRow],
        ramp_id_type: Annotated[RampIDType | None, strawberry.argument(name="rampIDType")] = None,  # noqa: ARG002
    ) -> list[FeatureFlag | None] | None:
        """None: a flag that is missing is on (docs/protocol/behaviours.md#registries)."""
        return []

    @strawberry.field
    def members(organization: strawberry.Parent[OrganizationRow], info: Info) -> list[Member]:
        """Everybody in it, for those who are in it."""
        if not _sees(info.context, organization):
            return []
        return _organization_members(info.context, organization.id)

    @strawberry.field
    def teams(organization: strawberry.Parent[OrganizationRow], info: Info) -> list[EntityRef]:
        """Its teams, for those who are in it."""
        if not _sees(info.context, organization):
            return []
        teams: Sequence[EntityRow] = queries.teams_of_organization(info.context.session, organization.id)
        return list(teams)


@strawberry.type
class LocalVersionInfo:
    out_of_date: bool
    latest_version_string: str
    version_on_this_instance_string: str


@strawberry.type
class ServerFeature:
    name: str
    is_enabled: bool


@strawberry.type
class ServerInfo:
    cli_version_info: JSON | None
    latest_local_version_info: LocalVersionInfo | None
    features: list[ServerFeature | None]


def _server_info() -> ServerInfo:
    return ServerInfo(
        cli_version_info=JSON({"max_cli_version": "0.999.0", "min_cli_version": "0.10.0"}),
        latest_local_version_info=LocalVersionInfo(
            out_of_date=False, latest_version_string=_VERSION, version_on_this_instance_string=_VERSION),
        features=[ServerFeature(name=name, is_enabled=enabled) for name, enabled in FEATURES.items()],
    )


def _is_shown(context: Context, viewer: Actor, entity: EntityRow) -> bool:
    """Whether the viewer may know of the entity: of a service account's its team does."""
    if entity.kind == "organization":
        return belongs(viewer, entity)
    user = context.get(UserRow, entity.user_id)
    return user is None or is_shown(context.session, viewer, user)


def _of_no_entity(context: Context, name: str) -> EntityRow:
    """What says of a name whether it is free, and has nothing else: docs/protocol/graphql.md#names-that-are-free."""
    free = is_entity_name(name) and queries.is_free(context.session, name)
    return EntityRow(id=0, name=name, kind=_NOBODY if free else _SOMEBODY, created_at=context.backend.clock.text())


@strawberry.type
class AccountsQuery:
    @strawberry.field
    def viewer(self, info: Info) -> UserRef | None:
        viewer = info.context.viewer
        return info.context.get(UserRow, viewer.user_id) if viewer else None

    @strawberry.field
    def server_info(self) -> ServerInfo | None:
        """The same for everybody, with a key or without."""
        return _server_info()

    @strawberry.field
    def entity(self, info: Info, name: str | None = None) -> EntityRef | None:
        """Users and teams for whoever has a key, an organization's own entity for its members."""
        viewer = info.context.viewer
        if viewer is None:
            return None
        entity = visible_entity(info.context.session, viewer, name)
        if entity is not None and _is_shown(info.context, viewer, entity):
            return entity
        return _of_no_entity(info.context, name) if name else None

    @strawberry.field
    def organization(self, info: Info, name: str) -> OrganizationRef | None:
        organization = queries.organization_by_name(info.context.session, name)
        return organization if organization is not None and _sees(info.context, organization) else None

    @strawberry.field
    def users(self, info: Info, query: str | None = None) -> UserConnection | None:
        """Who is so called; without a query everybody for instance admins, for others themselves.

        Service accounts are found by their team.
        """
        actor = info.context.require_viewer()
        text = query or (None if actor.admin else actor.username)
        teams = None if actor.admin else [*actor.roles]
        rows = queries.search_users(info.context.session, text, _MOST_FOUND, teams)
        return UserConnection(edges=[UserEdge(node=row) for row in rows])
