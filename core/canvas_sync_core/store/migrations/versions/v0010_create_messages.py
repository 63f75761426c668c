"""Create the table of messages, from which exporters send them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from canvas_sync_core.store.timestamps import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_MESSAGES = "canvas_sync_messages"


def upgrade() -> None:
    """Create it, unless it exists: someone may have deleted only the version."""
    op.create_table(
        _MESSAGES,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("follows", sa.String()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("first_content", sa.JSON()),
        sa.Column("is_urgent", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("interruptions", sa.BigInteger(), nullable=False),
        sa.Column("may_be_repeated", sa.Boolean(), nullable=False),
        sa.Column("sent_at", UtcDateTime()),
        sa.Column("reference", sa.Text()),
        sa.Column("last_error", sa.Text()),
        if_not_exists=True,
    )
    op.create_index(
        f"uq_{_MESSAGES}_key",
        _MESSAGES,
        ["kind", "subject", "period", "channel"],
        unique=True,
        if_not_exists=True,
    )
    op.create_index(
        f"ix_{_MESSAGES}_due", _MESSAGES, ["state", "next_attempt_at"], if_not_exists=True
    )
    op.create_index(f"ix_{_MESSAGES}_created", _MESSAGES, ["created_at", "id"], if_not_exists=True)


def downgrade() -> None:
    """Drop it, with all messages."""
    op.drop_table(_MESSAGES)
