"""Clock skew between us and Canvas, as far as the ``Date`` header of a response proves it.

Canvas stamps a response with the second in which it was created (RFC 9110, section 6.6.1). By our
clock that must be during the request, so a difference is proven only as far as it exceeds the
duration of the request plus one second.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime
from typing import Final

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.patterns import late_pattern

__all__ = ["clock_skew", "parse_date"]

_RESOLUTION: Final = 1.0
_DATE: Final = late_pattern(
    r"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII
)
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}


def clock_skew(sent: float, start: float, end: float) -> float:
    """Return our time minus Canvas's, as far as a response proves a difference.

    Args:
        sent: ``Date`` of the response, in seconds since the epoch.
        start: When the request began by our clock.
        end: When the response arrived by our clock.

    Returns:
        Seconds; positive if our clock is ahead, and 0 if the answer may have been created during
        the request. The real difference is larger by at most the duration plus one second.
    """
    ahead = start - (sent + _RESOLUTION)
    if ahead > 0.0:
        return ahead
    return min(0.0, end - sent)


@functools.lru_cache(maxsize=8)
def parse_date(value: str) -> float | None:
    """Read a ``Date`` header, such as ``Sun, 06 Nov 1994 08:49:37 GMT``.

    Returns:
        Seconds since the epoch; None if it is not a date in this format.
    """
    found = _DATE.fullmatch(value)
    month = _MONTHS.get(found[2]) if found else None
    if found is None or month is None:
        return None
    try:
        day, hour, minute, second = (int(found[part]) for part in (1, 4, 5, 6))
        moment = datetime(int(found[3]), month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise_if_asynchronous(error)
        return None
    return moment.timestamp()
