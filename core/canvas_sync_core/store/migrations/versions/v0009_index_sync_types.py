"""Find the newest runs of a sync type among millions without reading the others."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TABLE = "canvas_sync_metrics"
_INDEX = f"ix_{_TABLE}_type_start"


def upgrade() -> None:
    """Create the index, unless the app has made it from the metadata."""
    op.create_index(_INDEX, _TABLE, ["sync_type", "sync_start_time"], if_not_exists=True)


def downgrade() -> None:
    """Drop the index."""
    op.drop_index(_INDEX, _TABLE)
