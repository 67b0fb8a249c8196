"""Rows of sweeps, of the agents that do their runs, and of what was given to whom."""

from sqlalchemy import BigInteger, Column, Index, Text, UniqueConstraint, false
from sqlmodel import Field, SQLModel

PENDING, RUNNING, PAUSED, FINISHED, CANCELED = "PENDING", "RUNNING", "PAUSED", "FINISHED", "CANCELED"
STATES = frozenset({PENDING, RUNNING, PAUSED, FINISHED, CANCELED})
CRASHED = "CRASHED"  # of an agent that was silent too long; else it is RUNNING, and FINISHED once it was sent away


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


class AgentRow(SQLModel, table=True):
    """A process that asks for runs of a sweep and does them."""

    __tablename__ = "sweep_agents"
    __table_args__ = (
        UniqueConstraint("sweep_id", "name"),
        {"sqlite_autoincrement": True},  # an agent that comes back must not be taken for another
    )

    id: int = Field(default=None, primary_key=True)
    sweep_id: int = Field(foreign_key="sweeps.id", ondelete="CASCADE")
    user_id: int
    name: str
    host: str
    state: str
    created_at: str
    heartbeat_at: str


class SweepRunRow(SQLModel, table=True):
    """A run that the sweep made: which combination of the grid it has, and which agent it was given to.

    Runs that joined the sweep otherwise have none: prior runs, and those of who only says `sweep` as they start.
    """

    __tablename__ = "sweep_runs"
    __table_args__ = (
        Index("sweep_runs_cells", "sweep_id", "cell"),
        Index("sweep_runs_of_agent", "agent_id"),
    )

    run_id: int = Field(foreign_key="runs.id", ondelete="CASCADE", primary_key=True)
    sweep_id: int = Field(foreign_key="sweeps.id", ondelete="CASCADE")
    agent_id: int | None = Field(default=None, foreign_key="sweep_agents.id", ondelete="CASCADE")  # None: in line
    # the combination's number in the grid of the sweep's config; None where no grid, or another config, made it
    cell: int | None = Field(default=None, sa_column=Column(BigInteger))
    sent: int = 0  # how often an agent was told of it
    ended: bool = Field(default=False, sa_column_kwargs={"server_default": false()})  # its agent has no more of it
    # its agent died with it: the combination was given again, or will be
    lost: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
