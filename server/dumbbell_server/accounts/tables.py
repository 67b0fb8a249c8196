"""Rows of users, keys, entities, organizations and who belongs where."""

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel


class UserRow(SQLModel, table=True):
    __tablename__ = "users"

    id: int = Field(default=None, primary_key=True)
    username: str = Field(unique=True)
    name: str
    email: str = Field(index=True)
    admin: bool = False
    service: bool = False
    default_entity_id: int | None = None
    created_at: str
    deleted_at: str | None = None


class EntityRow(SQLModel, table=True):
    """A namespace of projects: of a user, of a team, or an organization's own."""

    __tablename__ = "entities"

    id: int = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    kind: str  # user, team, organization; removed, which holds what is gone and whose rows still are there
    user_id: int | None = Field(default=None, index=True)
    organization_id: int | None = Field(default=None, index=True)
    created_at: str


class FormerNameRow(SQLModel, table=True):
    """Names that entities and projects had: ids that a client holds still name them."""

    __tablename__ = "former_names"
    __table_args__ = (UniqueConstraint("kind", "parent_id", "name"),)

    id: int = Field(default=None, primary_key=True)
    kind: str  # entity, project
    parent_id: int = 0  # a project's entity
    name: str
    target_id: int


class OrganizationRow(SQLModel, table=True):
    __tablename__ = "organizations"

    id: int = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    entity_id: int
    created_at: str


class MemberRow(SQLModel, table=True):
    """A user in a team."""

    __tablename__ = "members"
    __table_args__ = (UniqueConstraint("entity_id", "user_id"),)

    id: int = Field(default=None, primary_key=True)
    entity_id: int = Field(foreign_key="entities.id", ondelete="CASCADE")
    user_id: int = Field(foreign_key="users.id", ondelete="CASCADE", index=True)
    role: str  # admin, member, viewer


class OrganizationMemberRow(SQLModel, table=True):
    __tablename__ = "organization_members"
    __table_args__ = (UniqueConstraint("organization_id", "user_id"),)

    id: int = Field(default=None, primary_key=True)
    organization_id: int = Field(foreign_key="organizations.id", ondelete="CASCADE")
    user_id: int = Field(foreign_key="users.id", ondelete="CASCADE", index=True)
    role: str  # admin, member, viewer


class RegistryMemberRow(SQLModel, table=True):
    """A user in a registry, which is a project of an organization's entity."""

    __tablename__ = "registry_members"
    __table_args__ = (UniqueConstraint("project_id", "user_id"),)

    id: int = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", ondelete="CASCADE")
    entity_id: int = Field(foreign_key="entities.id", ondelete="CASCADE", index=True)  # the organization's
    user_id: int = Field(foreign_key="users.id", ondelete="CASCADE", index=True)
    role: str  # admin, member, viewer, restricted_viewer


class RegistryTeamRow(SQLModel, table=True):
    """A team in a registry: each who is in the team has the role."""

    __tablename__ = "registry_teams"
    __table_args__ = (UniqueConstraint("project_id", "team_id"),)

    id: int = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", ondelete="CASCADE")
    entity_id: int = Field(foreign_key="entities.id", ondelete="CASCADE", index=True)  # the organization's
    team_id: int = Field(foreign_key="entities.id", ondelete="CASCADE", index=True)
    role: str


class ApiKeyRow(SQLModel, table=True):
    """A key as its hash; `prefix` is what may be shown of it."""

    __tablename__ = "api_keys"

    id: int = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="users.id", ondelete="CASCADE", index=True)
    prefix: str
    digest: str = Field(unique=True)
    description: str | None = None
    created_at: str


class InviteRow(SQLModel, table=True):
    """An invitation by e-mail to somebody who has no account yet."""

    __tablename__ = "invites"
    __table_args__ = (UniqueConstraint("entity_id", "email"),)

    id: int = Field(default=None, primary_key=True)
    entity_id: int = Field(foreign_key="entities.id", ondelete="CASCADE")
    email: str = Field(index=True)
    role: str
    created_at: str
