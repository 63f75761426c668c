"""Log records of the exporter's own work."""

from __future__ import annotations

from collections.abc import Mapping

from canvas_sync_core.events import Event, LogsCleaned
from canvas_sync_core.schema.log_records import CleanupRecord, Record

from .common_fields import CommonFields, RecordRule, error_fields, error_level, record_rule

__all__ = ["UpkeepRecords"]


class UpkeepRecords:
    """Turns the events of the exporter's work into records."""

    def __init__(self, common: CommonFields) -> None:
        self._common_values = common.of
        self.rules: Mapping[type[Event], RecordRule] = {
            LogsCleaned: record_rule(CleanupRecord, error_level, self._logs_cleaned),
        }

    def _logs_cleaned(self, event: LogsCleaned) -> Record:
        human = (
            f"Log Cleanup: {event.outcome} - Files: {event.files}"
            f" - Freed: {event.reclaimed_bytes} bytes - Duration: {event.duration * 1000:.1f}ms"
        )
        error_type, error, _ = error_fields(event.error)
        return CleanupRecord(
            *self._common_values(event, error_level(event), CleanupRecord, human),
            status=event.outcome,
            duration_seconds=event.duration,
            files=event.files,
            archives_deleted=event.archives_deleted,
            reclaimed_bytes=event.reclaimed_bytes,
            error_type=error_type,
            error=error,
        )
