"""Reads the times of lines without parsing the lines."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["LineTimes"]

_STAMP: Final = re.compile(
    rb'\{"timestamp":"([^"\n]{19,40})"'
    rb"|^\[(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?)\]\s",
    re.MULTILINE,
)  # a JSON record may follow what a killed process left of another one

_NONE: Final = dt.timedelta()
_USUAL_END: Final = 1024  # bytes at the end of a block in which a line most often begins
_FURTHEST_BACK: Final = dt.timedelta(hours=2)
"""In most zones an hour; in that of Antarctica/Troll two."""


@dataclass(frozen=True, slots=True)
class LineTimes:
    """The times of lines in either format.

    Attributes:
        zone: Time zone of human-readable lines.
    """

    zone: dt.tzinfo = dt.UTC

    @property
    def repeated(self) -> dt.timedelta:
        """How much earlier than written a human-readable line may seem, after clocks went back."""
        return _NONE if self.zone is dt.UTC else _FURTHEST_BACK

    def first(self, data: bytes | memoryview) -> dt.datetime | None:
        """Return when the first line that has a time was written."""
        return next(self.of(data), None)

    def last(self, data: bytes | memoryview) -> dt.datetime | None:
        """Return when the last line that has a time was written."""
        length = _USUAL_END
        while data:
            start = max(0, len(data) - length)
            if stamps := list(self.stamps(data, start)):
                line = start + bytes(data[start : stamps[-1][0]]).rfind(b"\n")
                return next(moment for at, moment in stamps if at > line)
            if not start:
                break
            length *= 4
        return None

    def of(
        self, data: bytes | memoryview, start: int = 0, stop: int | None = None
    ) -> Iterator[dt.datetime]:
        """Return the times that begin between two offsets, in their order."""
        return (moment for _, moment in self.stamps(data, start, stop))

    def stamps(
        self, data: bytes | memoryview, start: int = 0, stop: int | None = None
    ) -> Iterator[tuple[int, dt.datetime]]:
        """Return the same with the offset at which each line or torn record begins."""
        for stamp in _STAMP.finditer(data, start):
            if stop is not None and stamp.start() >= stop:
                return
            try:
                moment = dt.datetime.fromisoformat((stamp[1] or stamp[2]).decode())
                yield stamp.start(), moment if moment.tzinfo else self._in_utc(moment)
            except (ValueError, OverflowError):  # no such day, or beyond the years 1 to 9999
                continue

    def _in_utc(self, clock: dt.datetime) -> dt.datetime:
        if self.zone is dt.UTC:  # the usual case, and faster
            return clock.replace(tzinfo=dt.UTC)
        return clock.replace(tzinfo=self.zone).astimezone(dt.UTC)
