"""A bar that shows parts of a period, such as a call within its run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from canvas_sync_exporter.rendering import render

__all__ = ["TimePart", "time_bar"]

_LEAST_SHARE: Final = 0.004
"""Width of a part that would be too narrow to see."""


@dataclass(frozen=True, slots=True)
class TimePart:
    """A part of a bar.

    Attributes:
        kind: What the time was spent on, which is also a CSS class.
        start: Seconds from the start of the axis.
        seconds: Its length.
    """

    kind: str
    start: float
    seconds: float


def time_bar(parts: Sequence[TimePart], axis_seconds: float) -> Markup:
    """Draw parts of time on one line. What they mean has to be beside it in words.

    Args:
        parts: The parts, in drawing order.
        axis_seconds: Length of the whole line.
    """
    axis = axis_seconds or 1.0
    bars = [
        (part.kind, _percent(part.start / axis), _percent(max(part.seconds / axis, _LEAST_SHARE)))
        for part in parts
    ]
    return render("charts/time_bar.html", bars=bars)


def _percent(share: float) -> str:
    # In this order, max() turns a negative zero into a positive one.
    return f"{100 * min(max(0.0, share), 1.0):.2f}%"
