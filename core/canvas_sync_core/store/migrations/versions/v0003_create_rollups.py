"""Create the rollups, the triggers that report changes, and note the existing runs.

The exporter rolls those up in the background; until then they are read from their rows.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from canvas_sync_core.store.timestamps import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLE = "canvas_sync_metrics"
_ROLLUPS = "canvas_sync_rollups"
_CHANGES = "canvas_sync_rollup_changes"
_DAYS = "canvas_sync_rollup_days"
_FUNCTION = "canvas_sync_note_change"
_ITEMS = ("courses", "assignments", "submissions", "grades", "users", "enrollments")
_ACTIONS = ("processed", "created", "updated", "failed")
_SUMMED = (
    *(f"{item}_{action}" for item in _ITEMS for action in _ACTIONS),
    *("api_calls", "api_failed", "api_throttled", "api_retried", "db_operations", "db_failed"),
)
_TOLD = (
    *("sync_start_time", "sync_end_time", "sync_type", "sync_status"),
    *("duration", "api_seconds", "db_seconds"),
    *_SUMMED,
)


def upgrade() -> None:
    """Create tables and triggers; a table's own rows are only looked at once per quarter hour.

    If the table or its version was dropped by hand, earlier rollups are dropped too.
    """
    downgrade()
    _create_tables()
    if op.get_bind().dialect.name == "sqlite":
        _create_sqlite_triggers()
        next_quarter = (
            "strftime('%Y-%m-%dT%H:%M:%S.000000Z', (strftime('%s', {}) / 900 + 1) * 900, "
            "'unixepoch')"
        )
    else:
        _create_postgresql_triggers()
        next_quarter = "date_bin('15 minutes', {}, timestamptz 'epoch') + interval '15 minutes'"
    start = next_quarter.format("found.start")
    op.execute(
        f"INSERT INTO {_CHANGES} (start) WITH RECURSIVE found (start) AS ("  # noqa: S608 - names
        f"SELECT min(sync_start_time) FROM {_TABLE} UNION ALL "
        f"SELECT (SELECT min(sync_start_time) FROM {_TABLE} WHERE sync_start_time >= {start}) "
        "FROM found WHERE found.start IS NOT NULL) SELECT start FROM found WHERE start IS NOT NULL"
    )


def downgrade() -> None:
    """Drop the rollups; those of deleted runs are lost."""
    if op.get_bind().dialect.name == "sqlite":
        for name in ("ended_at_once", "ended", "corrected", "deleted"):
            op.execute(f"DROP TRIGGER IF EXISTS {_TABLE}_{name}")
    else:
        op.execute(f"DROP FUNCTION IF EXISTS {_FUNCTION} CASCADE")
    for table in (_ROLLUPS, _CHANGES, _DAYS):
        op.drop_table(table, if_exists=True)


def _create_tables() -> None:
    measures = ("duration", "api_latency", "db_time")
    op.create_table(
        _ROLLUPS,
        sa.Column("seconds", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("start", UtcDateTime(), primary_key=True),
        sa.Column("is_deleted", sa.Boolean(), primary_key=True),
        sa.Column("sync_type", sa.String(), primary_key=True),
        sa.Column("sync_status", sa.String(), primary_key=True),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _SUMMED),
        *(column for name in measures for column in _measure(name)),
        *(sa.Column(f"{item}_newest", UtcDateTime()) for item in _ITEMS),
    )
    op.create_table(
        _CHANGES,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("run_id", sa.BigInteger()),
        sa.Column("start", UtcDateTime(), nullable=False),
    )
    op.create_index(f"ix_{_CHANGES}_start", _CHANGES, ["start", "run_id"])
    op.create_table(
        _DAYS,
        sa.Column("day", UtcDateTime(), primary_key=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
    )


def _measure(name: str) -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column(f"{name}_count", sa.BigInteger(), nullable=False),
        sa.Column(f"{name}_sum", sa.Float(53), nullable=False),
        sa.Column(f"{name}_max", sa.Float(53), nullable=False),
        sa.Column(f"{name}_sketch", sa.LargeBinary(), nullable=False),
    )


def _values(row: str) -> str:
    return f"({', '.join(f'{row}.{name}' for name in _TOLD)})"


def _create_sqlite_triggers() -> None:
    run = f"INSERT INTO {_CHANGES} (run_id, start) VALUES (NEW.id, NEW.sync_start_time)"  # noqa: S608 - names
    note_change = f"INSERT INTO {_CHANGES} (start) VALUES ({{}}.sync_start_time)"  # noqa: S608 - names
    ended = "NEW.sync_status <> 'running'"
    was_running = "OLD.sync_status = 'running'"
    had_ended = "OLD.sync_status <> 'running'"
    changed = f"{_values('OLD')} IS NOT {_values('NEW')}"
    both = f"{note_change.format('OLD')}; {note_change.format('NEW')}"
    for name, event, condition, action in (
        ("ended_at_once", "INSERT", ended, run),
        ("ended", "UPDATE", f"{was_running} AND {ended}", run),
        ("corrected", "UPDATE", f"{had_ended} AND {changed}", both),
        ("deleted", "DELETE", had_ended, note_change.format("OLD")),
    ):
        op.execute(
            f"CREATE TRIGGER {_TABLE}_{name} AFTER {event} ON {_TABLE} "
            f"WHEN {condition} BEGIN {action}; END"
        )


def _create_postgresql_triggers() -> None:
    """Write as the owner: who writes runs needs no right on the changes."""
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    op.execute(
        f"CREATE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "  # noqa: S608 - names
        f"SET search_path = pg_catalog, {schema}, pg_temp AS $$ BEGIN "
        f"IF TG_OP = 'DELETE' THEN "
        f"INSERT INTO {_CHANGES} (start) VALUES (OLD.sync_start_time); "
        f"ELSIF TG_OP = 'UPDATE' AND OLD.sync_status <> 'running' THEN "
        f"INSERT INTO {_CHANGES} (start) VALUES (OLD.sync_start_time), (NEW.sync_start_time); "
        f"ELSE INSERT INTO {_CHANGES} (run_id, start) VALUES (NEW.id, NEW.sync_start_time); "
        "END IF; RETURN NULL; END $$"
    )
    ends = "OLD.sync_status = 'running' AND NEW.sync_status <> 'running'"
    changed = f"ROW{_values('OLD')} IS DISTINCT FROM ROW{_values('NEW')}"
    for name, event, condition in (
        ("ended_at_once", "INSERT", "NEW.sync_status <> 'running'"),
        ("ended", "UPDATE", ends),
        ("corrected", "UPDATE", f"OLD.sync_status <> 'running' AND {changed}"),
        ("deleted", "DELETE", "OLD.sync_status <> 'running'"),
    ):
        op.execute(
            f"CREATE TRIGGER {_TABLE}_{name} AFTER {event} ON {_TABLE} FOR EACH ROW "
            f"WHEN ({condition}) EXECUTE FUNCTION {_FUNCTION}()"
        )
