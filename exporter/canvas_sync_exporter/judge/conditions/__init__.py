"""The conditions that the judge checks; each is a pure function from facts to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from canvas_sync_core.names import IncidentKind
from canvas_sync_exporter.judge.facts import Facts
from canvas_sync_exporter.judge.finding import Finding

from . import app_database, canvas, data, disk, due, monitoring, outcomes, running, tokens

__all__ = ["CONDITIONS", "Condition"]

Condition = Callable[[Facts], Iterable[Finding]]

CONDITIONS: Final[Mapping[IncidentKind, Condition]] = {
    IncidentKind.MISSED: due.missed,
    IncidentKind.OVERDUE: due.overdue,
    IncidentKind.FAILING: outcomes.failing,
    IncidentKind.PARTIAL: outcomes.partial,
    IncidentKind.INTERRUPTED: outcomes.interrupted,
    IncidentKind.STUCK: running.stuck,
    IncidentKind.OVERLAPPING: running.overlapping,
    IncidentKind.SLOW: outcomes.slow,
    IncidentKind.SUSPECT: outcomes.suspect,
    IncidentKind.TOKEN_REFUSED: tokens.token_refused,
    IncidentKind.TOKEN_EXPIRING: tokens.token_expiring,
    IncidentKind.QUOTA_LOW: tokens.quota_low,
    IncidentKind.THROTTLED: canvas.throttled,
    IncidentKind.API_FAILING: canvas.api_failing,
    IncidentKind.API_SLOW: canvas.api_slow,
    IncidentKind.LIST_TRUNCATED: canvas.list_truncated,
    IncidentKind.STALE_ITEMS: data.stale_items,
    IncidentKind.DB_FAILING: app_database.db_failing,
    IncidentKind.DB_SLOW: app_database.db_slow,
    IncidentKind.DATABASE_AWAY: monitoring.database_away,
    IncidentKind.SPOOL_GROWING: monitoring.spool_growing,
    IncidentKind.LOG_FOLDER_UNWRITABLE: monitoring.log_folder_unwritable,
    IncidentKind.TELEMETRY_DROPPED: monitoring.telemetry_dropped,
    IncidentKind.ROLLUPS_BEHIND: monitoring.rollups_behind,
    IncidentKind.CLEANUP_MISSED: monitoring.cleanup_missed,
    IncidentKind.DISK_FILLING: disk.disk_filling,
    IncidentKind.CLOCK_WRONG: monitoring.clock_wrong,
    IncidentKind.MESSAGES_FAILING: monitoring.messages_failing,
    IncidentKind.EXPORTER_SILENT: monitoring.exporter_silent,
}
