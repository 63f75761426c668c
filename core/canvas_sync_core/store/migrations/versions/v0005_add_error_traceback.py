"""Add where in the app's code the error was that ended a run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLE = "canvas_sync_metrics"
_COLUMN = "error_traceback"


def upgrade() -> None:
    """Add it where it is not there: the app may have made the table from the metadata."""
    present = {found["name"] for found in sa.inspect(op.get_bind()).get_columns(_TABLE)}
    if _COLUMN not in present:
        op.add_column(_TABLE, sa.Column(_COLUMN, sa.Text()))


def downgrade() -> None:
    """Drop the column with what is in it."""
    op.drop_column(_TABLE, _COLUMN)
