"""Reads lines as a test wants them."""

from __future__ import annotations

import io

import msgspec

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.lines import LineReader, Moment
from canvas_sync_exporter.logs.reader import blocks

__all__ = ["Api", "json_line", "read"]


class Api(msgspec.Struct):
    timestamp: Moment
    event: str = ""
    method: str = ""
    route: str = ""
    status_code: int | None = None
    duration_seconds: float | None = None


def json_line(number: int) -> bytes:
    moment = f"2025-12-22T10:15:{number % 60:02d}.000000Z"
    return b'{"timestamp":"%s","event":"api_call","status_code":%d}\n' % (moment.encode(), number)


def read(content: bytes) -> tuple[list[Api], list[int]]:
    reader = LineReader(Log.API_CALLS, Api)
    records: list[Api] = []
    unreadable: list[int] = []
    for block in blocks(io.BytesIO(content), len(content)):
        found, bad = reader.read(block)
        records += found
        unreadable += bad
    return records, unreadable
