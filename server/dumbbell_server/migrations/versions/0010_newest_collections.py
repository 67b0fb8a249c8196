"""The newest collections of a project or type are found by an index."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("artifact_collections_of_type", "artifact_collections")
    op.create_index("artifact_collections_of_type", "artifact_collections", ["type_id", "id"], unique=False)
    op.create_index("artifact_collections_newest", "artifact_collections", ["project_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("artifact_collections_newest", "artifact_collections")
    op.drop_index("artifact_collections_of_type", "artifact_collections")
    op.create_index("artifact_collections_of_type", "artifact_collections", ["type_id"], unique=False)
