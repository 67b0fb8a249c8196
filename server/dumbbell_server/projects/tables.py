"""Rows of projects."""

from sqlalchemy import BigInteger, Column, Index, UniqueConstraint, false
from sqlmodel import Field, SQLModel

from dumbbell_server.database.revisions import next_revision


class ProjectRow(SQLModel, table=True):
    __tablename__ = "projects"
    __table_args__ = (UniqueConstraint("entity_id", "name"), Index("projects_newest", "entity_id", "id"))

    id: int = Field(default=None, primary_key=True)
    entity_id: int = Field(foreign_key="entities.id", ondelete="CASCADE")
    user_id: int  # who made it
    name: str
    description: str | None = None
    access: str
    views: str | None = None
    repo: str | None = None
    docker_image: str | None = None
    framework: str | None = None
    is_benchmark: bool = False
    is_published: bool = False
    allow_all_artifact_types: bool = Field(default=False, sa_column_kwargs={"server_default": false()})  # a registry's
    runs_made: int = 0  # runs ever created, for the number in a generated name
    removal: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=False, default=next_revision(),
                                                               server_default="0"))  # stamp of when runs last went
    created_at: str
    updated_at: str
