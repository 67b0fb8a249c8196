"""How many versions a collection has, and collections a type: counted as they come and go, not when they are listed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("artifact_collections", sa.Column("version_count", sa.Integer(), server_default="0", nullable=False))
    op.add_column("artifact_types", sa.Column("collection_count", sa.Integer(), server_default="0", nullable=False))
    op.execute("UPDATE artifact_collections SET version_count = (SELECT count(*) FROM artifact_memberships m "
               "WHERE m.collection_id = artifact_collections.id)")
    op.execute("UPDATE artifact_types SET collection_count = (SELECT count(*) FROM artifact_collections c "
               "WHERE c.type_id = artifact_types.id)")


def downgrade() -> None:
    op.drop_column("artifact_types", "collection_count")
    op.drop_column("artifact_collections", "version_count")
