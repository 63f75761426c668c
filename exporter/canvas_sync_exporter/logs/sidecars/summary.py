"""Sums up the lines of the files in an archive."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import msgspec

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.lines import LineReader, Moment

from .bloom import BloomFilter
from .minute_counts import MinuteCounts, are_own_times
from .sidecar import PieceSummary

__all__ = ["LinesSummary"]

_MOST_IDS: Final = 500_000


class _Record(msgspec.Struct, gc=False):
    timestamp: Moment
    level: str | None = None
    task_id: str | None = None
    trace_id: str | None = None


class _OwnRecord(msgspec.Struct, gc=False):
    """A record whose time is a text, from which its minute can be cut."""

    timestamp: str
    level: str | None = None
    task_id: str | None = None
    trace_id: str | None = None


class LinesSummary:
    """Sums up lines.

    Args:
        log: Their log.
        zone: Time zone of the times in human-readable lines.

    Attributes:
        minutes: Number of lines by level and minute.
        has_text_lines: Whether some lines are not JSON, so that their times depend on the zone.
    """

    def __init__(self, log: Log, zone: dt.tzinfo) -> None:
        self.minutes = MinuteCounts()
        self.has_text_lines = False
        self._reader = LineReader(log, _Record, zone)
        self._own_reader = LineReader(log, _OwnRecord, zone)
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

    def add(self, lines: memoryview) -> None:
        """Add lines."""
        records: Sequence[_OwnRecord | _Record] | None = self._add_own(lines)
        if records is None:
            records = self._add_others(lines)
        if len(self._ids) <= _MOST_IDS:
            # In sets of their own: neighbouring lines share ids, and a small set is in the cache.
            self._ids |= {record.task_id for record in records}
            self._ids |= {record.trace_id for record in records}

    def _add_own(self, lines: memoryview) -> list[_OwnRecord] | None:
        """Count lines and return their records; None if there may be lines that are not our own."""
        records = self._own_reader.read_json(lines)
        if not records:
            return records
        times = [record.timestamp for record in records]
        if not are_own_times(times):
            return None
        ordered = sorted(times)  # faster than min and max, because nearly all are in order
        try:
            self._ends += [dt.datetime.fromisoformat(ordered[end]) for end in (0, -1)]
        except ValueError:  # the 31st of February
            return None
        self.minutes.add_own([record.level for record in records], times)
        return records

    def _add_others(self, lines: memoryview) -> list[_Record]:
        records = self._reader.read_json(lines)
        if records is None:
            self.has_text_lines = True
            records, _ = self._reader.read_lines(lines)
        if records:
            times = [record.timestamp for record in records]
            self._ends += min(times), max(times)
            self.minutes.add([record.level for record in records], times)
        return records
