"""How moments are stored on SQLite, which has no type for them.

They are RFC 3339 texts of fixed length, which sort by time, and which people, SQLite's date
functions and Grafana can read.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from typing import Any, Final

__all__ = [
    "EARLIEST",
    "LATEST",
    "RFC3339_LENGTH",
    "limited",
    "limited_sql",
    "read_sorted_time",
    "sorts_as",
    "time_text",
]

EARLIEST: Final = datetime(1, 1, 3, tzinfo=UTC)
"""No moment is read as an earlier one, so that each has a date in every time zone."""
LATEST: Final = datetime(9999, 12, 28, 23, 59, 59, 999_999, tzinfo=UTC)
"""No moment is read as a later one."""
RFC3339_LENGTH: Final = len("2025-12-22T10:15:30.123456Z")
_MICROSECOND: Final = timedelta(microseconds=1)


def time_text(moment: datetime) -> str:
    """Return the text that SQLite stores for an aware moment."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(timespec="microseconds")[: RFC3339_LENGTH - 1] + "Z"


def read_sorted_time(value: Any) -> datetime:
    """Read SQLite's value consistently with its sort order.

    SQLite sorts texts. A text in another format is read as the time at which it sorts.
    """
    if isinstance(value, str) and len(value) == RFC3339_LENGTH and value[-1] == "Z":
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return sorts_as(value)
        # For instance with a blank instead of the T, which sorts before all times of that day.
        return moment if value[10] == "T" and value[19] == "." else sorts_as(value)
    return sorts_as(value)


def sorts_as(value: Any) -> datetime:
    """Find the last time whose text does not sort after a value; SQLite sorts bytes after texts.

    The binary search takes about 60 steps, but only for values that should not exist.
    """
    if not isinstance(value, str):
        return LATEST if isinstance(value, bytes) else EARLIEST
    count = (LATEST - EARLIEST) // _MICROSECOND
    after = bisect_right(
        range(count + 1), value, key=lambda number: time_text(EARLIEST + number * _MICROSECOND)
    )
    return EARLIEST + max(after - 1, 0) * _MICROSECOND


def limited(moment: datetime) -> datetime:
    """Return a moment that has a date in every time zone, in UTC."""
    if moment.tzinfo is UTC and EARLIEST <= moment <= LATEST:  # as nearly always
        return moment
    return min(max(moment, EARLIEST), LATEST).astimezone(UTC)


def limited_sql(moment: str) -> str:
    """Return PostgreSQL's expression for a time that Python can represent.

    PostgreSQL has infinity and further years.

    Args:
        moment: The expression for the time.
    """
    earliest, latest = (f"timestamptz '{limit.isoformat()}'" for limit in (EARLIEST, LATEST))
    return (
        f"CASE WHEN {moment} < {earliest} THEN {earliest} "
        f"WHEN {moment} > {latest} THEN {latest} ELSE {moment} END"
    )
