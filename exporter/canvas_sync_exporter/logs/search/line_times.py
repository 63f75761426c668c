"""Reads the times of lines without parsing the lines."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["LineTimes"]

_STAMP: Final = re.compile(
    rb'^(?:\{"timestamp":"([^"\n]{19,40})"|\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\] )', re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class LineTimes:
    """The times of lines in either format.

    Attributes:
        zone: Time zone of human-readable lines. In the hour that is repeated when clocks go back, a
            line counts with both of its times, so that no search misses it.
    """

    zone: dt.tzinfo = dt.UTC

    def first(self, data: bytes) -> dt.datetime | None:
        """Return when the first line that has a time was written."""
        return next(self._times(data), None)

    def are_before(self, data: bytes, moment: dt.datetime | None) -> bool:
        """Whether all lines were written before a given time; False if none has a time.

        A single one is not enough: a clock may have been wrong for a while.
        """
        first = self.first(data)
        return bool(moment and first and first < moment and max(self._times(data)) < moment)

    def are_after(self, data: bytes, moment: dt.datetime | None) -> bool:
        """Whether all lines were written at or after a given time; False if none has a time."""
        first = self.first(data)
        return bool(moment and first and first >= moment and min(self._times(data)) >= moment)

    def _times(self, data: bytes) -> Iterator[dt.datetime]:
        for stamp in _STAMP.finditer(data):
            try:
                moment = dt.datetime.fromisoformat((stamp[1] or stamp[2]).decode())
            except ValueError:
                continue
            if moment.tzinfo:
                yield moment
            else:
                yield from self._of_clock(moment)

    def _of_clock(self, clock: dt.datetime) -> Iterator[dt.datetime]:
        if self.zone is dt.UTC:  # the usual case, and faster
            yield clock.replace(tzinfo=dt.UTC)
            return
        for fold in (0, 1):
            yield clock.replace(tzinfo=self.zone, fold=fold).astimezone(dt.UTC)
