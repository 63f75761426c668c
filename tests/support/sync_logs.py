"""Generated logs of syncs, and the same figures computed the plain way."""

from __future__ import annotations

import datetime as dt
import json
import math
import random
from collections.abc import Iterator
from typing import Any

from canvas_sync_core.names import Log

__all__ = ["START", "generate", "human_of", "line_of_record", "nearest_rank"]

START = dt.datetime(2025, 11, 28, 22, 0, 0, tzinfo=dt.UTC)
_ROUTES = ("/api/v1/courses", "/api/v1/courses/:course_id/assignments", "/api/v1/users/:id")
_OUTCOMES = (200, 200, 200, 200, 404, 429, 500, "timeout", "connection")


def generate(runs: int, seed: int = 1) -> dict[Log, list[dict[str, Any]]]:
    """Make the records of some runs that follow each other, a new one every 20 minutes."""
    chance = random.Random(seed)
    records: dict[Log, list[dict[str, Any]]] = {log: [] for log in Log}
    for number in range(runs):
        for log, record in _run(number, chance):
            records[log].append({**record, "log": log.value})
    return records


def _run(number: int, chance: random.Random) -> Iterator[tuple[Log, dict[str, Any]]]:
    time = START + dt.timedelta(minutes=20 * number)
    whose = {"task_id": f"nightly-{number}", "user_id": number % 7, "sync_type": "full"}

    def record(event: str, seconds: float, **fields: Any) -> dict[str, Any]:
        nonlocal time
        time += dt.timedelta(seconds=seconds)
        stamp = f"{time:%Y-%m-%dT%H:%M:%S.%f}Z"
        return {"timestamp": stamp, "level": "INFO", "event": event, **whose, **fields}

    start = time
    yield Log.OPERATIONS, record("run_started", 0, status="running")
    for percent in (0, 50, 100):
        yield (
            Log.PROGRESS,
            record("progress", chance.randrange(60), percent=percent, progress_message="Courses"),
        )
        for _ in range(chance.randrange(12)):
            yield Log.API_CALLS, record("api_call", 0.25, **_call(chance))
        yield Log.DATABASE, record("db_operation", 0.25, **_operation(chance))
    if number % 3 == 0:
        error = {"operation": "api", "error_type": f"type_{number % 2}", "error": f"no {number}"}
        yield Log.ERRORS, record("error", 0, course_id=number % 5, **error)
    if number % 10 != 9:
        status = "failed" if number % 3 == 0 else "success"
        seconds = (time - start).total_seconds()
        yield Log.OPERATIONS, record("run_ended", 0, status=status, duration_seconds=seconds)


def _call(chance: random.Random) -> dict[str, Any]:
    outcome = chance.choice(_OUTCOMES)
    fields: dict[str, Any] = {
        "method": chance.choice(("GET", "PUT")),
        "route": chance.choice(_ROUTES),
        "duration_seconds": chance.lognormvariate(-2, 1),
    }
    fields["status_code" if isinstance(outcome, int) else "error_class"] = outcome
    if outcome == 429:
        fields["throttled"] = True
    if chance.random() < 0.1:
        fields |= {"retries": 1, "backoff_seconds": chance.random()}
    return fields


def _operation(chance: random.Random) -> dict[str, Any]:
    return {
        "operation": chance.choice(("INSERT", "UPDATE")),
        "table": chance.choice(("courses", "grades")),
        "count": chance.randrange(1, 50),
        "duration_seconds": chance.random(),
        "outcome": "failed" if chance.random() < 0.1 else "success",
    }


def line_of_record(record: dict[str, Any]) -> bytes:
    """The line as the JSON format has it."""
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def human_of(record: dict[str, Any]) -> bytes:
    """The line as the text format has it."""
    clock = record["timestamp"][:19].replace("T", " ")
    return f"[{clock}] {_human(record)}\n".encode()


def _human(record: dict[str, Any]) -> str:
    match record["event"]:
        case "run_started" | "run_ended":
            event = record["event"].removeprefix("run_")
            return (
                f"Sync Task: {record['task_id']}, {record['user_id']}, {event}, {record['status']}"
            )
        case "api_call":
            path = record["route"].replace(":course_id", "7").replace(":id", "8")
            outcome = record.get("status_code") or record["error_class"]
            ms = record["duration_seconds"] * 1000
            return f"{record['method']} {path} - Status: {outcome} - {ms:.1f}ms"
        case "db_operation":
            ms = record["duration_seconds"] * 1000
            what = f"{record['operation']} {record['table']} - Count: {record['count']}"
            operations = record.get("operations", 1)
            summed = f" - Operations: {operations}" if operations > 1 else ""
            return f"{what} - Batch: true{summed} - Duration: {ms:.1f}ms"
        case "error":
            ids = f"user_id: {record['user_id']} - course_id: {record['course_id']}"
            return f"ERROR: {record['error']} - {ids}"
        case _:
            task, text = record["task_id"], record["progress_message"]
            return f"PROGRESS: Task: {task} - {record['percent']}% - {text}"


def nearest_rank(values: list[float], share: float) -> float:
    """The quantile, exactly."""
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]
