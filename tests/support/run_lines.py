"""Lines of ``operations.log`` about runs, as syncs write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from support.sync_logs import line_of_record

__all__ = ["Record", "nightly_lines", "run_lines", "write_operations"]

Record = dict[str, Any]


def run_lines(sync_type: str, start: datetime, **changes: Any) -> list[Record]:
    """Return the start and the end of a run, unremarkable except for ``changes`` of its end."""
    task_id = changes.pop("task_id", f"{sync_type}-{start:%m%d-%H%M}")
    whose = {"task_id": task_id, "user_id": changes.pop("user_id", None), "sync_type": sync_type}
    seconds = changes.pop("duration_seconds", 300.0)
    ended = {
        "status": "success",
        "items": {"course": {"processed": 200}},
        "api_calls": 100,
        "api_items": 200,
        "api_bytes": 60_000,
        "api_seconds": 10.0,
        "db_operations": 50,
        "db_seconds": 1.0,
    }
    return [
        {"timestamp": _stamp(start), "event": "run_started", "status": "running", **whose},
        {
            "timestamp": _stamp(start + timedelta(seconds=seconds)),
            "event": "run_ended",
            "duration_seconds": seconds,
            **ended,
            **whose,
            **changes,
        },
    ]


def nightly_lines(sync_type: str, newest: datetime, nights: int) -> Iterator[Record]:
    """Yield the lines of a run in each of some nights, the last one at a time."""
    for night in range(nights):
        yield from run_lines(sync_type, newest - timedelta(days=night))


def write_operations(folder: Path, records: Iterable[Record]) -> None:
    """Write ``operations.log`` with its lines in order."""
    lines = map(line_of_record, sorted(records, key=lambda each: str(each["timestamp"])))
    (folder / "operations.log").write_bytes(b"".join(lines))


def _stamp(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S.%f}Z"
