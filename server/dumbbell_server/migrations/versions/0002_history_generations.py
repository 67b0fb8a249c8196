"""A run knows when its rows changed, whether it starts anew, and whether it holds its parent's rows.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was known of keys is made again when somebody asks."""
    op.add_column("runs", sa.Column("parent_kept", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("runs", sa.Column("history_generation", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("runs", sa.Column("starts_anew", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index("runs_forks", "runs", ["project_id", "parent_name"], unique=False,
                    sqlite_where=sa.text("parent_name IS NOT NULL"),
                    postgresql_where=sa.text("parent_name IS NOT NULL"))
    op.drop_table("history_keys")
    op.create_table(
        "history_keys",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id"),
    )


def downgrade() -> None:
    """Keys are made again by the older version too."""
    op.drop_table("history_keys")
    op.create_table(
        "history_keys",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("upto", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.drop_index("runs_forks", "runs")
    for column in ("parent_kept", "history_generation", "starts_anew"):
        op.drop_column("runs", column)
