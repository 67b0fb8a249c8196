"""Rows that belong to no domain."""

from sqlmodel import Field, SQLModel


class ServerStateRow(SQLModel, table=True):
    """What the server remembers of itself, such as the secret that signs URLs."""

    __tablename__ = "server_state"

    key: str = Field(primary_key=True)
    value: str


class OrphanRow(SQLModel, table=True):
    """A blob that nothing names any more. Removed after the unit that orphaned it, or at the next start."""

    __tablename__ = "orphans"

    key: str = Field(primary_key=True)
