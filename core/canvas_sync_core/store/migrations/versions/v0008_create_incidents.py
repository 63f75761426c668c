"""Create the tables of incidents and of the exporters that judge."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from canvas_sync_core.store.timestamps import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_INCIDENTS = "canvas_sync_incidents"
_JUDGES = "canvas_sync_judges"


def upgrade() -> None:
    """Create both, unless they are there: somebody may have dropped the version alone."""
    op.create_table(
        _INCIDENTS,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("sync_type", sa.String()),
        sa.Column("affects", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("resolved_at", UtcDateTime()),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("runs", sa.Text(), nullable=False),
        sa.Column("run_count", sa.BigInteger(), nullable=False),
        sa.Column("user_count", sa.BigInteger(), nullable=False),
        sa.Column("request_ids", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", UtcDateTime()),
        sa.Column("acknowledged_by", sa.String()),
        sa.Column("acknowledged_reason", sa.Text()),
        sa.Column("acknowledged_run_count", sa.BigInteger()),
        sa.Column("worsened_at", UtcDateTime()),
        sa.Column("reopened_at", UtcDateTime()),
        sa.Column("reopen_count", sa.BigInteger(), nullable=False),
        sa.Column("clear_since", UtcDateTime()),
        sa.Column("found_by", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        if_not_exists=True,
    )
    is_open = sa.column("resolved_at").is_(None)
    op.create_index(
        f"uq_{_INCIDENTS}_open",
        _INCIDENTS,
        ["kind", "subject"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
        if_not_exists=True,
    )
    op.create_index(f"ix_{_INCIDENTS}_opened", _INCIDENTS, ["opened_at", "id"], if_not_exists=True)
    op.create_index(f"ix_{_INCIDENTS}_resolved", _INCIDENTS, ["resolved_at"], if_not_exists=True)
    op.create_table(
        _JUDGES,
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("judged_at", UtcDateTime(), nullable=False),
        sa.Column("problem", sa.Text()),
        sa.Column("next_due", sa.JSON(), nullable=False),
        if_not_exists=True,
    )


def downgrade() -> None:
    """Drop both, with the history of incidents."""
    op.drop_table(_JUDGES)
    op.drop_table(_INCIDENTS)
