"""Two weeks of syncs, with their logs and incidents, for tests of the web pages."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy import Engine

from canvas_sync_core.events import ErrorInfo, ItemCounts, RunSnapshot
from canvas_sync_core.incident import Acknowledgement
from canvas_sync_core.names import IncidentKind, Log, RunStatus, Severity
from canvas_sync_core.store.incidents.judges import JudgeRow, note_judging
from canvas_sync_core.store.incidents.writing import acknowledge_incident, write_incidents
from canvas_sync_core.store.rollups.writing import roll_up
from canvas_sync_exporter.judge.pauses import add_pause, new_pause
from canvas_sync_exporter.settings import Configuration

from .incidents import incident
from .page_logs import write_lines
from .runs import failed, running, snapshot, write
from .tables import create_tables, put_file, sqlite_file

__all__ = ["HOSTILE", "make_history"]

HOSTILE: Final = "<script>alert(1)</script> \u202egnp.exe\u202c \x1b[31m\x00 \" ' & </title>"
"""A text that forges markup, direction and terminal codes."""

_DAY: Final = 86_400.0
_TYPES: Final = {"full": (6, 900.0), "grades": (4, 240.0), "enrollments": (12, 60.0)}
"""Sync type -> hours between its runs, and their usual duration in seconds."""
_ERRORS: Final = (
    ErrorInfo("http_502", "Canvas answered 502 Bad Gateway", ("sync.canvas:fetch:88",)),
    ErrorInfo("TimeoutError", "Canvas did not answer within 30 s", ("sync.canvas:fetch:91",)),
)


def make_history(engine: Engine, config: Configuration) -> None:
    """Make the database and fill the log folder, as syncs and a judge of two weeks have done."""
    now = time.time()
    ended, content = _past()
    put_file(engine, content)
    going_on = [_running(sync_type, now) for sync_type in _TYPES]
    write(engine, *going_on)
    roll_up(engine, 60.0)
    _open_incidents(engine, datetime.fromtimestamp(now, UTC))
    _write_logs(config, [*ended, *going_on], now)


@cache
def _past() -> tuple[Sequence[RunSnapshot], bytes]:
    """Return the runs that have ended, and a database with them.

    Both are made once in a process, because the rollups take seconds. What must be as new as the
    test that looks at it, such as a heartbeat, is therefore not here.
    """
    now = time.time()
    runs = [run for sync_type in _TYPES for run in _runs(sync_type, now)]
    runs += [snapshot(f"old-{day}", start_time=now - (day + 0.5) * _DAY) for day in range(15, 100)]
    runs.append(failed(f"night {HOSTILE}".replace("\x00", ""), start_time=now - 7200))

    def fill(engine: Engine) -> None:
        create_tables(engine)
        for part in range(0, len(runs), 200):
            write(engine, *runs[part : part + 200])
        roll_up(engine, 60.0)

    return runs, sqlite_file(fill)


def _runs(sync_type: str, now: float) -> Iterator[RunSnapshot]:
    chance = random.Random(sync_type)
    hours, usual = _TYPES[sync_type]
    for number in range(14 * 24 // hours, 0, -1):
        start = now - number * hours * 3600 + 1800
        yield _run(f"{sync_type}-{number}", sync_type, start, usual, chance)


def _running(sync_type: str, now: float) -> RunSnapshot:
    _, usual = _TYPES[sync_type]
    return running(
        f"{sync_type}-now",
        sync_type=sync_type,
        start_time=now - usual * 0.4,
        heartbeat=now - 3,
        progress=37.5,
        step="assignments",
    )


def _run(
    task_id: str, sync_type: str, start: float, usual: float, chance: random.Random
) -> RunSnapshot:
    duration = usual * chance.lognormvariate(0.0, 0.25)
    status = chance.choices(
        [RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.PARTIAL, RunStatus.INTERRUPTED],
        [88, 6, 4, 2],
    )[0]
    return snapshot(
        task_id,
        trace_id=blake2b(task_id.encode(), digest_size=16).hexdigest(),
        sync_type=sync_type,
        user_id=chance.randrange(1, 9),
        course_id=chance.choice([None, 101, 102]),
        status=status,
        start_time=start,
        end_time=start + duration,
        duration=duration,
        heartbeat=start + duration,
        progress=100.0 if status is RunStatus.SUCCESS else 60.0,
        error=None if status is RunStatus.SUCCESS else chance.choice(_ERRORS),
        items={each: ItemCounts(90, 10, 80, 0, 0) for each in ("course", "grade", "submission")}
        | {each: ItemCounts() for each in ("assignment", "user", "enrollment")},
        api_calls=400,
        api_seconds=duration * 0.6,
        db_operations=60,
        db_seconds=duration * 0.1,
    )


def _open_incidents(engine: Engine, now: datetime) -> None:
    begin = now - timedelta(hours=9)
    times: dict[str, Any] = {"since": begin, "opened_at": begin, "updated_at": begin}
    known = Acknowledgement(now - timedelta(hours=1), "ops", "Canvas knows about it", 0)
    written = write_incidents(
        engine,
        [
            incident(
                summary="The last 3 runs of the sync full failed.",
                cause="Canvas answers 502 Bad Gateway.",
                affects=("full",),
                counts={"http_502": 3},
                runs=("full-1", "full-2", "full-3"),
                run_count=3,
                user_count=2,
                request_ids=("1f0c3a52-9a74-4a7e-8d30-5b6f0a3f2f10",),
                **times,
            ),
            incident(
                IncidentKind.STALE_ITEMS,
                subject="grades",
                sync_type="grades",
                severity=Severity.WARNING,
                summary=f"Grades are 31 h old. {HOSTILE}".replace("\x00", ""),
                affects=("grades",),
                **times,
            ),
            incident(
                IncidentKind.THROTTLED,
                subject="3f2a91c0",
                sync_type=None,
                severity=Severity.WARNING,
                summary="Canvas throttles the token 3f2a91c0.",
                **times,
            ),
            incident(
                IncidentKind.SLOW,
                subject="enrollments",
                sync_type="enrollments",
                severity=Severity.WARNING,
                summary="Runs of the sync enrollments took twice as long as usual.",
                affects=("enrollments",),
                resolved_at=now - timedelta(hours=5),
                **times,
            ),
        ],
    )
    throttled = next(each for each in written if each.kind == IncidentKind.THROTTLED)
    acknowledge_incident(engine, throttled.id or 0, known)
    due = {name: now + timedelta(hours=hours / 2) for name, (hours, _) in _TYPES.items()}
    note_judging(engine, JudgeRow("sync-1 state", now, None, due))
    end = now + timedelta(hours=12)
    add_pause(engine, new_pause(["grades"], now, end, "Exam week", "ops", now=now), now=now)


def _write_logs(config: Configuration, runs: Sequence[RunSnapshot], now: float) -> None:
    recent = [run for run in runs if run.start_time > now - _DAY]
    stamp = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    hostile = {"timestamp": stamp, "level": "ERROR", "log": "errors", "event": "error"}
    hostile |= {"message": HOSTILE, "task_id": HOSTILE}
    write_lines(config.app.log_dir, recent, (Log.ERRORS, hostile))
