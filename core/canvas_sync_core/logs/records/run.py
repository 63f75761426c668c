"""Log records of a run: its start and end, its steps, and what the app reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from canvas_sync_core.events import (
    ErrorRecorded,
    Event,
    ItemsRecorded,
    OutputRecorded,
    Progressed,
    RunContext,
    RunEnded,
    RunStarted,
    RunSuspected,
    RunWaiting,
    StepEnded,
    StepStarted,
)
from canvas_sync_core.names import RUN_LEVELS
from canvas_sync_core.schema.log_records import (
    COMMON_FIELDS,
    ErrorRecord,
    ItemsRecord,
    OutputRecord,
    ProgressRecord,
    Record,
    RunEndedRecord,
    RunStartedRecord,
    RunSuspectRecord,
    RunWaitingRecord,
    StepEndedRecord,
    StepStartedRecord,
)
from canvas_sync_core.schema.run_fields import RUN_FIELDS

from .common_fields import (
    ERROR,
    INFO,
    WARNING,
    CommonFields,
    RecordRule,
    always,
    error_fields,
    error_level,
    record_rule,
)

__all__ = ["RunRecords"]

_OF_A_RUN: Final = [
    field
    for field in RUN_FIELDS
    if field.is_direct and {field.log}.isdisjoint(("", *COMMON_FIELDS))
]
"""The fields of the line that reports the end of a run, without the common fields."""


class RunRecords:
    """Turns the events of runs into records."""

    def __init__(self, common: CommonFields) -> None:
        self._common_values = common.of
        self.rules: Mapping[type[Event], RecordRule] = {
            RunStarted: record_rule(RunStartedRecord, always(INFO), self._run_started),
            RunWaiting: record_rule(RunWaitingRecord, always(INFO), self._run_waiting),
            RunEnded: record_rule(RunEndedRecord, _run_level, self._run_ended),
            RunSuspected: record_rule(RunSuspectRecord, always(WARNING), self._run_suspected),
            StepStarted: record_rule(StepStartedRecord, always(INFO), self._step_started),
            StepEnded: record_rule(StepEndedRecord, error_level, self._step_ended),
            Progressed: record_rule(ProgressRecord, always(INFO), self._progress),
            ItemsRecorded: record_rule(ItemsRecord, _items_level, self._items),
            ErrorRecorded: record_rule(ErrorRecord, always(ERROR), self._error),
            OutputRecorded: record_rule(OutputRecord, always(INFO), self._output),
        }

    def _run_started(self, event: RunStarted) -> Record:
        snapshot = event.snapshot
        human = f"{_task(event.context)}, started, {snapshot.status.value}"
        return RunStartedRecord(
            *self._common_values(event, INFO, RunStartedRecord, human),
            status=snapshot.status.value,
        )

    def _run_waiting(self, event: RunWaiting) -> Record:
        snapshot = event.snapshot
        human = f"{_task(event.context)}, waiting, {snapshot.status.value}"
        return RunWaitingRecord(
            *self._common_values(event, INFO, RunWaitingRecord, human),
            snapshot.status.value,
            *error_fields(snapshot.error),
        )

    def _run_ended(self, event: RunEnded) -> Record:
        snapshot = event.snapshot
        human = f"{_task(event.context)}, ended, {snapshot.status.value}"
        error_type, error, traceback = error_fields(snapshot.error)
        record = RunEndedRecord(
            *self._common_values(event, _run_level(event), RunEndedRecord, human),
            error_type=error_type,
            error=error,
            error_traceback=traceback,
            items=snapshot.items,
            **{field.log: getattr(snapshot, field.source) for field in _OF_A_RUN},
        )
        # Those of the run's process, also when the exporter ends it.
        record.host, record.pid = snapshot.host, snapshot.pid
        return record

    def _run_suspected(self, event: RunSuspected) -> Record:
        human = f"{_task(event.context)}, suspect, {' '.join(event.reasons)}"
        return RunSuspectRecord(
            *self._common_values(event, WARNING, RunSuspectRecord, human),
            list(event.reasons),
            event.message,
        )

    def _step_started(self, event: StepStarted) -> Record:
        human = f"Sync Step: {event.name}, started, running"
        values = self._common_values(event, INFO, StepStartedRecord, human)
        return StepStartedRecord(*values, event.name)

    def _step_ended(self, event: StepEnded) -> Record:
        status = "failed" if event.error else "success"
        human = (
            f"Sync Step: {event.name}, ended, {status} - Duration: {event.duration * 1000:.1f}ms"
        )
        return StepEndedRecord(
            *self._common_values(event, error_level(event), StepEndedRecord, human),
            event.name,
            event.duration,
            *error_fields(event.error),
        )

    def _progress(self, event: Progressed) -> Record:
        task_id = event.context.task_id
        message = f" - {event.message}" if event.message else ""
        human = f"PROGRESS: Task: {task_id} - {event.percent:g}%{message}"
        values = self._common_values(event, INFO, ProgressRecord, human)
        return ProgressRecord(*values, event.percent, event.message)

    def _items(self, event: ItemsRecorded) -> Record:
        counts = event.counts
        human = (
            f"{event.item.capitalize()}s: {counts.processed}, {counts.created}, {counts.updated}"
        )
        return ItemsRecord(
            *self._common_values(event, _items_level(event), ItemsRecord, human),
            item=event.item,
            processed=counts.processed,
            created=counts.created,
            updated=counts.updated,
            unchanged=counts.unchanged,
            failed=counts.failed,
            inferred=event.inferred,
        )

    def _error(self, event: ErrorRecorded) -> Record:
        error = event.error
        human = f"ERROR: {error.message}{_whose(event.context)}"
        values = self._common_values(event, ERROR, ErrorRecord, human)
        return ErrorRecord(
            *values,
            operation=event.operation,
            error_type=error.error_type,
            error=error.message,
            request_context_id=event.request_context_id,
            error_traceback=error.traceback,
        )

    def _output(self, event: OutputRecorded) -> Record:
        human = f"OUTPUT: Task: {event.context.task_id} - {event.stream} - {event.text}"
        return OutputRecord(
            *self._common_values(event, INFO, OutputRecord, human), event.stream, event.text
        )


def _task(context: RunContext) -> str:
    user = "-" if context.user_id is None else context.user_id
    return f"Sync Task: {context.task_id}, {user}"


def _whose(context: RunContext | None) -> str:
    if context is None:
        return ""
    user = "" if context.user_id is None else f" - user_id: {context.user_id}"
    course = "" if context.course_id is None else f" - course_id: {context.course_id}"
    return user + course


def _run_level(event: RunEnded) -> str:
    return RUN_LEVELS.get(event.snapshot.status, INFO)


def _items_level(event: ItemsRecorded) -> str:
    return WARNING if event.counts.failed else INFO
