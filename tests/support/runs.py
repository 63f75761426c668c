"""Runs in the table, made without a sync."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import structs
from sqlalchemy import Engine

from canvas_sync_core.events import ErrorInfo, ItemCounts, RunSnapshot
from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.store.rows import write_runs

__all__ = ["HOUR", "NOON", "at", "failed", "running", "snapshot", "write"]

NOON: Final = datetime(2025, 12, 22, 12, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)


def at(hours: float) -> float:
    """The time some hours after :data:`NOON`, in seconds since the epoch."""
    return (NOON + hours * HOUR).timestamp()


def snapshot(task_id: str, **changes: Any) -> RunSnapshot:
    """A successful run of user 42, begun a minute ago, of 12.5 s, except for ``changes``."""
    start = changes.pop("start_time", time.time() - 60)
    made = RunSnapshot(
        task_id=task_id,
        user_id=42,
        course_id=None,
        sync_type="full",
        canvas_host="canvas.example.edu",
        status=RunStatus.SUCCESS,
        start_time=start,
        end_time=start + 12.5,
        duration=12.5,
        heartbeat=start + 12.5,
        progress=100.0,
        step=None,
        error=None,
        items={item: ItemCounts() for item in ITEMS} | {"course": ItemCounts(3, 1, 1, 1, 0)},
        api_calls=10,
        api_failed=1,
        api_throttled=1,
        api_retried=1,
        api_seconds=2.5,
        db_operations=4,
        db_failed=0,
        db_seconds=0.5,
        trace_id="0123456789abcdef0123456789abcdef",
        host="sync-1",
        pid=4711,
        metadata={"term": "autumn"},
    )
    return structs.replace(made, **changes)


def write(engine: Engine, *snapshots: RunSnapshot) -> None:
    """Put runs into the table."""
    assert write_runs(engine, snapshots) == []


def failed(task_id: str, **changes: Any) -> RunSnapshot:
    """A run that ended with an error."""
    error = ErrorInfo("TimeoutError", "Canvas did not answer")
    return snapshot(task_id, status=RunStatus.FAILED, error=error, **changes)


def running(task_id: str, **changes: Any) -> RunSnapshot:
    """A run without an end."""
    start = changes.pop("start_time", time.time() - 5)
    defaults = {"end_time": None, "duration": None, "heartbeat": start, "progress": 40.0}
    return snapshot(task_id, status=RunStatus.RUNNING, start_time=start, **{**defaults, **changes})
