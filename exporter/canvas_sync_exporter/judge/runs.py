"""Runs as conditions see them. All times are in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from canvas_sync_core.names import RunStatus

__all__ = ["EndedRun", "FoundRun", "RunningRun"]


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that has ended.

    Attributes:
        id: Its task id.
        duration: In seconds; so are ``api_seconds`` and ``db_seconds``.
        items: Items that it handled.
        api_items: Items in the lists that Canvas sent; None when unknown, like ``api_bytes``.
        error_type: Type of the error that ended it; None without one.
        request_context_id: Canvas's id of its newest failed API call.
        suspect_reason: How it differs from its history, as stored in its row; empty when it does
            not, or has not been compared yet.
        clock_skew: Its clock minus Canvas's in seconds; None when unknown.
        telemetry_fault: Why its logs or metrics could not be written; None when they could.
    """

    id: str
    sync_type: str
    status: RunStatus
    start: datetime
    end: datetime
    duration: float
    user_id: int | None = None
    course_id: int | None = None
    canvas_host: str | None = None
    items: int = 0
    api_calls: int = 0
    api_failed: int = 0
    api_throttled: int = 0
    api_retried: int = 0
    api_truncated: int = 0
    api_seconds: float = 0.0
    api_items: int | None = None
    api_bytes: int | None = None
    db_operations: int = 0
    db_failed: int = 0
    db_seconds: float = 0.0
    error_type: str | None = None
    error_message: str | None = None
    request_context_id: str | None = None
    suspect_reason: str = ""
    clock_skew: float | None = None
    telemetry_fault: str | None = None


@dataclass(frozen=True, slots=True)
class RunningRun:
    """A run that has not ended.

    Attributes:
        id: Its task id.
        heartbeat: The time of its last heartbeat.
        is_waiting: Whether it is waiting for a retry, as a Celery task can.
    """

    id: str
    sync_type: str
    start: datetime
    heartbeat: datetime
    user_id: int | None = None
    course_id: int | None = None
    is_waiting: bool = False


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A row of the table.

    Attributes:
        number: Its ``id``.
        run: What it says.
        items: The kinds of items that it handled.
    """

    number: int
    run: EndedRun | RunningRun
    items: frozenset[str]
