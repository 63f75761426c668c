"""Sums up the lines of the files in an archive."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Final

import msgspec

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.lines import LineReader, Moment
from canvas_sync_exporter.logs.reader import Block

from .bloom import BloomFilter
from .sidecar import PieceSummary

__all__ = ["LinesSummary"]

_MOST_IDS: Final = 500_000


class _Record(msgspec.Struct, gc=False):
    timestamp: Moment
    level: str | None = None
    task_id: str | None = None
    trace_id: str | None = None


class LinesSummary:
    """Sums up lines.

    Args:
        log: Their log.
        zone: Time zone of the times in human-readable lines.

    Attributes:
        minutes: Number of lines by level and minute since the Unix epoch.
        has_text_lines: Whether some lines are not JSON, so that their times depend on the zone.
    """

    def __init__(self, log: Log, zone: dt.tzinfo) -> None:
        self.minutes: Counter[tuple[str, int]] = Counter()
        self.has_text_lines = False
        self._reader = LineReader(log, _Record, zone)
        self._ends: list[dt.datetime] = []  # the oldest and the newest time in each block
        self._ids: set[str | None] = set()

    def finish_piece(self) -> PieceSummary:
        """Return the sums over the lines since the last piece, and start a new one."""
        ids = {each for each in self._ids if each is not None}
        piece = PieceSummary(
            oldest=min(self._ends, default=None),
            newest=max(self._ends, default=None),
            ids=BloomFilter.of(ids) if len(ids) <= _MOST_IDS else None,
        )
        self._ends.clear()
        self._ids.clear()
        return piece

    def add(self, block: Block) -> None:
        """Add lines."""
        records = self._reader.read_json(block)
        if records is None:
            self.has_text_lines = True
            records, _ = self._reader.read(block)
        if not records:
            return
        times = [record.timestamp for record in records]
        self._ends += min(times), max(times)
        levels = [record.level or "" for record in records]
        minutes = [int(each.timestamp() // 60) for each in times]
        self.minutes.update(zip(levels, minutes, strict=True))
        if len(self._ids) <= _MOST_IDS:
            self._ids.update([record.task_id for record in records])
            self._ids.update([record.trace_id for record in records])
