"""Sums up the lines of the files in an archive."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Final

import msgspec

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.lines import LineReader, Moment
from canvas_sync_exporter.logs.reader import Block

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
        zone: Time zone of the clock in human lines.

    Attributes:
        oldest: When the oldest line so far was written, since the last :meth:`begin_file`.
        newest: When the newest line was written.
        minutes: Number of lines by level and minute since the Unix epoch.
        has_text_lines: Whether some lines are not JSON, so that their times depend on the zone.
    """

    def __init__(self, log: Log, zone: dt.tzinfo) -> None:
        self.oldest: dt.datetime | None = None
        self.newest: dt.datetime | None = None
        self.minutes: Counter[tuple[str, int]] = Counter()
        self.has_text_lines = False
        self._ids: set[str | None] = set()
        self._reader = LineReader(log, _Record, zone)

    @property
    def ids(self) -> set[str] | None:
        """The task and trace ids; None if there are too many."""
        if len(self._ids) > _MOST_IDS:
            return None
        return {each for each in self._ids if each is not None}

    def begin_file(self) -> None:
        """Start a new range of times."""
        self.oldest = self.newest = None

    def add(self, block: Block) -> None:
        """Add lines."""
        records = self._reader.read_json(block)
        if records is None:
            self.has_text_lines = True
            records, _ = self._reader.read(block)
        if not records:
            return
        times = [record.timestamp for record in records]
        oldest, newest = min(times), max(times)
        self.oldest = oldest if self.oldest is None else min(self.oldest, oldest)
        self.newest = newest if self.newest is None else max(self.newest, newest)
        levels = [record.level or "" for record in records]
        self.minutes.update(
            zip(levels, [int(each.timestamp() // 60) for each in times], strict=True)
        )
        if len(self._ids) <= _MOST_IDS:
            self._ids.update([record.task_id for record in records])
            self._ids.update([record.trace_id for record in records])
