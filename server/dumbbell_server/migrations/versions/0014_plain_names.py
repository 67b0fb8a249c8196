"""Names that say what they hold: how far streams go, runs that start over, versions that expire."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.rename_table("heads", "stream_heads")
    op.execute("ALTER TABLE runs RENAME COLUMN starts_anew TO restart_pending")
    _rename_index("artifacts_mortal", "artifacts_expiring")


def downgrade() -> None:
    _rename_index("artifacts_expiring", "artifacts_mortal")
    op.execute("ALTER TABLE runs RENAME COLUMN restart_pending TO starts_anew")
    op.rename_table("stream_heads", "heads")


def _rename_index(old: str, new: str) -> None:
    """SQLite cannot rename one."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER INDEX {old} RENAME TO {new}")
        return
    definition = op.get_bind().exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE type = 'index' AND name = ?", (old,)).scalar_one()
    op.execute(f"DROP INDEX {old}")
    op.execute(definition.replace(old, new, 1))
