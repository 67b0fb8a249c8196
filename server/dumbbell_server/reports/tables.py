"""Rows of views."""

from sqlalchemy import Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel


class ViewRow(SQLModel, table=True):
    """A report or a saved workspace. `spec` is the JSON as its editor wrote it."""

    __tablename__ = "views"
    __table_args__ = (
        UniqueConstraint("project_id", "type", "name"),
        Index("views_newest", "project_id", "type", "id"),
        {"sqlite_autoincrement": True},  # an id stands in links: it must not come to mean another view
    )

    id: int = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", ondelete="CASCADE")
    user_id: int
    type: str  # "runs" is a report, "runs/draft" a draft of one, "project-view" a saved workspace
    name: str
    display_name: str | None = None
    description: str | None = Field(default=None, sa_column=Column(Text))
    spec: str = Field(sa_column=Column(Text, nullable=False))
    created_at: str
    updated_at: str
