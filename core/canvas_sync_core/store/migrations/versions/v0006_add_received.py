"""Add what a run received from Canvas, and what was wrong with its telemetry and its clock."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLE = "canvas_sync_metrics"


def _columns() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("api_items", sa.BigInteger()),
        sa.Column("api_bytes", sa.BigInteger()),
        sa.Column("telemetry_fault", sa.Text()),
        sa.Column("clock_skew", sa.Float(53)),
    )


def upgrade() -> None:
    """Add the columns that are missing: the app may have made the table from the metadata."""
    present = {found["name"] for found in sa.inspect(op.get_bind()).get_columns(_TABLE)}
    for column in _columns():
        if column.name not in present:
            op.add_column(_TABLE, column)


def downgrade() -> None:
    """Drop the columns and their values."""
    for column in _columns():
        op.drop_column(_TABLE, column.name)
