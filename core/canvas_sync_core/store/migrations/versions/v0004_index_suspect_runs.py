"""Find the suspect runs among millions without reading the others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLE = "canvas_sync_metrics"
_INDEX = f"ix_{_TABLE}_suspect"


def upgrade() -> None:
    """Create the index, unless the app has made it from the metadata."""
    suspect = sa.column("suspect").is_(sa.true())
    op.create_index(
        _INDEX,
        _TABLE,
        ["sync_start_time"],
        sqlite_where=suspect,
        postgresql_where=suspect,
        if_not_exists=True,
    )


def downgrade() -> None:
    """Drop the index."""
    op.drop_index(_INDEX, _TABLE)
