"""Rows that belong to no domain."""

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel


class ServerStateRow(SQLModel, table=True):
    """What the server remembers of itself, such as the secret that signs URLs."""

    __tablename__ = "server_state"

    key: str = Field(primary_key=True)
    value: str


class RemovalRow(SQLModel, table=True):
    """Something large that is gone for everybody, and whose rows are still being removed. See blobs/removal.py."""

    __tablename__ = "removals"
    __table_args__ = (UniqueConstraint("kind", "target"),)

    id: int = Field(default=None, primary_key=True)
    kind: str
    target: int


class OrphanRow(SQLModel, table=True):
    """A blob that nothing names any more. Removed after the unit that orphaned it, or at the next start."""

    __tablename__ = "orphans"

    key: str = Field(primary_key=True)
