"""The night of the tutorial: Canvas was away at 02:00, so that the nightly sync failed.

Every time and id is fixed, so that the pages of the tutorial always look the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy import Engine

from canvas_sync_core.events import ErrorInfo, ItemCounts, RunSnapshot
from canvas_sync_core.names import Log, RunStatus
from canvas_sync_core.store.incidents.judges import JudgeRow, note_judging
from canvas_sync_core.store.incidents.writing import write_incidents
from canvas_sync_core.store.rollups.writing import roll_up
from canvas_sync_exporter.settings import Configuration

from .incidents import incident
from .page_logs import log_record, write_lines
from .runs import snapshot, write
from .tables import create_tables

__all__ = ["MORNING", "make_last_night"]

MORNING: Final = datetime(2026, 3, 3, 7, 40, tzinfo=UTC)
"""When the tutorial is followed."""
_NIGHT: Final = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
_REQUEST_ID: Final = "1f0c3a52-9a74-4a7e-8d30-5b6f0a3f2f10"
_SUBMISSIONS: Final = "/api/v1/courses/:course_id/students/submissions"
_ERROR: Final = ErrorInfo(
    "http_502",
    "Canvas answered 502 Bad Gateway",
    ("nightly.job:main:31", "nightly.submissions:copy:74", "nightly.canvas:fetch:88"),
)
_COURSES: Final = range(101, 113)
_FAILED_COURSE: Final = 112


def make_last_night(engine: Engine, config: Configuration) -> None:
    """Make the database and fill the log folder, as two weeks of syncs and a judge have done."""
    create_tables(engine)
    chance = random.Random("last night")
    full = [_run("full", _NIGHT - timedelta(days=day), 840, chance) for day in range(14, 0, -1)]
    hours = [MORNING - timedelta(hours=hour, minutes=30) for hour in range(72, -1, -1)]
    grades = [_run("grades", start, 95, chance) for start in hours]
    failed = [_failed("full", _NIGHT, 341.6, calls=38), _failed("grades", hours[-6], 58.2, calls=9)]
    good = [*full, *(run for run in grades if run.task_id != failed[1].task_id)]
    write(engine, *good, *failed)
    roll_up(engine, 60.0)
    night = good[-8:]
    write_lines(config.app.log_dir, [*full[-1:], *night], *_lines(failed[0]), *_lines(failed[1]))
    _judge(engine, failed[0])


def _run(
    sync_type: str, start: datetime, usual: float, chance: random.Random, **changes: Any
) -> RunSnapshot:
    task_id = f"{sync_type}-{start:%d-%H}"
    duration = round(usual * chance.lognormvariate(0.0, 0.08), 1)
    begin = start.timestamp()
    values: dict[str, Any] = {
        "trace_id": blake2b(task_id.encode(), digest_size=16).hexdigest(),
        "sync_type": sync_type,
        "start_time": begin,
        "end_time": begin + duration,
        "duration": duration,
        "heartbeat": begin + duration,
        "items": {each: ItemCounts() for each in ("assignment", "user", "enrollment")}
        | {"course": ItemCounts(12, 0, 2, 10, 0), "grade": ItemCounts(840, 12, 61, 767, 0)}
        | {"submission": ItemCounts(1260, 40, 95, 1125, 0)},
        "api_calls": 126,
        "api_failed": 0,
        "api_throttled": 0,
        "api_retried": 0,
        "api_seconds": round(duration * 0.62, 1),
        "db_operations": 48,
        "db_seconds": round(duration * 0.14, 1),
    }
    return snapshot(task_id, **(values | changes))


def _failed(sync_type: str, start: datetime, duration: float, *, calls: int) -> RunSnapshot:
    begin = start.timestamp()
    return _run(
        sync_type,
        start,
        duration,
        random.Random("failed"),
        status=RunStatus.FAILED,
        end_time=begin + duration,
        duration=duration,
        heartbeat=begin + duration,
        progress=64.0,
        step="submissions",
        error=_ERROR,
        request_context_id=_REQUEST_ID,
        items={each: ItemCounts() for each in ("assignment", "user", "enrollment", "grade")}
        | {"course": ItemCounts(12, 0, 1, 11, 0), "submission": ItemCounts(16 * calls, 8, 12)},
        api_calls=calls,
        api_failed=3,
        api_retried=2,
        api_seconds=round(duration * 0.55, 1),
        api_wait_seconds=round(duration * 0.12, 1),
        db_operations=19,
        db_seconds=round(duration * 0.09, 1),
    )


def _lines(run: RunSnapshot) -> Iterator[tuple[Log, Any]]:
    """Return what the failed run logged: two good steps, then three calls that got a 502."""
    whole = run.duration or 0.0

    def record(log: Log, event: str, share: float, message: str, **fields: Any) -> tuple[Log, Any]:
        return log_record(run, log, event, share * whole, message, **fields)

    def call(share: float, route: str, path: str, **fields: Any) -> tuple[Log, Any]:
        values = {"status_code": 200, "duration_seconds": 0.412, **fields}
        milliseconds = 1000 * values["duration_seconds"]
        message = f"GET {path} - Status: {values['status_code']} - {milliseconds:.1f}ms"
        place = {"method": "GET", "route": route, "path": path}
        return record(
            Log.API_CALLS,
            "api_call",
            share,
            message,
            **place,
            canvas_host="canvas.example.edu",
            **values,
        )

    def step(share: float, event: str, name: str, **fields: Any) -> tuple[Log, Any]:
        message = f"Step: {name}, {event.removeprefix('step_')}"
        return record(Log.OPERATIONS, event, share, message, step=name, **fields)

    started = f"Sync Task: {run.task_id}, {run.user_id}, started, running"
    yield record(Log.OPERATIONS, "run_started", 0.0, started, status="running")
    yield step(0.001, "step_started", "courses")
    yield call(0.02, "/api/v1/courses", "/api/v1/courses")
    yield step(0.05, "step_ended", "courses", duration_seconds=0.049 * whole)
    yield step(0.051, "step_started", "submissions")
    for number, course in enumerate(_COURSES):
        share = 0.08 + 0.04 * number
        yield call(share, _SUBMISSIONS, f"/api/v1/courses/{course}/students/submissions")
        if course == _FAILED_COURSE:
            break
        yield record(
            Log.DATABASE,
            "db_operation",
            share + 0.01,
            "UPSERT submissions - Count: 105 - Batch: true - Duration: 212.0ms",
            operation="UPSERT",
            table="submissions",
            count=105,
            batch=True,
            duration_seconds=0.212,
            outcome="success",
        )
    for number, share in enumerate((0.62, 0.78, 0.99)):
        fields = {"retries": number, "backoff_seconds": round(0.05 * whole, 1)} if number else {}
        yield call(
            share,
            _SUBMISSIONS,
            f"/api/v1/courses/{_FAILED_COURSE}/students/submissions",
            status_code=502,
            duration_seconds=round(0.088 * whole, 3),
            request_context_id=_REQUEST_ID,
            error="Bad Gateway",
            **fields,
        )
    problem = {"error_type": _ERROR.error_type, "error": _ERROR.message}
    took = {"duration_seconds": 0.945 * whole}
    yield step(0.996, "step_ended", "submissions", **took, **problem)
    text = f"ERROR: {_ERROR.message} - user_id: {run.user_id}"
    yield record(Log.ERRORS, "error", 0.997, text, operation="submissions", **problem)
    ended = f"Sync Task: {run.task_id}, {run.user_id}, ended, failed"
    end = {"status": "failed", "duration_seconds": whole, **problem}
    yield record(Log.OPERATIONS, "run_ended", 1.0, ended, **end)


def _judge(engine: Engine, run: RunSnapshot) -> None:
    """Open the incident, and say what is due next."""
    found = datetime.fromtimestamp(run.end_time or 0.0, UTC)
    write_incidents(
        engine,
        [
            incident(
                since=_NIGHT,
                opened_at=found,
                updated_at=found,
                summary="The last run of the sync full failed.",
                cause="Canvas answers 502 Bad Gateway.",
                affects=("full",),
                counts={"http_502": 1},
                runs=(run.task_id,),
                run_count=1,
                user_count=1,
                request_ids=(_REQUEST_ID,),
            )
        ],
    )
    due = {"full": _NIGHT + timedelta(days=1), "grades": MORNING + timedelta(minutes=30)}
    note_judging(engine, JudgeRow("sync-1 state", MORNING, None, due))
