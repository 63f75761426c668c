"""Points in time as people write them."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from canvas_sync_exporter.schedules.durations import UNITS

__all__ = ["check_period", "parse_moment"]

_AGO: Final = re.compile(rf"(?P<number>\d{{1,6}})(?P<unit>[{''.join(UNITS)}])")
_HELP: Final = "use a time such as 2025-12-22, 2025-12-22T10:15:30Z, or 2h for two hours ago"


def parse_moment(raw: str, now: dt.datetime | None = None) -> dt.datetime:
    """Read a date, a time by RFC 3339 (UTC when it names no zone), or an age such as ``2h``.

    Args:
        raw: The text.
        now: What ages count from; the current time when None.

    Raises:
        ValueError: It is none of them; the message says what to write.
    """
    if age := _AGO.fullmatch(raw):
        length = dt.timedelta(**{UNITS[age["unit"]]: int(age["number"])})
        try:
            return (now or dt.datetime.now(dt.UTC)) - length
        except OverflowError:
            raise ValueError(_HELP) from None
    try:
        moment = dt.datetime.fromisoformat(raw)
        return moment.replace(tzinfo=moment.tzinfo or dt.UTC).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise ValueError(_HELP) from None


def check_period(since: dt.datetime | None, until: dt.datetime | None) -> None:
    """Look whether a line can be written at ``since`` or later, and before ``until``.

    Args:
        since: The first moment; None for no bound.
        until: The moment behind the last; None for no bound.

    Raises:
        ValueError: None can; the message says what ``until`` is to be.
    """
    if since is not None and until is not None and since >= until:
        raise ValueError(f"use a later time than that of since, {since:%Y-%m-%dT%H:%M:%SZ}")
