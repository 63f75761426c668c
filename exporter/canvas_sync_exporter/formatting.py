"""Formats figures and codes for people, the same way on a page and in a text."""

from __future__ import annotations

import datetime as dt

__all__ = [
    "format_code",
    "format_number",
    "format_percent",
    "format_seconds",
    "format_size",
    "format_time",
]


def format_code(code: str) -> str:
    """Write a code, such as the kind of incident ``stale_items``, in words."""
    return code.replace("_", " ")


def format_number(value: int) -> str:
    """Format a count, such as ``1,234``."""
    return f"{value:,}"


def format_size(size: int) -> str:
    """Format a number of bytes, such as ``1.2 MB``."""
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if size >= 10**power:
            return f"{size / 10**power:.1f} {unit}"
    return f"{size} B"


def format_percent(share: float) -> str:
    """Format a share from 0 to 1, such as ``9.2 %``."""
    return f"{share * 100:.1f} %"


def format_time(moment: dt.datetime | None) -> str:
    """Format a time in UTC, such as ``2025-12-22 10:15:30``."""
    if moment is None:
        return "-"
    return moment.astimezone(dt.UTC).replace(tzinfo=None).isoformat(" ", "seconds")


def format_seconds(seconds: float | None) -> str:
    """Format a duration, such as ``145.2 ms``, ``8.4 s`` or ``3 min 05 s``."""
    if seconds is None:
        return "-"
    if seconds < 0.9995:
        return f"{seconds * 1000:z.1f} ms"
    if seconds < 119.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
