"""Rows of sweeps."""

from sqlalchemy import Column, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

PENDING, RUNNING, PAUSED, FINISHED, CANCELED = "PENDING", "RUNNING", "PAUSED", "FINISHED", "CANCELED"
STATES = frozenset({PENDING, RUNNING, PAUSED, FINISHED, CANCELED})


class SweepRow(SQLModel, table=True):
    """A sweep. `config` is the YAML as the client sent it; what follows it was read from there."""

    __tablename__ = "sweeps"
    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        {"sqlite_autoincrement": True},  # an id that a client holds must not come to mean another sweep
    )

    id: int = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", ondelete="CASCADE")
    user_id: int
    name: str  # the short id in links; its runs bear it as their sweep_name
    state: str
    description: str | None = Field(default=None, sa_column=Column(Text))
    given_name: str | None = None  # by whoever edits the sweep; wins over the name in the config
    controller: str | None = Field(default=None, sa_column=Column(Text))  # JSON of a local controller
    scheduler: str | None = Field(default=None, sa_column=Column(Text))
    config: str = Field(sa_column=Column(Text, nullable=False))
    method: str
    config_name: str | None = None
    metric: str | None = None
    maximize: bool = False
    run_count_expected: int | None = None  # None where there is no end
    created_at: str
    updated_at: str
    heartbeat_at: str | None = None
