"""Long chunks show their first row. What is read without the body lies before it: SQLite goes through it in order."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    order = ("ordered", "first_row", "body")
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("chunks", recreate=recreate, partial_reordering=[order]) as chunks:
        chunks.add_column(sa.Column("first_row", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("chunks") as chunks:
        chunks.drop_column("first_row")
