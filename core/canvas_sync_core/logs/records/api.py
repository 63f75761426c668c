"""Log records of the Canvas API: calls, truncated lists, and delays."""

from __future__ import annotations

from collections.abc import Mapping

from canvas_sync_core.events import ApiCall, Event, GuardWaited, ListTruncated, ServerTime
from canvas_sync_core.schema.log_records import (
    ApiCallDetailRecord,
    ApiCallRecord,
    GuardWaitRecord,
    Record,
    TruncatedRecord,
)

from .common_fields import (
    DEBUG,
    ERROR,
    INFO,
    WARNING,
    CommonFields,
    RecordRule,
    always,
    record_rule,
)

__all__ = ["ApiRecords"]


class ApiRecords:
    """Turns the events of the Canvas API into records."""

    def __init__(self, common: CommonFields) -> None:
        self._common = common
        self._common_values = common.of
        self.rules: Mapping[type[Event], RecordRule] = {
            ApiCall: record_rule(ApiCallRecord, _api_level, self._api_call),
            ListTruncated: record_rule(TruncatedRecord, always(WARNING), self._list_truncated),
            GuardWaited: record_rule(GuardWaitRecord, always(INFO), self._guard_waited),
        }
        self.detail_rules: Mapping[type[Event], RecordRule] = {
            ApiCall: record_rule(ApiCallDetailRecord, always(DEBUG), self._api_call_detail),
        }

    def _api_call(self, event: ApiCall) -> Record:
        level, status = _api_level(event), event.status_code
        outcome = event.outcome if status is None else status
        human = f"{event.method} {event.path} - Status: {outcome} - {event.duration * 1000:.1f}ms"
        record = ApiCallRecord(
            *self._common_values(event, level, ApiCallRecord, human),
            method=event.method,
            route=event.route,
            path=event.path,
            canvas_host=event.host,
            duration_seconds=event.duration,
            status_code=status,
            cost=event.cost,
            rate_limit_remaining=event.rate_limit_remaining,
            request_context_id=event.request_context_id,
            is_page=event.is_page,
            token=event.token,
            received_items=event.received_items,
            received_bytes=event.received_bytes,
        )
        # Each keyword argument costs about 20 nanoseconds, so the fields that only few calls have
        # are set afterwards.
        if event.graphql_operation is not None:
            record.graphql_operation = event.graphql_operation
        if (time := event.server_time) is not None:
            record.queue_seconds, record.database_seconds = time.queue, time.database
            record.user_cpu_seconds, record.system_cpu_seconds = time.user_cpu, time.system_cpu
        if level != INFO or event.backoff:
            self._add_failure(record, event)
        return record

    def _add_failure(self, record: ApiCallRecord, event: ApiCall) -> None:
        """Add the fields that only failed calls and retries have."""
        record.error_class = event.error_class
        record.throttled = event.throttled
        record.retries = event.retries
        record.backoff_seconds = event.backoff or None
        record.auth_failure = event.auth_failure
        record.error = event.message
        record.graphql_errors = event.graphql_errors
        if event.token_expired_at is not None:
            record.token_expired_at, _ = self._common.times(event.token_expired_at)

    def _api_call_detail(self, event: ApiCall) -> Record | None:
        detail = event.detail
        if detail is None:
            return None
        parts = [f"Attempt: {detail.attempt + 1}"]
        parts += [f"Page: {detail.page}"] if detail.page is not None else []
        parts += [f"Per page: {detail.per_page}"] if detail.per_page is not None else []
        parts += [f"Links: {', '.join(detail.links)}"] if detail.links else []
        parts += _server_times(event.server_time)
        human = f"DETAIL {event.method} {event.path} - {' - '.join(parts)}"
        return ApiCallDetailRecord(
            *self._common_values(event, DEBUG, ApiCallDetailRecord, human),
            method=event.method,
            route=event.route,
            attempt=detail.attempt,
            page=detail.page,
            per_page=detail.per_page,
            links=detail.links,
        )

    def _list_truncated(self, event: ListTruncated) -> Record:
        human = f"TRUNCATED {event.route} - Count: {event.count}"
        values = self._common_values(event, WARNING, TruncatedRecord, human)
        return TruncatedRecord(*values, event.route, event.count)

    def _guard_waited(self, event: GuardWaited) -> Record:
        human = f"WAIT {event.token or '-'} - Duration: {event.duration * 1000:.1f}ms"
        values = self._common_values(event, INFO, GuardWaitRecord, human)
        return GuardWaitRecord(*values, event.duration, event.token)


def _api_level(event: ApiCall) -> str:
    status = event.status_code
    if status is None or status >= 500:
        return ERROR
    if status >= 400 or event.graphql_errors or event.throttled or event.retries:
        return WARNING
    return INFO


def _server_times(times: ServerTime | None) -> list[str]:
    """Say where Canvas spent the time, in milliseconds."""
    if times is None:
        return []
    named = {
        "Queue": times.queue,
        "CPU": _sum(times.user_cpu, times.system_cpu),
        "Database": times.database,
    }
    return [f"{name}: {part * 1000:.1f}ms" for name, part in named.items() if part is not None]


def _sum(*parts: float | None) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None
