"""Finds the part of a log file that a time range is in, from the times at a few places."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from itertools import islice
from typing import Final

from .line_times import LineTimes

__all__ = ["LATENESS", "is_after", "part_in_range"]

LATENESS: Final = dt.timedelta(minutes=10)
"""How much later in its file than others of its time a line may be, for instance after waiting for
a full disk."""

_PLACES: Final = 1024
_PAGE: Final = 4096
_STAMP_BYTES: Final = 64  # read beyond a page, so that no time is cut in two
_OLDEST: Final = dt.datetime.min.replace(tzinfo=dt.UTC)


def part_in_range(
    fd: int,
    end: int,
    times: LineTimes,
    since: dt.datetime | None,
    until: dt.datetime | None,
) -> tuple[int, int]:
    """Return the part of a file outside of which no line is in a time range.

    The times are read at 1,024 places, in files of up to 4 MiB everywhere. If one of them is more
    than :data:`LATENESS` before an earlier one, because a clock was set back or old lines were
    appended, the order cannot be trusted and the part is the whole file.

    Args:
        fd: The file.
        end: Offset in the file after the last line that counts.
        times: Reads when lines were written.
        since: Start of the range, inclusive; None for no bound.
        until: End of the range, exclusive; None for no bound.

    Returns:
        Where the part begins and ends, between lines.

    Raises:
        OSError: The file cannot be read.
    """
    if since is None and until is None:
        return 0, end
    tolerance = LATENESS + times.repeated
    newest = _OLDEST
    low, high = 0, end
    # Times are compared by subtraction, which cannot leave the years 1 to 9999.
    for at, times_of_lines in _pages(fd, end, times):
        for moment in times_of_lines:
            if newest - moment > tolerance:
                return 0, end
            newest = max(newest, moment)
        if since and since - max(times_of_lines) > tolerance:
            low = at
        if until and high == end and min(times_of_lines) - until >= tolerance:
            high = at
    return low, high


def is_after(lines: bytes, times: LineTimes, until: dt.datetime | None) -> bool:
    """Return whether these lines, and so those after them, are later than a time range."""
    earliest = min(times.of(lines), default=None) if until else None
    return bool(until and earliest and earliest - until >= LATENESS + times.repeated)


def _pages(fd: int, end: int, times: LineTimes) -> Iterator[tuple[int, list[dt.datetime]]]:
    """Read pages throughout a file; return where the first line begins, and the times of lines.

    If the pages are all of the file, so are the times; otherwise, one in each place will do.
    """
    step = max(_PAGE, -(-end // _PLACES))
    times_of_page = None if step == _PAGE else 1
    offsets = list(range(0, end, step))
    if offsets and (last := max(offsets[-1] + _PAGE, end - _PAGE)) < end:
        offsets.append(last)
    for offset in offsets:
        before = min(offset, 1)  # with the newline before a line that begins with the page
        page = os.pread(
            fd, min(before + _PAGE + _STAMP_BYTES, end + before - offset), offset - before
        )
        start = page.find(b"\n", 0, _PAGE) + 1 if offset else 0
        times_of_lines = list(islice(times.of(page, before, before + _PAGE), times_of_page))
        if times_of_lines and (start or not offset):
            yield offset - before + start, times_of_lines
