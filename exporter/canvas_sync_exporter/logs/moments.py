"""Points in time as people write them."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

__all__ = ["parse_moment"]

_AGO: Final = re.compile(r"(?P<number>\d{1,6})(?P<unit>[smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_HELP: Final = "say a time such as 2025-12-22, 2025-12-22T10:15:30Z, or 2h for two hours ago"


def parse_moment(raw: str, now: dt.datetime | None = None) -> dt.datetime:
    """Read a date, a time by RFC 3339 (UTC when it names no zone), or an age such as ``2h``.

    Args:
        raw: The text.
        now: What ages count from; the current time when None.

    Raises:
        ValueError: It is none of them; the message says what to write.
    """
    if age := _AGO.fullmatch(raw):
        length = dt.timedelta(**{_UNITS[age["unit"]]: int(age["number"])})
        try:
            return (now or dt.datetime.now(dt.UTC)) - length
        except OverflowError:
            raise ValueError(_HELP) from None
    try:
        moment = dt.datetime.fromisoformat(raw)
        return moment.replace(tzinfo=moment.tzinfo or dt.UTC).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise ValueError(_HELP) from None
