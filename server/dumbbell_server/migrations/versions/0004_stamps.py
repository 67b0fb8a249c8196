"""Stamps of changed runs, by which remembered columns are brought up to date."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("runs") as table:
        table.add_column(sa.Column("revision", sa.BigInteger(), nullable=False, server_default="0"))
    with op.batch_alter_table("projects") as table:
        table.add_column(sa.Column("removal", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("runs_changed", "runs", ["project_id", "revision"], unique=False)


def downgrade() -> None:
    op.drop_index("runs_changed", "runs")
    with op.batch_alter_table("projects") as table:
        table.drop_column("removal")
    with op.batch_alter_table("runs") as table:
        table.drop_column("revision")
