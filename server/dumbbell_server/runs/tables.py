"""Rows of runs."""

from sqlalchemy import Column, Index, Text, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel

from dumbbell_server.database.revisions import revision_column

LIVE = "state IN ('running', 'preempting')"


class RunRow(SQLModel, table=True):
    """A run. `config` and `summary_metrics` are the text as the client sent it, bare NaN and all."""

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        Index("runs_newest", "project_id", "id"),
        Index("runs_forks", "project_id", "parent_name", sqlite_where=text("parent_name IS NOT NULL"),
              postgresql_where=text("parent_name IS NOT NULL")),
        Index("runs_of_sweep", "project_id", "sweep_name", sqlite_where=text("sweep_name IS NOT NULL"),
              postgresql_where=text("sweep_name IS NOT NULL")),
        Index("runs_changed", "project_id", "revision"),
        Index("runs_live", "heartbeat_at", sqlite_where=text(LIVE), postgresql_where=text(LIVE)),
        # an id is never used again: a signed URL of a deleted run must not reach another
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", ondelete="CASCADE")
    user_id: int
    name: str
    display_name: str
    description: str | None = None
    notes: str | None = None
    state: str
    exitcode: int | None = None
    stop_requested: bool = False
    group: str | None = Field(default=None, sa_column_kwargs={"name": "group_name"})
    job_type: str | None = None
    sweep_name: str | None = None
    host: str | None = None
    program: str | None = None
    repo: str | None = None
    commit: str | None = Field(default=None, sa_column_kwargs={"name": "git_commit"})
    tags: str = "[]"  # a JSON list
    config: str = Field(default="{}", sa_column=Column(Text, nullable=False))
    summary_metrics: str = Field(default="{}", sa_column=Column(Text, nullable=False))
    system_metrics: str = Field(default="{}", sa_column=Column(Text, nullable=False))
    parent_name: str | None = None  # of a fork, in the same project
    parent_step: int | None = None  # the last step that the fork shares with it
    # the parent has changed since, and the fork holds what it shows of it
    parent_kept: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    history_line_count: int = 0
    # grows whenever a row that was there changes or goes: what was made of the rows before is then void
    history_generation: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    # started over without resume: the first row that comes for line 0 replaces all that is there
    restart_pending: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    events_line_count: int = 0
    log_line_count: int = 0
    created_at: str
    heartbeat_at: str
    updated_at: str
    revision: int | None = Field(default=None, sa_column=revision_column())
