"""Create the table with its indexes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from canvas_sync_core.store.timestamps import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLE = "canvas_sync_metrics"
_ITEMS = ("courses", "assignments", "submissions", "grades", "users", "enrollments")
_ACTIONS = ("processed", "created", "updated", "failed")


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def upgrade() -> None:
    """Create what is not there: the app may have made the table from the metadata."""
    op.create_table(
        _TABLE,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("sync_task_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.BigInteger()),
        sa.Column("course_id", sa.BigInteger()),
        sa.Column("sync_type", sa.String(), nullable=False),
        sa.Column("canvas_host", sa.String()),
        sa.Column("sync_start_time", UtcDateTime(), nullable=False),
        sa.Column("sync_end_time", UtcDateTime()),
        sa.Column("duration", sa.Float(53)),
        sa.Column("heartbeat", UtcDateTime(), nullable=False),
        sa.Column("sync_status", sa.String(), nullable=False),
        sa.Column("progress", sa.Float(53), nullable=False),
        sa.Column("step", sa.String()),
        sa.Column("error_type", sa.String()),
        sa.Column("error_message", sa.Text()),
        *(_count(f"{item}_{action}") for item in _ITEMS for action in _ACTIONS),
        *(_count(f"api_{what}") for what in ("calls", "failed", "throttled", "retried")),
        sa.Column("api_seconds", sa.Float(53), nullable=False),
        *(_count(f"db_{what}") for what in ("operations", "failed")),
        sa.Column("db_seconds", sa.Float(53), nullable=False),
        sa.Column("trace_id", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("sync_metadata", sa.JSON(), nullable=False),
        sa.UniqueConstraint("sync_task_id", name=f"uq_{_TABLE}_sync_task_id"),
        if_not_exists=True,
    )
    for name, columns in (
        ("user_start", ["user_id", "sync_start_time"]),
        ("status_start_duration", ["sync_status", "sync_start_time", "duration"]),
        ("start", ["sync_start_time"]),
    ):
        op.create_index(f"ix_{_TABLE}_{name}", _TABLE, columns, if_not_exists=True)


def downgrade() -> None:
    """Drop the table with everything in it."""
    op.drop_table(_TABLE)
