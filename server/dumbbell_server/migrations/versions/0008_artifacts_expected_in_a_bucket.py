"""Files of artifacts that clients send to a bucket themselves.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "artifact_blobs_expected",
        sa.Column("blob_key", sa.String(), nullable=False),
        sa.Column("artifact_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("upload_id", sa.String(), nullable=True),
        sa.Column("store_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("blob_key"),
    )
    for column in ("artifact_id", "upload_id"):
        op.create_index(f"ix_artifact_blobs_expected_{column}", "artifact_blobs_expected", [column], unique=False)


def downgrade() -> None:
    op.drop_table("artifact_blobs_expected")
