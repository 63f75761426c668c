"""Checks of the syncs: whether an exporter judges them, and whether any has run lately."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_core.names import IncidentKind
from canvas_sync_core.store.database import connect_to_read
from canvas_sync_core.store.incidents.judges import judges
from canvas_sync_core.store.incidents.reading import open_incidents
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.wording import counted
from canvas_sync_exporter.settings import Configuration

from .finding import Finding
from .services import connected, embedded_file

__all__ = ["judging", "recent_runs"]

_LATELY: Final = timedelta(days=7)
"""Without an exporter that knows what is due: every sync of a term runs at least once a week."""
_ABSENT: Final = frozenset({IncidentKind.MISSED, IncidentKind.OVERDUE})
_UNKNOWN: Final = "Unknown, since the database cannot be read."
_SEE_DATABASE: Final = "See what `database` says above."


def judging(config: Configuration) -> Finding:
    """Check whether an exporter judges the syncs."""
    if _is_new(config):
        return Finding.ok("There is nothing to judge before the first sync.")
    try:
        with connected(config) as engine:
            return _judging(engine, datetime.now(UTC))
    except (CanvasSyncMonitorError, SQLAlchemyError, OSError):
        return Finding.warning(_UNKNOWN, _SEE_DATABASE)


def recent_runs(config: Configuration) -> Finding:
    """Check whether syncs have run lately, as far as is known when they should."""
    if _is_new(config):
        return Finding.ok("No sync has run yet.")
    try:
        with connected(config) as engine:
            return _recent_runs(engine, datetime.now(UTC))
    except (CanvasSyncMonitorError, SQLAlchemyError, OSError):
        return Finding.warning(_UNKNOWN, _SEE_DATABASE)


def _judging(engine: Engine, now: datetime) -> Finding:
    known = judges(engine)
    live = [judge for judge in known if judge.is_live(now)]
    if live:
        verb = "judges" if len(live) == 1 else "judge"
        return Finding.ok(f"{counted(len(live), 'exporter')} {verb} the syncs.")
    newest = max((judge.judged_at for judge in known), default=None)
    last = f"; the last one did at {newest:%Y-%m-%d %H:%M} UTC" if newest else ""
    return Finding.warning(
        f"No exporter judges the syncs{last}. Nobody notices when they fail.",
        "Start `canvas-sync-monitor serve`, with the same CANVAS_SYNC_DATABASE_URL.",
    )


def _recent_runs(engine: Engine, now: datetime) -> Finding:
    with connect_to_read(engine) as connection:
        newest = connection.scalar(select(func.max(metrics_table.c.sync_start_time)))
    if newest is None:
        return Finding.warning(
            "No sync has run yet.",
            "Start one with the same environment as this command.",
        )
    absent = [each.summary for each in open_incidents(engine) if each.kind in _ABSENT]
    message = f"The newest run began at {newest:%Y-%m-%d %H:%M} UTC."
    if not absent and now - newest <= _LATELY:
        return Finding.ok(message)
    return Finding.warning(
        " ".join([message, *absent]),
        "See whether cron or the scheduler still starts the syncs, with the same "
        "CANVAS_SYNC_DATABASE_URL.",
    )


def _is_new(config: Configuration) -> bool:
    return config.embedded_database and not embedded_file(config).exists()
