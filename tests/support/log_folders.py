"""A log folder with lines everywhere: live files, backups, claims and archives."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.archive import Member
from canvas_sync_exporter.logs.archive_writing import write_archive

__all__ = [
    "EPOCH",
    "counted_reads",
    "human",
    "json_line",
    "lay_out",
    "record",
    "text_line",
]

EPOCH = dt.datetime(2025, 12, 22, 2, 0, 0, tzinfo=dt.UTC)

_HUMAN = {
    Log.OPERATIONS: "Sync Task: {task_id}, {user_id}, ended, {status}",
    Log.API_CALLS: "GET /api/v1/courses/{course_id} - Status: {status_code} - 12.5ms",
    Log.DATABASE: "UPDATE courses - Count: 2 - Duration: 1.5ms",
    Log.ERRORS: "ERROR: {error} - user_id: {user_id} - course_id: {course_id}",
    Log.PROGRESS: "PROGRESS: Task: {task_id} - 10% - {error}",
}
_OWN = {
    Log.OPERATIONS: ("status",),
    Log.API_CALLS: ("status_code", "route"),
    Log.DATABASE: ("outcome",),
    Log.ERRORS: ("error",),
    Log.PROGRESS: (),
}
_DEFAULTS: dict[str, Any] = {
    "level": "INFO",
    "task_id": "nightly-42",
    "user_id": 42,
    "course_id": 7,
    "trace_id": "4b" * 16,
    "status": "success",
    "status_code": 200,
    "route": "/api/v1/courses/:id",
    "outcome": "success",
    "error": "Connection timeout",
}


def record(log: Log, seconds: float, **fields: Any) -> dict[str, Any]:
    """What a line says that was written so many seconds after :data:`EPOCH`."""
    values = {**_DEFAULTS, **fields}
    moment = EPOCH + dt.timedelta(seconds=seconds)
    stamp = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    common = ("task_id", "user_id", "course_id", "trace_id")
    return {
        "timestamp": stamp,
        "level": values["level"],
        "log": log.value,
        "message": human(log, moment, values),
        **{name: values[name] for name in (*common, *_OWN[log])},
    }


def human(log: Log, moment: dt.datetime, values: dict[str, Any]) -> str:
    """The human line of a record."""
    return f"[{moment:%Y-%m-%d %H:%M:%S}] {_HUMAN[log].format(**values)}"


def json_line(fields: dict[str, Any]) -> bytes:
    """The line of the JSON format, as the writer spells it."""
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def text_line(fields: dict[str, Any]) -> bytes:
    """The line of the text format."""
    return f"{fields['message']}\n".encode()


def lay_out(folder: Path, log: Log, files: Sequence[Iterable[bytes]], archived: int) -> None:
    """Write the files of a log, oldest first.

    Args:
        folder: The log folder; archives go into ``archive`` in it.
        log: Which log.
        files: The lines of each file; the last one is the live file, the one before it the newest
            backup, if it is not archived.
        archived: So many of them go into one archive, the next one waits in ``archiving``.
    """
    contents = [b"".join(lines) for lines in files]
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    members = []
    for number, content in enumerate(contents[:archived]):
        path = scratch / f"{log.value}.log.{archived - number}"
        path.write_bytes(content)
        members.append(Member(path, path.name, len(content)))
    if members:
        write_archive(folder / "archive", f"{log.value}-20251222T030000Z", members)
    rest = contents[archived:]
    if archived and len(rest) > 1:
        claim = folder / "archiving" / f"{log.value}-20251222T030001Z"
        claim.mkdir(parents=True)
        first = rest.pop(0)
        (claim / f"{log.value}.log.1@{len(first)}").write_bytes(first + b"came late\n")
    for number, content in enumerate(reversed(rest)):
        name = f"{log.value}.log.{number}" if number else f"{log.value}.log"
        (folder / name).write_bytes(content)


def counted_reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the number of bytes that are read at an offset from now on."""
    counts: list[int] = []
    pread, preadv = os.pread, os.preadv

    def counted(fd: int, length: int, offset: int) -> bytes:
        data = pread(fd, length, offset)
        counts.append(len(data))
        return data

    def counted_into(fd: int, buffers: Sequence[memoryview], offset: int) -> int:
        read = preadv(fd, buffers, offset)
        counts.append(read)
        return read

    monkeypatch.setattr(os, "pread", counted)
    monkeypatch.setattr(os, "preadv", counted_into)
    return counts
