"""Artifacts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = (
    "artifact_blobs",
    "artifact_types",
    "artifact_collections",
    "artifact_collection_tags",
    "artifacts",
    "artifact_client_ids",
    "artifact_entries",
    "artifact_manifests",
    "artifact_memberships",
    "artifact_tags",
    "artifact_uploads",
    "artifact_uses",
    "artifact_aliases",
    "artifact_parts",
)


def upgrade() -> None:
    """Types, collections, versions and their bytes."""
    unfinished, mortal = sa.text("state = 'PENDING'"), sa.text("expires_at IS NOT NULL")
    op.create_table(
        "artifact_blobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("birth_artifact_id", sa.Integer(), nullable=False),
        sa.Column("digest", AutoString(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("blob_key", AutoString(), nullable=False),
        sa.Column("touched_at", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "digest"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "artifact_types",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("description", AutoString(), nullable=True),
        sa.Column("created_at", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "name"),
    )
    op.create_table(
        "artifact_collections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("type_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("kind", AutoString(), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("description", AutoString(), nullable=True),
        sa.Column("state", AutoString(), nullable=False),
        sa.Column("next_version", sa.Integer(), nullable=False),
        sa.Column("created_at", AutoString(), nullable=False),
        sa.Column("updated_at", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["type_id"], ["artifact_types.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "name"),
        sqlite_autoincrement=True,
    )
    op.create_index("artifact_collections_of_type", "artifact_collections", ["type_id"], unique=False)
    op.create_table(
        "artifact_collection_tags",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["collection_id"], ["artifact_collections.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("collection_id", "name"),
    )
    op.create_table(
        "artifacts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("sequence_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("state", AutoString(), nullable=False),
        sa.Column("version_index", sa.Integer(), nullable=True),
        sa.Column("digest", AutoString(), nullable=False),
        sa.Column("digest_algorithm", AutoString(), nullable=False),
        sa.Column("description", AutoString(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("labels", AutoString(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("file_count", sa.Integer(), nullable=False),
        sa.Column("commit_hash", AutoString(), nullable=True),
        sa.Column("history_step", sa.BigInteger(), nullable=True),
        sa.Column("ttl_seconds", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", AutoString(), nullable=True),
        sa.Column("storage_region", AutoString(), nullable=True),
        sa.Column("distributed_id", AutoString(), nullable=True),
        sa.Column("wanted_aliases", AutoString(), nullable=False),
        sa.Column("created_at", AutoString(), nullable=False),
        sa.Column("updated_at", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["sequence_id"], ["artifact_collections.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("artifacts_by_digest", "artifacts", ["sequence_id", "digest"], unique=False)
    op.create_index("artifacts_distributed", "artifacts", ["sequence_id", "distributed_id"], unique=False)
    op.create_index("artifacts_mortal", "artifacts", ["expires_at"], unique=False,
                    sqlite_where=mortal, postgresql_where=mortal)
    op.create_index("artifacts_unfinished", "artifacts", ["project_id", "created_at"], unique=False,
                    sqlite_where=unfinished, postgresql_where=unfinished)
    op.create_index(op.f("ix_artifacts_run_id"), "artifacts", ["run_id"], unique=False)
    op.create_table(
        "artifact_client_ids",
        sa.Column("client_id", AutoString(), nullable=False),
        sa.Column("artifact_id", sa.Integer(), nullable=True),
        sa.Column("collection_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["collection_id"], ["artifact_collections.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("client_id"),
    )
    op.create_index(op.f("ix_artifact_client_ids_artifact_id"), "artifact_client_ids", ["artifact_id"], unique=False)
    op.create_index(op.f("ix_artifact_client_ids_collection_id"), "artifact_client_ids", ["collection_id"])
    op.create_table(
        "artifact_entries",
        sa.Column("artifact_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("blob_id", sa.Integer(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("digest", AutoString(), nullable=True),
        sa.Column("ref", AutoString(), nullable=True),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["blob_id"], ["artifact_blobs.id"] ),
        sa.PrimaryKeyConstraint("artifact_id", "path"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_artifact_entries_blob_id"), "artifact_entries", ["blob_id"], unique=False)
    op.create_table(
        "artifact_manifests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("artifact_id", sa.Integer(), nullable=False),
        sa.Column("base_artifact_id", sa.Integer(), nullable=True),
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("kind", AutoString(), nullable=False),
        sa.Column("digest", AutoString(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("blob_key", AutoString(), nullable=True),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("artifact_manifests_of", "artifact_manifests", ["artifact_id"], unique=False)
    op.create_table(
        "artifact_memberships",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("artifact_id", sa.Integer(), nullable=False),
        sa.Column("version_index", sa.Integer(), nullable=False),
        sa.Column("created_at", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["collection_id"], ["artifact_collections.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("artifact_id", "collection_id"),
        sa.UniqueConstraint("collection_id", "version_index"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "artifact_tags",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("artifact_id", sa.Integer(), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("artifact_id", "name"),
    )
    op.create_table(
        "artifact_uploads",
        sa.Column("id", AutoString(), nullable=False),
        sa.Column("artifact_id", sa.Integer(), nullable=False),
        sa.Column("digest", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_artifact_uploads_artifact_id"), "artifact_uploads", ["artifact_id"], unique=False)
    op.create_table(
        "artifact_uses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("artifact_id", sa.Integer(), nullable=False),
        sa.Column("kind", AutoString(), nullable=False),
        sa.Column("used_as", AutoString(), nullable=True),
        sa.Column("created_at", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", "kind", "artifact_id"),
    )
    op.create_index("artifact_uses_by_artifact", "artifact_uses", ["artifact_id", "kind"], unique=False)
    op.create_table(
        "artifact_aliases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("membership_id", sa.Integer(), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["collection_id"], ["artifact_collections.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["membership_id"], ["artifact_memberships.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("collection_id", "name"),
    )
    op.create_index(op.f("ix_artifact_aliases_membership_id"), "artifact_aliases", ["membership_id"], unique=False)
    op.create_table(
        "artifact_parts",
        sa.Column("upload_id", AutoString(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("md5", AutoString(), nullable=False),
        sa.Column("blob_key", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["upload_id"], ["artifact_uploads.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("upload_id", "number"),
    )


def downgrade() -> None:
    """Without artifacts."""
    for table in reversed(TABLES):
        op.drop_table(table)
