"""Caller time of one log append, against the bare lower bound and the standard library.

Run it with ``python benchmarks/log_append.py``. All ways write an equal record of about 500 bytes
to the same file system, in interleaved rounds of one run; each figure is the median of its rounds.
Goal: an append through :class:`LogFileWriter` (timestamp, encoding and append, as the log sink does
it) takes at most 1.5 times the lower bound (ISO timestamp, ``orjson.dumps``, one ``os.write``).
"""

from __future__ import annotations

import argparse
import json
import logging
import logging.handlers
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import orjson
from spread import p99_of

from canvas_sync_core.logs import LogFileWriter

ROUNDS = 15
LINES = 4_000
GOAL = 1.5
RECORD: dict[str, Any] = {
    "level": "INFO",
    "log": "api_calls",
    "event": "api_call",
    "message": "[2025-12-22 10:15:32] GET /api/v1/courses/123 - Status: 200 - 145.2ms",
    "task_id": "nightly-42",
    "user_id": 42,
    "course_id": 123,
    "sync_type": "full",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "span_id": "00f067aa0ba902b7",
    "host": "worker-1",
    "pid": 12345,
    "method": "GET",
    "route": "/api/v1/courses/:course_id",
    "path": "/api/v1/courses/123",
    "canvas_host": "canvas.example.edu",
    "duration_seconds": 0.1452,
    "status_code": 200,
    "cost": 0.12,
    "rate_limit_remaining": 598.3,
}

Way = Callable[[], None]


def lower_bound(folder: Path) -> Way:
    fd = os.open(folder / "bound.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def append() -> None:
        record = {"timestamp": datetime.now(UTC).isoformat(), **RECORD}
        os.write(fd, orjson.dumps(record) + b"\n")

    return append


def lost(reason: str, count: int) -> None:
    raise RuntimeError(f"{count} lines lost: {reason}")


def ours(folder: Path) -> Way:
    writer = LogFileWriter(
        folder / "ours.log",
        max_bytes=30 * 1024 * 1024,
        backups=8,
        control_dir=folder / "control",
        on_drop=lost,
    )
    encode = msgspec.json.Encoder().encode

    def append() -> None:
        record = {"timestamp": datetime.now(UTC).isoformat(), **RECORD}
        writer.append(encode(record) + b"\n")

    return append


class JsonFormatter(logging.Formatter):
    """The usual few lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Do as most applications do."""
        timestamp = datetime.fromtimestamp(record.created, UTC).isoformat()
        return json.dumps({"timestamp": timestamp, **RECORD, "message": record.getMessage()})


def standard_library(folder: Path) -> Way:
    handler = logging.handlers.RotatingFileHandler(
        folder / "stdlib.log", maxBytes=30 * 1024 * 1024, backupCount=8
    )
    handler.setFormatter(JsonFormatter())
    logger = logging.Logger("benchmark", logging.INFO)
    logger.addHandler(handler)
    message = RECORD["message"]
    return lambda: logger.info(message)


def microseconds(append: Way) -> float:
    start = time.perf_counter()
    for _ in range(LINES):
        append()
    return (time.perf_counter() - start) / LINES * 1e6


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ways = {
            "lower bound": lower_bound(folder),
            "LogFileWriter": ours(folder),
            "RotatingFileHandler + json": standard_library(folder),
        }
        rounds: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(ROUNDS):
            for way, append in ways.items():
                rounds[way].append(microseconds(append))
        slow = {way: p99_of(append, LINES) * 1e6 for way, append in ways.items()}
    bound = statistics.median(rounds["lower bound"])
    for way, figures in rounds.items():
        figure = statistics.median(figures)
        print(f"{way:28}{figure:8.2f} us   {figure / bound:6.2f} x lower bound", end="")
        print(f", p99 of single lines{slow[way]:8.2f} us")
    print(f"goal: LogFileWriter at most {GOAL} x lower bound")


if __name__ == "__main__":
    main()
