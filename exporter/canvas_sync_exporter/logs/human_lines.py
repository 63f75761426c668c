"""The human lines of the text format, read back.

They say less than a JSON line: what they leave out stays at its default. The patterns follow the
lines that :mod:`canvas_sync_instrumentation.sinks.log_records` writes.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any, Final

from canvas_sync_instrumentation.canvas.routes import route_of
from canvas_sync_instrumentation.names import ITEMS, Log

__all__ = ["STAMP", "text_fields"]

STAMP: Final = re.compile(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\] ")
"""How a human line begins."""


def text_fields(log: Log, line: str) -> dict[str, Any] | None:
    """Read a human line.

    Args:
        log: The log that it is in.
        line: The line.

    Returns:
        What it tells, by the names of the JSON fields; None when it is none that this log has.

    Raises:
        ValueError: Its time or one of its numbers is none.
    """
    stamp = STAMP.match(line)
    if stamp is None:
        return None
    rest = line[stamp.end() :].rstrip()
    for pattern, fields in _HUMAN_LINES[log]:
        if found := pattern.fullmatch(rest):
            moment = dt.datetime.fromisoformat(stamp[1]).replace(tzinfo=dt.UTC)
            common = {"timestamp": moment, "level": "INFO", "log": log.value, "message": line}
            return {**common, **fields(found)}
    return None


_Fields = Callable[[re.Match[str]], dict[str, Any]]


def _run(found: re.Match[str]) -> dict[str, Any]:
    user = found["user"]
    return {
        "event": f"run_{found['event']}",
        "task_id": found["task"],
        "user_id": None if user == "-" else int(user),
        "status": found["status"],
        "level": {"failed": "ERROR", "interrupted": "ERROR"}.get(found["status"], "INFO"),
    }


def _suspect(found: re.Match[str]) -> dict[str, Any]:
    return {
        "event": "run_suspect",
        "task_id": found["task"],
        "user_id": None if found["user"] == "-" else int(found["user"]),
        "suspect_reasons": found["reasons"].split(),
        "level": "WARNING",
    }


def _step(found: re.Match[str]) -> dict[str, Any]:
    return {
        "event": f"step_{found['event']}",
        "step": found["step"],
        "duration_seconds": _seconds(found["ms"]),
        "level": "ERROR" if found["status"] == "failed" else "INFO",
    }


def _items(found: re.Match[str]) -> dict[str, Any]:
    counts = {name: int(found[name]) for name in ("processed", "created", "updated")}
    return {"event": "items", "item": found["item"].lower(), **counts}


def _logs_cleaned(found: re.Match[str]) -> dict[str, Any]:
    return {
        "event": "logs_cleaned",
        "status": found["status"],
        "level": "ERROR" if found["status"] == "failed" else "INFO",
        "files": int(found["files"]),
        "reclaimed_bytes": int(found["freed"]),
        "duration_seconds": _seconds(found["ms"]),
    }


def _api_call(found: re.Match[str]) -> dict[str, Any]:
    outcome = found["outcome"]
    status = int(outcome) if outcome.isdecimal() else None
    failed = status is None or status >= 400
    return {
        "event": "api_call",
        "method": found["method"],
        "path": found["path"],
        "route": route_of(found["path"]),
        "status_code": status,
        "error_class": None if status else outcome,
        "throttled": status == 429,
        "duration_seconds": _seconds(found["ms"]),
        "level": "INFO" if not failed else "WARNING" if status and status < 500 else "ERROR",
    }


def _truncated(found: re.Match[str]) -> dict[str, Any]:
    return {
        "event": "list_truncated",
        "route": found["route"],
        "count": int(found["count"]),
        "level": "WARNING",
    }


def _guard_wait(found: re.Match[str]) -> dict[str, Any]:
    return {
        "event": "guard_wait",
        "token": None if found["hash"] == "-" else found["hash"],
        "wait_seconds": _seconds(found["ms"]),
    }


def _db_operation(found: re.Match[str]) -> dict[str, Any]:
    return {
        "event": "db_operation",
        "operation": found["operation"],
        "table": found["table"],
        "count": int(found["count"]),
        "batch": found["batch"] == "true",
        "duration_seconds": _seconds(found["ms"]),
    }


def _error(found: re.Match[str]) -> dict[str, Any]:
    ids = {name: int(found[name]) if found[name] else None for name in ("user_id", "course_id")}
    return {"event": "error", "level": "ERROR", "error": found["error"], **ids}


def _progress(found: re.Match[str]) -> dict[str, Any]:
    return {
        "event": "progress",
        "task_id": found["task"],
        "percent": float(found["percent"]),
        "progress_message": found["text"],
    }


def _seconds(milliseconds: str | None) -> float | None:
    return None if milliseconds is None else float(milliseconds) / 1000


_MS: Final = r"(?P<ms>\d+(?:\.\d+)?)ms"
_ITEM: Final = "|".join(item.capitalize() for item in ITEMS)


def _table(*rows: tuple[str, _Fields]) -> tuple[tuple[re.Pattern[str], _Fields], ...]:
    return tuple((re.compile(pattern), fields) for pattern, fields in rows)


_HUMAN_LINES: Final = {
    Log.OPERATIONS: _table(
        (
            r"Sync Task: (?P<task>.+), (?P<user>-|-?\d{1,19}), (?P<event>started|waiting|ended),"
            r" (?P<status>\w+)",
            _run,
        ),
        (
            r"Sync Task: (?P<task>.+), (?P<user>-|-?\d{1,19}), suspect, (?P<reasons>[a-z_ ]+)",
            _suspect,
        ),
        (
            r"Sync Step: (?P<step>.+), (?P<event>started|ended), (?P<status>\w+)"
            rf"(?: - Duration: {_MS})?",
            _step,
        ),
        (
            rf"(?P<item>{_ITEM})s: (?P<processed>\d+), (?P<created>\d+), (?P<updated>\d+)",
            _items,
        ),
        (
            r"Log Cleanup: (?P<status>success|failed) - Files: (?P<files>\d{1,19})"
            rf" - Freed: (?P<freed>-?\d{{1,19}}) bytes - Duration: {_MS}",
            _logs_cleaned,
        ),
    ),
    Log.API_CALLS: _table(
        (rf"(?P<method>[A-Z]+) (?P<path>\S+) - Status: (?P<outcome>\w+) - {_MS}", _api_call),
        (rf"WAIT (?P<hash>\S+) - Duration: {_MS}", _guard_wait),
        (r"TRUNCATED (?P<route>\S+) - Count: (?P<count>\d+)", _truncated),
    ),
    Log.DATABASE: _table(
        (
            r"(?P<operation>[A-Z]+) (?P<table>.+?) - Count: (?P<count>\d+)"
            rf"(?: - Batch: (?P<batch>true|false))?(?: - Duration: {_MS})?",
            _db_operation,
        ),
    ),
    Log.ERRORS: _table(
        (
            r"ERROR: (?P<error>.*?)(?: - user_id: (?P<user_id>-?\d{1,19}))?"
            r"(?: - course_id: (?P<course_id>-?\d{1,19}))?",
            _error,
        ),
    ),
    Log.PROGRESS: _table(
        (r"PROGRESS: Task: (?P<task>.+?) - (?P<percent>[-+.\de]+)% - (?P<text>.*)", _progress),
    ),
}
