"""What is gone for everybody, and whose rows are still being removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "removals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("target", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "target"),
    )
    op.create_index("artifacts_of_project", "artifacts", ["project_id"])


def downgrade() -> None:
    op.drop_index("artifacts_of_project", "artifacts")
    op.drop_table("removals")
