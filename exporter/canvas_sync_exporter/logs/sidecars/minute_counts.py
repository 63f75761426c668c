"""Counts lines by level and minute, with little work for each line."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Final

__all__ = ["MinuteCounts", "are_own_times"]

_SHAPE: Final = b"0000-00-00T00:00:00.000000Z"
_minute_of: Final = itemgetter(slice(len("2025-12-22T12:00")))
_HOUR_LENGTH: Final = len("2025-12-22T12")
_AS_ZERO: Final = bytes.maketrans(b"123456789", b"0" * 9)
_AFTER_COLON: Final = ";"  # the next character: a minute with it is after all of its times
_MINUTES: Final = 60
_SAMPLE: Final = 64


def are_own_times(texts: Sequence[str]) -> bool:
    """Return whether all texts look like ``2025-12-22T12:00:59.900000Z``, as our writer spells it.

    Their numbers may be too large.
    """
    if set(map(len, texts)) != {len(_SHAPE)}:
        return False
    joined = "".join(texts).encode("ascii", "replace")
    return joined.translate(_AS_ZERO) == _SHAPE * len(texts)


class MinuteCounts:
    """Adds up lines."""

    def __init__(self) -> None:
        self._own: dict[str | None, Counter[str]] = {}  # level -> minutes, as our writer spells it
        self._others: Counter[tuple[str | None, int]] = Counter()

    def add_own(self, levels: Sequence[str | None], times: Sequence[str]) -> None:
        """Add lines with times that :func:`are_own_times`.

        Args:
            levels: Their levels, at least one.
            times: Their times.
        """
        # Most lines have the same level, and counting pairs would take twice as long.
        ((usual, _),) = Counter(levels[:_SAMPLE]).most_common(1)
        minutes = self._own.setdefault(usual, Counter())
        _count_minutes(sorted(times), minutes)
        if levels.count(usual) == len(levels):
            return
        for level, time in zip(levels, times, strict=True):
            if level != usual:
                minutes[_minute_of(time)] -= 1
                self._own.setdefault(level, Counter())[_minute_of(time)] += 1

    def add(self, levels: Iterable[str | None], times: Iterable[dt.datetime]) -> None:
        """Add other lines."""
        minutes = [int(time.timestamp() // _MINUTES) for time in times]
        self._others.update(zip(levels, minutes, strict=True))

    def by_level(self) -> dict[str, list[tuple[int, int]]]:
        """Return level -> minutes since the Unix epoch and the number of lines in them.

        The level of lines without one is empty.
        """
        levels: dict[str, dict[int, int]] = {}
        for (level, number), lines in self._others.items():
            minutes = levels.setdefault(level or "", {})
            minutes[number] = minutes.get(number, 0) + lines
        for level, texts in self._own.items():
            minutes = levels.setdefault(level or "", {})
            for number, lines in _numbered(texts):
                minutes[number] = minutes.get(number, 0) + lines
        return {level: sorted(levels[level].items()) for level in sorted(levels) if levels[level]}


def _count_minutes(ordered: Sequence[str], minutes: Counter[str]) -> None:
    """Add times, as our writer spells them, to the numbers of lines of their minutes."""
    if ordered[0][:_HOUR_LENGTH] != ordered[-1][:_HOUR_LENGTH]:  # perhaps few lines a minute
        minutes.update(map(_minute_of, ordered))
        return
    start = 0
    while start < len(ordered):
        minute = _minute_of(ordered[start])
        end = bisect_left(ordered, f"{minute}{_AFTER_COLON}", start)
        minutes[minute] += end - start
        start = end


def _numbered(texts: Counter[str]) -> Iterator[tuple[int, int]]:
    """Yield the minutes that exist as numbers since the Unix epoch, and their lines."""
    hour, start = "", _start_of("")
    for text, lines in texts.items():
        if text[:_HOUR_LENGTH] != hour:
            hour = text[:_HOUR_LENGTH]
            start = _start_of(hour)
        minute = int(text[_HOUR_LENGTH + 1 :])
        if lines and start is not None and minute < _MINUTES:
            yield start + minute, lines


def _start_of(hour: str) -> int | None:
    """Return the minute since the Unix epoch in which an hour begins; None if there is none."""
    try:
        return int(dt.datetime.fromisoformat(f"{hour}:00Z").timestamp()) // _MINUTES
    except ValueError:
        return None
