"""Sums up the lines of a file in an archive.

Blocks of our own JSON lines are not parsed: what is needed is at fixed places or found by its name,
which is several times as fast.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from typing import Final

import msgspec

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.lines import LineReader, Moment
from canvas_sync_exporter.logs.own_lines import OWN_JSON, has_foreign_lines
from canvas_sync_exporter.logs.reader import Block

__all__ = ["LinesSummary"]

_STAMP: Final = slice(len(OWN_JSON), len(OWN_JSON) + 27)
_MINUTE: Final = slice(len(OWN_JSON), len(OWN_JSON) + 16)
_BETWEEN: Final = slice(_STAMP.stop - 1, _STAMP.stop + 11)
_LEVEL_MARK: Final = b'Z","level":"'
_LEVEL: Final = slice(_BETWEEN.stop, _BETWEEN.stop + 8)
_IDS: Final = tuple(re.compile(b'"%s":"([^"]*)"' % name) for name in (b"task_id", b"trace_id"))
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
        has_foreign_lines: Whether some lines are not JSON by our own writer.
    """

    def __init__(self, log: Log, zone: dt.tzinfo) -> None:
        self.oldest: dt.datetime | None = None
        self.newest: dt.datetime | None = None
        self.minutes: Counter[tuple[str, int]] = Counter()
        self.has_foreign_lines = False
        self._ids: set[str] = set()
        self._reader = LineReader(log, _Record, zone)

    @property
    def ids(self) -> set[str] | None:
        """The task and trace ids; None if there are too many."""
        return self._ids if len(self._ids) <= _MOST_IDS else None

    def begin_file(self) -> None:
        """Start a new range of times."""
        self.oldest = self.newest = None

    def add(self, block: Block) -> None:
        """Add lines."""
        data = bytes(block.data)
        if has_foreign_lines(data) or not self._add_own(data):
            self.has_foreign_lines = True
            self._add_parsed(block)

    def _add_own(self, data: bytes) -> bool:
        """Add lines by our own writer; return False and do nothing if one of them is unusual."""
        lines = data.split(b"\n")[:-1]
        has_torn_lines = data.count(OWN_JSON) != len(lines)
        if has_torn_lines or {line[_BETWEEN] for line in lines} != {_LEVEL_MARK}:
            return False
        try:
            minutes = Counter((line[_LEVEL], line[_MINUTE]) for line in lines)
            counts = [
                (_word(level), _minute(stamp.decode()), count)
                for (level, stamp), count in minutes.items()
            ]
            stamps = [line[_STAMP] for line in lines]
            ends = [dt.datetime.fromisoformat(each.decode()) for each in (min(stamps), max(stamps))]
            ids = {each.decode() for pattern in _IDS for each in set(pattern.findall(data))}
        except ValueError:
            return False
        if any("\\" in each for each in ids):
            return False
        for level, minute, count in counts:
            self.minutes[level, minute] += count
        self._add_ids(ids)
        self._widen(*ends)
        return True

    def _add_parsed(self, block: Block) -> None:
        records, _ = self._reader.read(block)
        for record in records:
            self.minutes[record.level or "", _minute_of(record.timestamp)] += 1
            self._widen(record.timestamp, record.timestamp)
        ids = {each for record in records for each in (record.task_id, record.trace_id)}
        self._add_ids({each for each in ids if each is not None})

    def _add_ids(self, ids: set[str]) -> None:
        if self.ids is not None:
            self._ids |= ids

    def _widen(self, oldest: dt.datetime, newest: dt.datetime) -> None:
        self.oldest = oldest if self.oldest is None else min(self.oldest, oldest)
        self.newest = newest if self.newest is None else max(self.newest, newest)


def _word(level: bytes) -> str:
    return level.partition(b'"')[0].decode()


def _minute(stamp: str) -> int:
    return _minute_of(dt.datetime.fromisoformat(f"{stamp}+00:00"))


def _minute_of(moment: dt.datetime) -> int:
    return int(moment.timestamp() // 60)
