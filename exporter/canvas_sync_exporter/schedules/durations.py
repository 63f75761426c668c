"""Durations as people write them: ``45m``, ``3h``, ``1h30m``, ``2d``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

__all__ = ["UNITS", "describe_duration", "format_duration", "parse_duration"]

UNITS: Final = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
"""Letter -> argument of :class:`~datetime.timedelta`."""

_PATTERN: Final = re.compile("".join(rf"(?:(?P<{unit}>\d{{1,6}}){unit})?" for unit in UNITS))
_LONGEST: Final = timedelta(days=3660)
_HINT: Final = "write a duration such as 45m, 3h or 1h30m (units: w, d, h, m, s)"


def parse_duration(text: str) -> timedelta:
    """Read a duration of at least a second and at most ten years.

    Raises:
        ValueError: The text is not a duration; the message says what to write.
    """
    match = _PATTERN.fullmatch(text.replace(" ", ""))
    if match is None or not text.strip() or not text.isascii():
        raise ValueError(_HINT)
    parts = {name: int(match[unit] or 0) for unit, name in UNITS.items()}
    duration = timedelta(**parts)
    if not timedelta(0) < duration <= _LONGEST:
        raise ValueError("write a duration from 1s to 3660d")
    return duration


def format_duration(duration: timedelta) -> str:
    """Format a duration in whole seconds, in the syntax of :func:`parse_duration`."""
    rest = int(duration.total_seconds())
    words = []
    for unit, seconds in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, seconds)
        if count:
            words.append(f"{count}{unit}")
    return "".join(words) or "0s"


def describe_duration(duration: timedelta) -> str:
    """Describe a duration in words: ``15 minutes``, ``hour``, ``1h30m``."""
    seconds = duration.total_seconds()
    for name, length in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, rest = divmod(seconds, length)
        if count and not rest:
            return name if count == 1 else f"{count:g} {name}s"
    return format_duration(duration)
