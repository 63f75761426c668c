"""The log lines of syncs, for tests of the web pages."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from canvas_sync_core.events import RunSnapshot
from canvas_sync_core.names import Log, RunStatus

__all__ = ["log_record", "write_lines"]

_ROUTES: Final = (
    "/api/v1/courses",
    "/api/v1/courses/:id/assignments",
    "/api/v1/courses/:id/students/submissions",
    "/api/v1/courses/:id/enrollments",
)
_CALLS: Final = 24
_LEVELS: Final = {200: "INFO", 404: "WARNING", 429: "WARNING", 502: "ERROR"}


def write_lines(folder: Path, runs: Iterable[RunSnapshot], *others: tuple[Log, Any]) -> None:
    """Write the lines of some runs, and other records, as our own writer does."""
    found = [pair for run in runs for pair in _lines(run)] + list(others)
    found.sort(key=lambda pair: str(pair[1]["timestamp"]))
    folder.mkdir(parents=True, exist_ok=True)
    for log in Log:
        lines = (msgspec.json.encode(record) for each, record in found if each is log)
        (folder / f"{log.value}.log").write_bytes(b"".join(line + b"\n" for line in lines))


def log_record(
    run: RunSnapshot, log: Log, event: str, seconds: float, message: str, **fields: Any
) -> tuple[Log, Any]:
    """Return a record of a run, that many seconds after its start, and its log."""
    time = datetime.fromtimestamp(run.start_time + seconds, UTC)
    level = _LEVELS.get(fields.get("status_code", 200), "INFO")
    return log, {
        "timestamp": f"{time:%Y-%m-%dT%H:%M:%S.%f}Z",
        "level": "ERROR" if log is Log.ERRORS else level,
        "log": log.value,
        "event": event,
        "message": message,
        "task_id": run.task_id,
        "user_id": run.user_id,
        "course_id": run.course_id,
        "sync_type": run.sync_type,
        "trace_id": run.trace_id,
        "host": "sync-1",
        "pid": 4711,
        **fields,
    }


def _lines(run: RunSnapshot) -> Iterator[tuple[Log, Any]]:
    chance = random.Random(run.task_id)
    length = run.duration or run.heartbeat - run.start_time

    def record(log: Log, event: str, share: float, message: str, **fields: Any) -> tuple[Log, Any]:
        return log_record(run, log, event, share * length, message, **fields)

    started = f"Sync Task: {run.task_id}, {run.user_id}, started, running"
    yield record(Log.OPERATIONS, "run_started", 0.0, started, status="running")
    for number in range(_CALLS):
        share = (number + 0.5) / _CALLS
        route = chance.choice(_ROUTES)
        status = chance.choices((200, 404, 429, 502), (90, 3, 4, 3))[0]
        path = route.replace(":id", str(chance.randrange(100, 110)))
        ms = chance.lognormvariate(4.5, 0.8)
        yield record(
            Log.API_CALLS,
            "api_call",
            share,
            f"GET {path} - Status: {status} - {ms:.1f}ms",
            method="GET",
            route=route,
            path=path,
            canvas_host="canvas.example.edu",
            duration_seconds=round(ms / 1000, 4),
            status_code=status,
            request_context_id=f"{chance.getrandbits(64):016x}",
        )
        if number % 4 == 3:
            yield record(
                Log.DATABASE,
                "db_operation",
                share,
                f"UPSERT grades - Count: {number * 10} - Batch: true - Duration: {ms / 9:.1f}ms",
                operation="UPSERT",
                table="grades",
                count=number * 10,
                duration_seconds=round(ms / 9000, 4),
                outcome="success",
            )
        if number % 8 == 4:
            text = f"PROGRESS: Task: {run.task_id} - {round(100 * share)}% - submissions"
            yield record(Log.PROGRESS, "progress", share, text, percent=round(100 * share))
    if run.status is RunStatus.RUNNING:
        return
    if run.error is not None:
        error = {
            "operation": "sync",
            "error_type": run.error.error_type,
            "error": run.error.message,
        }
        text = f"ERROR: {run.error.message} - user_id: {run.user_id}"
        yield record(Log.ERRORS, "error", 0.999, text, **error)
    ended = f"Sync Task: {run.task_id}, {run.user_id}, ended, {run.status.value}"
    yield record(
        Log.OPERATIONS,
        "run_ended",
        1.0,
        ended,
        status=run.status.value,
        duration_seconds=run.duration,
    )
