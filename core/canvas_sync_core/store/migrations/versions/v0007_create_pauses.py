"""Create the table of pauses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from canvas_sync_core.store.timestamps import UtcDateTime, UtcSortedTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TABLE = "canvas_sync_pauses"


def upgrade() -> None:
    """Create the table, unless the app has made it from the metadata."""
    op.create_table(
        _TABLE,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("sync_types", sa.Text, nullable=False),
        sa.Column("start_time", UtcDateTime, nullable=False),
        sa.Column("end_time", UtcSortedTime, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("ended_by", sa.String),
        if_not_exists=True,
    )
    op.create_index(f"ix_{_TABLE}_end_time", _TABLE, ["end_time"], if_not_exists=True)


def downgrade() -> None:
    """Drop the table and all pauses."""
    op.drop_table(_TABLE)
