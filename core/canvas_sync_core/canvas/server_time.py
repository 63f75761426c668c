"""The header ``X-Canvas-Meta``: where Canvas spent the time of a request.

Source: ``lib/request_context_generator.rb`` and ``app/middleware/request_context_generator.rb`` of
instructure/canvas-lms: pairs ``k=v;``, of which ``q`` is the time in the queue in microseconds, and
``u`` (user CPU), ``y`` (system CPU) and ``d`` (database) are seconds.
"""

from __future__ import annotations

import re
from typing import Final

from canvas_sync_core.events import ServerTime

__all__ = ["parse_canvas_meta"]

_PAIR: Final = re.compile(r"(?:^|;)\s*([quyd])\s*=\s*([0-9]{1,15}(?:\.[0-9]{1,30})?)\s*(?=;|$)")
_MICROSECONDS: Final = 1_000_000.0
_LONGEST: Final = 86_400.0


def parse_canvas_meta(value: str) -> ServerTime | None:
    """Read the header; None if it contains no times.

    Implausible parts, such as more than a day, are left out.
    """
    seconds: dict[str, float] = {}
    for key, number in _PAIR.findall(value):
        time = float(number) / (_MICROSECONDS if key == "q" else 1.0)
        if time <= _LONGEST:
            seconds.setdefault(key, time)
    if not seconds:
        return None
    return ServerTime(seconds.get("q"), seconds.get("u"), seconds.get("y"), seconds.get("d"))
