"""Add the number of runs by error to the rollups, and indexes of errors and courses.

The numbers of rollups from before are unknown; the exporter fills them in in the background.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TABLE = "canvas_sync_metrics"
_ROLLUPS = "canvas_sync_rollups"
_CHANGES = "canvas_sync_rollup_changes"
_FUNCTION = "canvas_sync_note_change"
_UNKNOWN = f"ix_{_ROLLUPS}_unknown_errors"
_ITEMS = ("courses", "assignments", "submissions", "grades", "users", "enrollments")
_ACTIONS = ("processed", "created", "updated", "failed")
_ROLLED_UP = (
    *("sync_start_time", "sync_end_time", "sync_type", "sync_status"),
    *("duration", "api_seconds", "db_seconds"),
    *(f"{item}_{action}" for item in _ITEMS for action in _ACTIONS),
    *("api_calls", "api_failed", "api_throttled", "api_retried", "db_operations", "db_failed"),
)
"""Columns of which a correction changes the rollups, before this version."""


def upgrade() -> None:
    """Add the column, let corrections of an error be recorded, and create the indexes."""
    op.add_column(_ROLLUPS, sa.Column("errors", sa.Text()))
    # The rows of deleted runs are gone, so their errors will never be known.
    rollups = sa.table(_ROLLUPS, sa.column("errors"), sa.column("is_deleted", sa.Boolean()))
    op.execute(rollups.update().where(rollups.c.is_deleted).values(errors="{}"))
    is_unknown = sa.column("errors").is_(None)
    op.create_index(
        _UNKNOWN,
        _ROLLUPS,
        ["seconds", "start"],
        sqlite_where=is_unknown,
        postgresql_where=is_unknown,
    )
    _replace_trigger((*_ROLLED_UP, "error_type"))
    for column in ("error_type", "course_id"):
        is_there = sa.column(column).is_not(None)
        op.create_index(
            _index(column),
            _TABLE,
            [column, "sync_start_time"],
            sqlite_where=is_there,
            postgresql_where=is_there,
            if_not_exists=True,
        )


def downgrade() -> None:
    """Drop all of it."""
    for column in ("error_type", "course_id"):
        op.drop_index(_index(column), _TABLE)
    _replace_trigger(_ROLLED_UP)
    op.drop_index(_UNKNOWN, _ROLLUPS)
    op.drop_column(_ROLLUPS, "errors")


def _index(column: str) -> str:
    return f"ix_{_TABLE}_{column.removesuffix('_id').removesuffix('_type')}_start"


def _replace_trigger(columns: tuple[str, ...]) -> None:
    """Replace the trigger that records corrections of ended runs."""
    name = f"{_TABLE}_corrected"
    had_ended = "OLD.sync_status <> 'running'"
    old, new = (f"({', '.join(f'{row}.{each}' for each in columns)})" for row in ("OLD", "NEW"))
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"DROP TRIGGER IF EXISTS {name}")
        note = f"INSERT INTO {_CHANGES} (start) VALUES ({{}}.sync_start_time)"  # noqa: S608 - names
        op.execute(
            f"CREATE TRIGGER {name} AFTER UPDATE ON {_TABLE} "
            f"WHEN {had_ended} AND {old} IS NOT {new} "
            f"BEGIN {note.format('OLD')}; {note.format('NEW')}; END"
        )
        return
    op.execute(f"DROP TRIGGER IF EXISTS {name} ON {_TABLE}")
    op.execute(
        f"CREATE TRIGGER {name} AFTER UPDATE ON {_TABLE} FOR EACH ROW "
        f"WHEN ({had_ended} AND ROW{old} IS DISTINCT FROM ROW{new}) EXECUTE FUNCTION {_FUNCTION}()"
    )
