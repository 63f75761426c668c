"""Log records of the sync's own database."""

from __future__ import annotations

from collections.abc import Mapping

from canvas_sync_core.events import DbOperation, DbOperationsSummed, Event
from canvas_sync_core.schema.log_records import DbRecord, DbStatementRecord, Record

from .common_fields import DEBUG, INFO, CommonFields, RecordRule, always, error_level, record_rule

__all__ = ["DatabaseRecords"]


class DatabaseRecords:
    """Turns database operations into records."""

    def __init__(self, common: CommonFields) -> None:
        self._common_values = common.of
        self.rules: Mapping[type[Event], RecordRule] = {
            DbOperation: record_rule(DbRecord, error_level, self._db_operation),
            DbOperationsSummed: record_rule(DbRecord, always(INFO), self._db_operations_summed),
        }
        self.detail_rules: Mapping[type[Event], RecordRule] = {
            DbOperation: record_rule(DbStatementRecord, always(DEBUG), self._db_statement),
        }

    def _db_operation(self, event: DbOperation) -> Record | None:
        if event.is_summed:
            return None
        batch = " - Batch: true" if event.batch else ""
        took = f" - Duration: {event.duration * 1000:.1f}ms" if event.duration else ""
        human = f"{event.operation} {event.table} - Count: {event.count}{batch}{took}"
        record = DbRecord(
            *self._common_values(event, error_level(event), DbRecord, human),
            operation=event.operation,
            table=event.table,
            count=event.count,
            duration_seconds=event.duration,
            outcome=event.outcome,
            batch=event.batch,
        )
        if event.error is not None:
            record.error_type = event.error.error_type
        return record

    def _db_operations_summed(self, event: DbOperationsSummed) -> Record:
        batch = " - Batch: true" if event.batch else ""
        human = (
            f"{event.operation} {event.table} - Count: {event.count}{batch}"
            f" - Operations: {event.operations} - Duration: {event.duration * 1000:.1f}ms"
        )
        return DbRecord(
            *self._common_values(event, INFO, DbRecord, human),
            operation=event.operation,
            table=event.table,
            count=event.count,
            duration_seconds=event.duration,
            outcome="success",
            batch=event.batch,
            operations=event.operations,
            elapsed_seconds=event.elapsed,
            longest_seconds=event.longest,
        )

    def _db_statement(self, event: DbOperation) -> Record | None:
        if event.statement is None:
            return None
        human = f"DETAIL {event.operation} {event.table} - SQL: {event.statement}"
        return DbStatementRecord(
            *self._common_values(event, DEBUG, DbStatementRecord, human),
            event.operation,
            event.table,
            event.statement,
        )
