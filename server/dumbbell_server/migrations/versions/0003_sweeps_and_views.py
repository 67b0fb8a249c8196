"""Sweeps and views."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The rooms' tables, and the runs of a sweep found by its name."""
    swept = sa.text("sweep_name IS NOT NULL")
    op.create_index("runs_of_sweep", "runs", ["project_id", "sweep_name"], sqlite_where=swept,
                    postgresql_where=swept)
    op.create_table(
        "sweeps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("state", AutoString(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("given_name", AutoString(), nullable=True),
        sa.Column("controller", sa.Text(), nullable=True),
        sa.Column("scheduler", sa.Text(), nullable=True),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("method", AutoString(), nullable=False),
        sa.Column("config_name", AutoString(), nullable=True),
        sa.Column("metric", AutoString(), nullable=True),
        sa.Column("maximize", sa.Boolean(), nullable=False),
        sa.Column("run_count_expected", sa.Integer(), nullable=True),
        sa.Column("created_at", AutoString(), nullable=False),
        sa.Column("updated_at", AutoString(), nullable=False),
        sa.Column("heartbeat_at", AutoString(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "views",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("type", AutoString(), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("display_name", AutoString(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("created_at", AutoString(), nullable=False),
        sa.Column("updated_at", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "type", "name"),
        sqlite_autoincrement=True,
    )
    op.create_index("views_newest", "views", ["project_id", "type", "id"])


def downgrade() -> None:
    """As before."""
    op.drop_table("views")
    op.drop_table("sweeps")
    op.drop_index("runs_of_sweep", "runs")
