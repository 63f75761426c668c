"""The header ``X-Canvas-Meta``: where Canvas spent the time of a request.

Source: ``lib/request_context_generator.rb`` and ``app/middleware/request_context_generator.rb`` of
instructure/canvas-lms: pairs ``k=v;``, of which ``q`` is the time in the queue in microseconds, and
``u`` (user CPU), ``y`` (system CPU) and ``d`` (database) are seconds.
"""

from __future__ import annotations

from typing import Final

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.events import ServerTime

__all__ = ["parse_canvas_meta"]

_PER_SECOND: Final = {"q": 1_000_000.0, "u": 1.0, "y": 1.0, "d": 1.0}
_LONGEST: Final = 86_400.0


def parse_canvas_meta(value: str) -> ServerTime | None:
    """Read the header; None if it contains no times.

    Implausible parts, such as more than a day, are left out.
    """
    seconds: dict[str, float] = {}
    for part in value.split(";"):
        name, _, number = part.partition("=")
        key = name.strip()
        if key not in _PER_SECOND:
            continue
        try:
            time = float(number) / _PER_SECOND[key]
        except ValueError as error:
            raise_if_asynchronous(error)
            continue
        if 0.0 <= time <= _LONGEST:
            seconds.setdefault(key, time)
    if not seconds:
        return None
    return ServerTime(seconds.get("q"), seconds.get("u"), seconds.get("y"), seconds.get("d"))
