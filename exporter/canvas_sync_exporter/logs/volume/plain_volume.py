"""The volume of a plain log file: where its buckets begin is bisected, what is in them is sampled.

A few hundred short reads are enough for a gigabyte. If the times at the samples are out of order,
nothing can be bisected: the samples then stand for the file.
"""

from __future__ import annotations

import datetime as dt
import os
from bisect import bisect_left
from collections import Counter
from itertools import accumulate, pairwise
from typing import Final

import msgspec

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.lines import LineReader, Moment
from canvas_sync_exporter.logs.reader import LINE_LIMIT
from canvas_sync_exporter.logs.search.line_times import LineTimes
from canvas_sync_exporter.logs.search.time_range import LATENESS

from .counts import VolumeCounts

__all__ = ["PlainVolume"]

_SAMPLES: Final = 256
_PAGE: Final = 4096
_COUNTED_BYTES: Final = 64 * 1024
_SAMPLE_BYTES: Final = 16 * 1024
_READS: Final = (_PAGE, 16 * _PAGE, LINE_LIMIT + _PAGE)  # until one has a whole line
_OLDEST: Final = dt.datetime.min.replace(tzinfo=dt.UTC)


class _Record(msgspec.Struct, gc=False):
    timestamp: Moment
    level: str | None = None


class PlainVolume:
    """Adds up the lines of a plain file.

    Args:
        fd: The file.
        end: Offset in the file after the last line that counts.
        log: Its log.
        zone: Time zone of the times in human-readable lines.
    """

    def __init__(self, fd: int, end: int, log: Log, zone: dt.tzinfo) -> None:
        self._fd = fd
        self._end = end
        self._times = LineTimes(zone)
        self._reader = LineReader(log, _Record, zone)

    def add_to(self, counts: VolumeCounts) -> bool:
        """Add its lines to the counts.

        Returns:
            Whether its lines are in the order of time; if not, all its counts are estimates.

        Raises:
            OSError: It cannot be read.
        """
        samples = self._samples()
        if samples is None:
            self._add_disordered(counts)
            return False
        edges = counts.buckets.edges()
        offsets = accumulate((self._offset(edge, samples) for edge in edges), max)
        for number, (low, high) in enumerate(pairwise(offsets)):
            if low < high:
                self._add_range(counts, number, low, high)
        return True

    def _samples(self) -> list[tuple[dt.datetime, int]] | None:
        """Read the newest time so far and the offset at points throughout; None if disordered."""
        tolerance = LATENESS + self._times.repeated
        newest = _OLDEST
        samples = []
        for place in _sample_offsets(self._end):
            if (found := self._first_after(place)) is None:
                continue
            at, moment = found
            if newest - moment > tolerance:
                return None
            newest = max(newest, moment)
            samples.append((newest, at))
        return samples

    def _offset(self, edge: dt.datetime, samples: list[tuple[dt.datetime, int]]) -> int:
        """Bisect the file for the first line at or after a time."""
        number = bisect_left(samples, (edge, -1))
        low = samples[number - 1][1] if number else 0
        high = samples[number][1] if number < len(samples) else self._end
        while high - low > _PAGE:
            middle = (low + high) // 2
            found = self._first_after(middle)
            if found is None or found[0] >= high or found[1] >= edge:
                high = middle
            else:
                low = found[0]
        for size in _READS:  # the line before the one we want may be long
            data = os.pread(self._fd, min(high - low + size, self._end - low), low)
            for at, moment in self._times.stamps(data):
                if moment >= edge:
                    return low + at
            if low + len(data) >= self._end:
                break
        return self._end

    def _first_after(self, place: int) -> tuple[int, dt.datetime] | None:
        """Return the offset and time of the first line after a place that has a time."""
        before = min(place, 1)  # the newline before a line that begins there
        for size in _READS:
            data = os.pread(self._fd, min(size, self._end - place) + before, place - before)
            start = data.find(b"\n") + 1 if place else 0
            if start or not place:
                for at, moment in self._times.stamps(data, start):
                    return place - before + at, moment
            if place + size >= self._end:
                break
        return None

    def _add_range(self, counts: VolumeCounts, number: int, low: int, high: int) -> None:
        """Add the lines between two offsets, which are in one bucket or, if late, near it."""
        if high - low <= _COUNTED_BYTES:
            for record in self._parse(os.pread(self._fd, high - low, low)):
                counts.add(record.timestamp, record.level)
            return
        levels: Counter[str] = Counter()
        sampled = 0
        for start in (low, (low + high) // 2):
            data = self._lines_at(start, _SAMPLE_BYTES)
            sampled += len(data)
            levels.update(record.level or "" for record in self._parse(data))
        if sampled:
            counts.estimate(number, levels, (high - low) / sampled)

    def _add_disordered(self, counts: VolumeCounts) -> None:
        offsets = _sample_offsets(self._end)
        pages = [self._lines_at(place, _PAGE) for place in offsets]
        sampled = sum(map(len, pages))
        for page in pages:
            for record in self._parse(page):
                number = counts.buckets.index(record.timestamp)
                if number is not None:
                    level = Counter([record.level or ""])
                    counts.estimate(number, level, self._end / sampled)

    def _lines_at(self, place: int, size: int) -> bytes:
        """Read whole lines from the first that begins at or after a place."""
        before = min(place, 1)
        data = os.pread(self._fd, min(size, self._end - place) + before, place - before)
        start = data.find(b"\n") + 1 if place else 0
        return data[start : data.rfind(b"\n") + 1]

    def _parse(self, lines: bytes) -> list[_Record]:
        if not lines:
            return []
        return self._reader.read_lines(memoryview(lines))[0]


def _sample_offsets(end: int) -> list[int]:
    offsets = list(range(0, end, max(_PAGE, -(-end // _SAMPLES))))
    return [*offsets, max(0, end - _PAGE)] if offsets else []
