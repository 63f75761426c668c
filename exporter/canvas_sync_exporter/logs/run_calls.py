"""The calls of one run, from its lines in the logs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from canvas_sync_core.names import Log
from canvas_sync_core.store.runs import RunRow

from .line_fields import (
    count_field,
    earlier,
    number_field,
    seconds_field,
    sum_of_fields,
    text_field,
)
from .run_lines import RunLogs
from .search import FoundLine, Order

__all__ = ["CallKind", "CallPage", "RunCall", "run_calls"]


class CallKind(StrEnum):
    """What a run spent time on."""

    API = "api"
    GUARD = "guard"
    DATABASE = "database"


_KINDS: Final = {
    "api_call": CallKind.API,
    "guard_wait": CallKind.GUARD,
    "db_operation": CallKind.DATABASE,
}
"""Event -> its kind of call."""
_LOGS: Final = {
    CallKind.API: Log.API_CALLS,
    CallKind.GUARD: Log.API_CALLS,
    CallKind.DATABASE: Log.DATABASE,
}


@dataclass(frozen=True, slots=True)
class RunCall:
    """A call of a run: to the Canvas API, to its own database, or a wait for a guard.

    Equal database operations that came too fast to be logged one by one are one call.

    A value is None if it is unknown, or if this kind of call has no such value.

    Attributes:
        kind: ``api``, ``guard`` or ``database``.
        start: When it started.
        offset_seconds: The same, from the start of the run.
        duration_seconds: How long it took; of several operations, the sum.
        elapsed_seconds: Seconds from its start to its end; of several operations, from the start of
            the first to the end of the last.
        longest_seconds: The duration of the longest of several operations.
        operations: How many database operations it is.
        span_id: Span of its step, or of the run; without tracing the same for the whole run.
        error_class: Why there was no answer, such as ``timeout``.
        backoff_seconds: Time between the failed call that it repeats and this one.
        queue_seconds: Time that Canvas let the request wait before handling it.
        cpu_seconds: CPU time in Canvas.
        canvas_database_seconds: Time that Canvas spent in its own database.
        operation: Of a database operation, such as ``INSERT``; of an API call, its GraphQL
            operation.
        count: Number of rows.
        outcome: ``success`` or ``failed``.
    """

    kind: str
    start: dt.datetime
    offset_seconds: float
    duration_seconds: float
    elapsed_seconds: float
    longest_seconds: float | None
    span_id: str | None
    outcome: str
    method: str | None
    route: str | None
    path: str | None
    status_code: int | None
    error_class: str | None
    error: str | None
    throttled: bool
    retries: int
    backoff_seconds: float | None
    queue_seconds: float | None
    cpu_seconds: float | None
    canvas_database_seconds: float | None
    cost: float | None
    rate_limit_remaining: float | None
    request_context_id: str | None
    received_items: int | None
    received_bytes: int | None
    operation: str | None
    table: str | None
    operations: int | None
    count: int | None


@dataclass(frozen=True, slots=True)
class CallPage:
    """Calls of a run in the order in which they ended.

    Attributes:
        items: The calls. There may be fewer than ``limit``, or none, although there is a ``next``.
        next: Cursor of the next page; None when this is the last.
        searched_to: The time up to which the logs have been searched; None after the last page.
        problems: Files that cannot be read.
    """

    items: list[RunCall]
    next: str | None
    searched_to: dt.datetime | None
    problems: list[str]


def run_calls(
    logs: RunLogs,
    run: RunRow,
    *,
    limit: int,
    cursor: str | None = None,
    kinds: Sequence[CallKind] = tuple(CallKind),
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> CallPage:
    """Read the calls of a run.

    Args:
        logs: The logs.
        run: The run.
        limit: Maximum number of calls.
        cursor: ``next`` of the previous page, with the same arguments.
        kinds: Only calls of these kinds.
        since: Only calls that ended then or later.
        until: Only calls that ended before then.

    Raises:
        BadCursorError: The cursor is not one of this list.
        LogFolderError: The log folder is missing or cannot be read.
        OSError: A file cannot be read.
    """
    logs_of_kinds = tuple(dict.fromkeys(_LOGS[kind] for kind in kinds))
    page = logs.lines(
        run,
        limit=limit,
        cursor=cursor,
        order=Order.OLDEST,
        logs=logs_of_kinds,
        since=since,
        until=until,
    )
    calls = [_call(line, kind, run) for line, kind in _of_kinds(page.items, kinds)]
    return CallPage(calls, page.next, page.searched_to, page.problems)


def _of_kinds(
    lines: Iterable[FoundLine], kinds: Sequence[CallKind]
) -> Iterator[tuple[FoundLine, CallKind]]:
    for line in lines:
        event = line.fields.get("event")
        kind = _KINDS.get(event) if isinstance(event, str) else None
        if kind in kinds and kind is not None:
            yield line, kind


def _call(line: FoundLine, kind: CallKind, run: RunRow) -> RunCall:
    fields = line.fields
    name = "wait_seconds" if kind is CallKind.GUARD else "duration_seconds"
    duration = seconds_field(fields, name) or 0.0
    elapsed = seconds_field(fields, "elapsed_seconds") or duration
    start = earlier(line.time, elapsed)
    return RunCall(
        kind=kind.value,
        start=start,
        offset_seconds=(start - run.sync_start_time).total_seconds(),
        duration_seconds=duration,
        elapsed_seconds=elapsed,
        longest_seconds=seconds_field(fields, "longest_seconds"),
        span_id=text_field(fields, "span_id"),
        outcome=_outcome(fields),
        method=text_field(fields, "method"),
        route=text_field(fields, "route"),
        path=text_field(fields, "path"),
        status_code=count_field(fields, "status_code"),
        error_class=text_field(fields, "error_class"),
        error=text_field(fields, "error") or text_field(fields, "error_type"),
        throttled=fields.get("throttled") is True,
        retries=count_field(fields, "retries") or 0,
        backoff_seconds=seconds_field(fields, "backoff_seconds"),
        queue_seconds=seconds_field(fields, "queue_seconds"),
        cpu_seconds=sum_of_fields(fields, "user_cpu_seconds", "system_cpu_seconds"),
        canvas_database_seconds=seconds_field(fields, "database_seconds"),
        cost=number_field(fields, "cost"),
        rate_limit_remaining=number_field(fields, "rate_limit_remaining"),
        request_context_id=text_field(fields, "request_context_id"),
        received_items=count_field(fields, "received_items"),
        received_bytes=count_field(fields, "received_bytes"),
        operation=text_field(fields, "operation") or text_field(fields, "graphql_operation"),
        table=text_field(fields, "table"),
        operations=count_field(fields, "operations") or 1 if kind is CallKind.DATABASE else None,
        count=count_field(fields, "count"),
    )


def _outcome(fields: Mapping[str, Any]) -> str:
    status = count_field(fields, "status_code")
    has_failed = (
        fields.get("outcome") == "failed"
        or fields.get("error_class") is not None
        or (status is not None and status >= 400)
        or bool(count_field(fields, "graphql_errors"))
    )
    return "failed" if has_failed else "success"
