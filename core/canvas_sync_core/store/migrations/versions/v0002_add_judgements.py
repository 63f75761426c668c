"""Add what is odd about a run, and what its API calls met."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLE = "canvas_sync_metrics"


def _columns() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("request_context_id", sa.String()),
        sa.Column("api_truncated", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("api_wait_seconds", sa.Float(53), nullable=False, server_default="0"),
        sa.Column("suspect", sa.Boolean()),
        sa.Column("suspect_reason", sa.Text()),
    )


def upgrade() -> None:
    """Add what is not there: the app may have made the table from the metadata."""
    present = {found["name"] for found in sa.inspect(op.get_bind()).get_columns(_TABLE)}
    for column in _columns():
        if column.name not in present:
            op.add_column(_TABLE, column)


def downgrade() -> None:
    """Drop the columns with what is in them."""
    for column in _columns():
        op.drop_column(_TABLE, column.name)
