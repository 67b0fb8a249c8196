"""Stamps of changed members of collections, by which searches of registries are brought up to date."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("artifact_memberships", sa.Column("revision", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("artifact_memberships_changed", "artifact_memberships", ["revision"], unique=False)


def downgrade() -> None:
    op.drop_index("artifact_memberships_changed", "artifact_memberships")
    op.drop_column("artifact_memberships", "revision")
