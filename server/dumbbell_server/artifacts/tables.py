"""Rows of artifacts: types, collections, versions, and where versions are members."""

from sqlalchemy import BigInteger, Column, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from dumbbell_server.database.revisions import revision_column

PENDING = "PENDING"
COMMITTED = "COMMITTED"
DELETED = "DELETED"
READY = "READY"  # of a collection
SEQUENCE = "sequence"
PORTFOLIO = "portfolio"

_UNFINISHED = text("state = 'PENDING'")
_EXPIRES = text("expires_at IS NOT NULL")


class ArtifactTypeRow(SQLModel, table=True):
    __tablename__ = "artifact_types"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: int = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", ondelete="CASCADE")
    name: str
    description: str | None = None
    collection_count: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # counted as they come and go
    created_at: str


class CollectionRow(SQLModel, table=True):
    """A name under which versions are counted: where they are logged to (sequence) or linked to (portfolio)."""

    __tablename__ = "artifact_collections"
    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        Index("artifact_collections_newest", "project_id", "id"),
        Index("artifact_collections_of_type", "type_id", "id"),
        # an id is never used again: clients hold it in references
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", ondelete="CASCADE")
    type_id: int = Field(foreign_key="artifact_types.id", ondelete="CASCADE")
    user_id: int  # who made it
    kind: str  # sequence, portfolio
    name: str
    description: str | None = None
    state: str = READY  # DELETED in the answer that says so; the row is gone then
    next_version: int = 0  # a number is never used again
    version_count: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # of the members that are left
    created_at: str
    updated_at: str


class ArtifactRow(SQLModel, table=True):
    """A version. It has files, and a number in its collection, once it is committed."""

    __tablename__ = "artifacts"
    __table_args__ = (
        Index("artifacts_by_digest", "sequence_id", "digest"),
        Index("artifacts_distributed", "sequence_id", "distributed_id"),
        Index("artifacts_unfinished", "project_id", "created_at", sqlite_where=_UNFINISHED,
              postgresql_where=_UNFINISHED),
        Index("artifacts_expiring", "expires_at", sqlite_where=_EXPIRES, postgresql_where=_EXPIRES),
        {"sqlite_autoincrement": True},  # as above; and a signed URL of a deleted version must not reach another
    )

    id: int = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", ondelete="CASCADE")
    sequence_id: int = Field(foreign_key="artifact_collections.id", ondelete="CASCADE")
    run_id: int | None = Field(default=None, foreign_key="runs.id", ondelete="SET NULL", index=True)
    user_id: int
    state: str
    version_index: int | None = None
    digest: str
    digest_algorithm: str = "MANIFEST_MD5"
    description: str | None = None
    metadata_json: str | None = Field(default=None, sa_column=Column("metadata", Text))
    labels: str | None = None
    size: int = Field(default=0, sa_type=BigInteger)
    file_count: int = 0
    commit_hash: str | None = None
    history_step: int | None = Field(default=None, sa_type=BigInteger)
    ttl_seconds: int = Field(default=-1, sa_type=BigInteger)  # -1 inherits, -2 never expires
    expires_at: str | None = None
    storage_region: str | None = None
    distributed_id: str | None = None
    wanted_aliases: str = "[]"  # JSON pairs of collection and alias, until it is committed
    created_at: str
    updated_at: str


class ClientIdRow(SQLModel, table=True):
    """What a client called a version, or its sequence, before it had an id: each process calls them again."""

    __tablename__ = "artifact_client_ids"

    client_id: str = Field(primary_key=True)
    artifact_id: int | None = Field(default=None, foreign_key="artifacts.id", ondelete="CASCADE", index=True)
    collection_id: int | None = Field(default=None, foreign_key="artifact_collections.id", ondelete="CASCADE",
                                      index=True)


class ArtifactTagRow(SQLModel, table=True):
    __tablename__ = "artifact_tags"
    __table_args__ = (UniqueConstraint("artifact_id", "name"),)

    id: int = Field(default=None, primary_key=True)
    artifact_id: int = Field(foreign_key="artifacts.id", ondelete="CASCADE")
    name: str


class CollectionTagRow(SQLModel, table=True):
    __tablename__ = "artifact_collection_tags"
    __table_args__ = (UniqueConstraint("collection_id", "name"),)

    id: int = Field(default=None, primary_key=True)
    collection_id: int = Field(foreign_key="artifact_collections.id", ondelete="CASCADE")
    name: str


class MembershipRow(SQLModel, table=True):
    """A version in a collection, under that collection's own number: its source has one too."""

    __tablename__ = "artifact_memberships"
    __table_args__ = (
        UniqueConstraint("collection_id", "version_index"),
        UniqueConstraint("artifact_id", "collection_id"),
        Index("artifact_memberships_changed", "revision"),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    collection_id: int = Field(foreign_key="artifact_collections.id", ondelete="CASCADE")
    artifact_id: int = Field(foreign_key="artifacts.id", ondelete="CASCADE")
    version_index: int
    created_at: str
    revision: int | None = Field(default=None, sa_column=revision_column())  # of it, its aliases, its version and tags


class AliasRow(SQLModel, table=True):
    """A name for one version of a collection. `vN` is none: it follows from the number."""

    __tablename__ = "artifact_aliases"
    __table_args__ = (UniqueConstraint("collection_id", "name"),)

    id: int = Field(default=None, primary_key=True)
    collection_id: int = Field(foreign_key="artifact_collections.id", ondelete="CASCADE")
    membership_id: int = Field(foreign_key="artifact_memberships.id", ondelete="CASCADE", index=True)
    name: str


class UseRow(SQLModel, table=True):
    """A run made a version, or took it in."""

    __tablename__ = "artifact_uses"
    __table_args__ = (UniqueConstraint("run_id", "kind", "artifact_id"),
                      Index("artifact_uses_by_artifact", "artifact_id", "kind"))

    id: int = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="runs.id", ondelete="CASCADE")
    artifact_id: int = Field(foreign_key="artifacts.id", ondelete="CASCADE")
    kind: str  # input, output
    used_as: str | None = None
    created_at: str
