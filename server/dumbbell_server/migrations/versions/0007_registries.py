"""Who is in a registry, and which types it takes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The tables of members, and the column of projects."""
    with op.batch_alter_table("projects") as table:
        table.add_column(sa.Column("allow_all_artifact_types", sa.Boolean(), nullable=False,
                                   server_default=sa.false()))
    for name, key, target in (("registry_members", "user_id", "users"), ("registry_teams", "team_id", "entities")):
        op.create_table(
            name,
            sa.Column("id", sa.Integer(), nullable=False),
            sa.Column("project_id", sa.Integer(), nullable=False),
            sa.Column("entity_id", sa.Integer(), nullable=False),
            sa.Column(key, sa.Integer(), nullable=False),
            sa.Column("role", AutoString(), nullable=False),
            sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
            sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], ondelete="CASCADE"),
            sa.ForeignKeyConstraint([key], [f"{target}.id"], ondelete="CASCADE"),
            sa.PrimaryKeyConstraint("id"),
            sa.UniqueConstraint("project_id", key),
        )
        op.create_index(f"ix_{name}_entity_id", name, ["entity_id"])
        op.create_index(f"ix_{name}_{key}", name, [key])


def downgrade() -> None:
    """As before."""
    op.drop_table("registry_teams")
    op.drop_table("registry_members")
    with op.batch_alter_table("projects") as table:
        table.drop_column("allow_all_artifact_types")
