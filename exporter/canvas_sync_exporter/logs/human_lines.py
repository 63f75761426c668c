"""Reads the human-readable lines of the text format, and those of older systems.

They contain less than JSON lines: missing fields keep their defaults. The patterns
follow the lines that :mod:`canvas_sync_core.logs.sink` writes, and accept the
older forms that people have in their folders: other words for the end of a run, fewer figures, no
duration, an ``operation`` after an error. What still cannot be read is tried in our spelling.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from canvas_sync_core.canvas.routes import route_of
from canvas_sync_core.names import ITEM_ACTIONS, ITEMS, RUN_LEVELS, Log, RunStatus

from .lines import STAMP
from .spellings import in_our_spelling

__all__ = ["text_fields"]


def text_fields(log: Log, line: str, zone: dt.tzinfo = dt.UTC) -> dict[str, Any] | None:
    """Read a human-readable line.

    Args:
        log: The log that it is in.
        line: The line.
        zone: Time zone of its clock.

    Returns:
        Its contents, by the names of the JSON fields; None if this log has no such line.

    Raises:
        ValueError: Its time or one of its numbers is not valid.
    """
    stamp = STAMP.match(line)
    if stamp is None:
        return None
    line = line.rstrip()  # a program that ends lines by CR and LF may have copied it
    rest = line[stamp.end() :]
    fields = _fields_of(log, rest) or _fields_of(log, in_our_spelling(rest))
    if fields is None:
        return None
    moment = dt.datetime.fromisoformat(stamp[1]).replace(tzinfo=zone).astimezone(dt.UTC)
    return {"timestamp": moment, "level": "INFO", "log": log.value, "message": line, **fields}


def _fields_of(log: Log, text: str) -> dict[str, Any] | None:
    for pattern, fields in _HUMAN_LINES[log]:
        if match := pattern.fullmatch(text):
            return fields(match)
    return None


_Fields = Callable[[re.Match[str]], dict[str, Any]]

_STATUSES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("complete", "completed", "done", "finished", "ok", "succeeded"), "success"),
    **dict.fromkeys(("error", "errored", "failure"), "failed"),
    "canceled": "cancelled",
}
"""Other words for the status of a run -> ours."""
_ENDED: Final = frozenset({"ended", *_STATUSES, *RunStatus} - {RunStatus.RUNNING})
"""Words for the event that ends a run."""


def _run(match: re.Match[str]) -> dict[str, Any]:
    event = match["event"].lower()
    status = _STATUSES.get(match["status"].lower(), match["status"].lower())
    return {
        "event": "run_ended" if event in _ENDED else f"run_{event}",
        "task_id": match["task"],
        "user_id": _id(match["user"]),
        "status": status,
        "level": RUN_LEVELS.get(status, "INFO"),
    }


def _completion(match: re.Match[str]) -> dict[str, Any]:
    """Read the end of a run that does not name the run."""
    counts = {
        _singular(word): {"processed": int(number)}
        for number, word in _COUNT.findall(match["counts"])
    }
    return {
        "event": "run_ended",
        "status": "success",
        "duration_seconds": float(match["seconds"]) / (1000 if match["unit"] == "ms" else 1),
        "items": counts,
    }


def _suspect(match: re.Match[str]) -> dict[str, Any]:
    return {
        "event": "run_suspect",
        "task_id": match["task"],
        "user_id": _id(match["user"]),
        "suspect_reasons": match["reasons"].split(),
        "level": "WARNING",
    }


def _step(match: re.Match[str]) -> dict[str, Any]:
    return {
        "event": f"step_{match['event']}",
        "step": match["step"],
        "duration_seconds": _seconds(match["ms"]),
        "level": "ERROR" if match["status"] == "failed" else "INFO",
    }


def _items(match: re.Match[str]) -> dict[str, Any]:
    figures = _ITEM_COUNT.findall(match["counts"])
    if any(word for _, word in figures):
        counts = {
            word.lower() if word.lower() in ITEM_ACTIONS else "processed": int(number)
            for number, word in figures
        }
    else:
        processed, *others = (int(number) for number, _ in figures)
        counts = {"processed": processed}
        if len(others) == 2:  # a single further figure could be either one
            counts["created"], counts["updated"] = others
    return {"event": "items", "item": match["item"].lower(), **counts}


def _output(match: re.Match[str]) -> dict[str, Any]:
    return {
        "event": "output",
        "task_id": match["task"],
        "stream": match["stream"],
        "text": match["text"],
    }


def _logs_cleaned(match: re.Match[str]) -> dict[str, Any]:
    return {
        "event": "logs_cleaned",
        "status": match["status"],
        "level": "ERROR" if match["status"] == "failed" else "INFO",
        "files": int(match["files"]),
        "reclaimed_bytes": int(match["freed"]),
        "duration_seconds": _seconds(match["ms"]),
    }


def _api_call(match: re.Match[str]) -> dict[str, Any]:
    outcome = match["outcome"]
    status = int(outcome) if outcome.isdecimal() else None
    failed = status is None or status >= 400
    url = urlsplit(match["path"])
    host = {"canvas_host": url.netloc.rpartition("@")[2]} if url.netloc else {}
    return {
        "event": "api_call",
        "method": match["method"],
        "path": url.path,
        "route": route_of(url.path),
        "status_code": status,
        "error_class": None if status else outcome.lower(),
        "throttled": status == 429,
        "duration_seconds": _seconds(match["ms"]),
        "level": "INFO" if not failed else "WARNING" if status and status < 500 else "ERROR",
        **host,
    }


def _api_call_detail(match: re.Match[str]) -> dict[str, Any]:
    parts = dict(_DETAIL.findall(match["parts"]))
    numbers = {name: int(parts[word]) for word, name in _DETAIL_NUMBERS.items() if word in parts}
    return {
        "event": "api_call_detail",
        "level": "DEBUG",
        "method": match["method"],
        "route": route_of(match["path"]),
        "attempt": int(parts["Attempt"]) - 1,
        "links": parts.get("Links", "").split(", ") if "Links" in parts else [],
        **numbers,
    }


def _truncated(match: re.Match[str]) -> dict[str, Any]:
    return {
        "event": "list_truncated",
        "route": match["route"],
        "count": int(match["count"]),
        "level": "WARNING",
    }


def _guard_wait(match: re.Match[str]) -> dict[str, Any]:
    return {
        "event": "guard_wait",
        "token": None if match["hash"] == "-" else match["hash"],
        "wait_seconds": _seconds(match["ms"]),
    }


def _table_name(text: str) -> str:
    sql = _SQL_WORDS.match(text)
    return text[sql.end() :] if sql else text


def _db_operation(match: re.Match[str]) -> dict[str, Any]:
    parts = dict(_DB_PART.findall(match["parts"]))
    return {
        "event": "db_operation",
        "operation": match["operation"],
        "table": _table_name(match["table"]),
        "count": int(parts.get("Count", 0)),
        "batch": parts.get("Batch", "").lower() == "true",
        "operations": int(parts.get("Operations", 1)),
        "duration_seconds": _seconds(parts["Duration"].removesuffix("ms"))
        if "Duration" in parts
        else None,
    }


def _db_statement(match: re.Match[str]) -> dict[str, Any]:
    return {
        "event": "db_statement",
        "level": "DEBUG",
        "operation": match["operation"],
        "table": _table_name(match["table"]),
        "statement": match["statement"],
    }


def _error(match: re.Match[str]) -> dict[str, Any]:
    parts = dict(_ERROR_PART.findall(match["parts"]))
    names = {name: parts[name] for name in ("operation", "task_id") if name in parts}
    return {
        "event": "error",
        "level": "WARNING" if match["level"].upper() == "WARNING" else "ERROR",
        "error": match["error"],
        "user_id": _id(parts.get("user_id")),
        "course_id": _id(parts.get("course_id")),
        **names,
    }


def _progress(match: re.Match[str]) -> dict[str, Any]:
    return {
        "event": "progress",
        "task_id": match["task"],
        "percent": float(match["percent"]),
        "progress_message": match["text"] or "",
    }


def _seconds(milliseconds: str | None) -> float | None:
    return None if milliseconds is None else float(milliseconds) / 1000


def _id(number: str | None) -> int | None:
    return None if number in _NOBODY else int(number or "")


def _singular(word: str) -> str:
    item = word.lower().removesuffix("s")
    return item if item in ITEMS else word.lower()


_NOBODY: Final = frozenset({None, "-", "None"})
_FIGURE: Final = r"\d+(?:\.\d+)?"
_MS: Final = rf"(?P<ms>{_FIGURE})ms"
_METHOD: Final = r"(?P<method>_OTHER|[A-Z]+)"
_REQUEST: Final = rf"{_METHOD} (?P<path>\S+)"
_STATUS: Final = r"Status: (?P<outcome>\w+)(?: [A-Z][A-Za-z ]*)?"
_OTHER_MS: Final = rf"(?: -|,)? (?:Duration: )?{_MS}"
_USER: Final = r"(?P<user>-|None|-?\d{1,19})"
_ITEM: Final = "|".join(ITEMS)
_ITEM_COUNT: Final = re.compile(r"(\d{1,19})(?: (\w+))?")
_ITEM_COUNTS: Final = r"\d{1,19}(?: \w+)?(?:, \d{1,19}(?: \w+)?){0,4}"
_COUNT: Final = re.compile(r"(?:,| -) (\d{1,19}) (\w+)")
_OPERATION: Final = r"(?P<operation>[^\W\d][\w\u2026-]*)"
"""As the tracker writes it: the first word, which may have been cut."""
_SQL_WORDS: Final = re.compile(
    r"(?:(?:OR (?:ABORT|FAIL|IGNORE|REPLACE|ROLLBACK)|DELAYED|FROM|IGNORE|INTO|LOW_PRIORITY) )+",
    re.IGNORECASE,
)
"""What SQL writes between the verb and the table, and older systems may have copied."""
_DB_KEY: Final = " - (?:Count|Batch|Operations|Duration): "
_DB_PARTS: Final = (
    r" - (?:Count: \d{1,19}(?: [a-z]+)?|Batch: (?:[Tt]rue|[Ff]alse)|Operations: [1-9]\d{0,8}"
    rf"|Duration: {_FIGURE}ms)"
)
_DB_PART: Final = re.compile(r" - (Count|Batch|Operations|Duration): (\S+)")
_DETAIL: Final = re.compile(r" - ([A-Z][A-Za-z ]{1,10}): ([^-]+?)(?= - |$)")
_DETAIL_NUMBERS: Final = {"Page": "page", "Per page": "per_page"}
_BREAK: Final = r"(?: +- +| *[|;,] *| +(?:--|[\u2013\u2014]) +|\t+)"
_IS: Final = r" ?[:=] *"
_WORDS: Final = rf"\S(?:(?!{_BREAK}(?:user_id|course_id|operation|task_id){_IS}| - ).){{0,199}}"
_ERROR_PARTS: Final = (
    rf"{_BREAK}(?:(?:user_id|course_id){_IS}(?:-|None|-?\d{{1,19}})"
    rf"|(?:operation|task_id){_IS}{_WORDS})"
)
_ERROR_PART: Final = re.compile(
    rf"{_BREAK}(user_id|course_id|operation|task_id){_IS}(\S{{1}}.*?)"
    rf"(?={_BREAK}(?:user_id|course_id|operation|task_id){_IS}| - |$)"
)


def _table(*rows: tuple[str, _Fields]) -> tuple[tuple[re.Pattern[str], _Fields], ...]:
    return tuple((re.compile(pattern), fields) for pattern, fields in rows)


_HUMAN_LINES: Final = {
    Log.OPERATIONS: _table(
        (rf"Sync Task: (?P<task>.+), {_USER}, suspect, (?P<reasons>[a-z_ ]+)", _suspect),
        (rf"Sync Task: (?P<task>.+), {_USER}, (?P<event>\w+), (?P<status>\w+)", _run),
        (
            rf"Sync Task: (?P<task>.+?) ?(?:,| -) {_USER} ?(?:,| -) (?P<event>\w+) ?(?:,| -)"
            r" (?P<status>\w+)",
            _run,
        ),
        (
            r"Completion: (?P<seconds>\d+(?:\.\d+)?)(?P<unit>m?s)"
            r"(?P<counts>(?:(?:,| -) \d{1,19} \w+)*)",
            _completion,
        ),
        (
            r"Sync Step: (?P<step>.+), (?P<event>started|ended), (?P<status>\w+)"
            rf"(?: - Duration: {_MS})?",
            _step,
        ),
        (rf"(?P<item>(?i:{_ITEM}))s?: (?P<counts>{_ITEM_COUNTS})", _items),
        (
            r"OUTPUT: Task: (?P<task>.+?) - (?P<stream>stdout|stderr|output) - (?P<text>.*)",
            _output,
        ),
        (
            r"Log Cleanup: (?P<status>success|failed) - Files: (?P<files>\d{1,19})"
            rf" - Freed: (?P<freed>-?\d{{1,19}}) bytes - Duration: {_MS}",
            _logs_cleaned,
        ),
    ),
    Log.API_CALLS: _table(
        (rf"{_REQUEST} - Status: (?P<outcome>\w+)(?: - {_MS})?", _api_call),
        (rf"{_REQUEST}(?:{_OTHER_MS})? - {_STATUS}", _api_call),
        (rf"{_REQUEST} - {_STATUS}(?:{_OTHER_MS})?", _api_call),
        (
            rf"DETAIL {_REQUEST}(?P<parts> - Attempt: [1-9]\d{{0,8}}(?: - .*)?)",
            _api_call_detail,
        ),
        (rf"WAIT (?P<hash>\S+) - Duration: {_MS}", _guard_wait),
        (r"TRUNCATED (?P<route>\S+) - Count: (?P<count>\d+)", _truncated),
    ),
    Log.DATABASE: _table(
        (
            rf"DETAIL {_OPERATION} (?P<table>.+?) - SQL: (?P<statement>.*)",
            _db_statement,
        ),
        (
            rf"{_OPERATION} (?P<table>(?:(?!{_DB_KEY}).)*?)"
            rf"(?P<parts>(?:{_DB_PARTS}){{1,4}})",
            _db_operation,
        ),
    ),
    Log.ERRORS: _table(
        (
            r"(?P<level>(?i:WARNING|ERROR|CRITICAL))(?::| -| \|) *(?P<error>.*?)"
            rf"(?P<parts>(?:{_ERROR_PARTS}){{0,4}})",
            _error,
        ),
    ),
    Log.PROGRESS: _table(
        (
            r"(?i:PROGRESS): (?:Task: )?(?P<task>.+?) - (?P<percent>[-+.\de]+) ?%"
            r"(?: -(?: (?P<text>.*))?)?",
            _progress,
        ),
    ),
}
