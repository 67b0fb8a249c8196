"""Service accounts are in the team that they were made for, and in what that team is part of."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# The first membership is the one that a service account was made with: with it the account goes.
_ELSEWHERE = """DELETE FROM members WHERE user_id IN (SELECT id FROM users WHERE service)
    AND id NOT IN (SELECT min(id) FROM members GROUP BY user_id)"""
_SEATS = """DELETE FROM organization_members WHERE user_id IN (SELECT id FROM users WHERE service)
    AND user_id NOT IN (SELECT m.user_id FROM members m JOIN entities team ON team.id = m.entity_id
        WHERE team.organization_id = organization_members.organization_id)"""
_REGISTRIES = """DELETE FROM registry_members WHERE user_id IN (SELECT id FROM users WHERE service)
    AND user_id NOT IN (SELECT m.user_id FROM members m JOIN entities team ON team.id = m.entity_id
        JOIN organizations o ON o.id = team.organization_id WHERE o.entity_id = registry_members.entity_id)"""
_DEFAULTS = """UPDATE users SET default_entity_id = (SELECT m.entity_id FROM members m WHERE m.user_id = users.id)
    WHERE service AND deleted_at IS NULL AND default_entity_id NOT IN (
        SELECT id FROM entities WHERE entities.user_id = users.id)"""


def upgrade() -> None:
    for statement in (_ELSEWHERE, _SEATS, _REGISTRIES, _DEFAULTS):
        op.execute(statement)


def downgrade() -> None:
    """Nothing: where they were besides, nobody is to know again."""
