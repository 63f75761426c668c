"""A row of bars, one for each run: the height is its duration, shape and colour are its status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from canvas_sync_exporter.rendering import render

__all__ = ["BAR_SHAPES", "RunBar", "run_bars"]

_STEP: Final = 12
_WIDTH: Final = 8
_TOP: Final = 12
_HEIGHT: Final = 44
_LEAST: Final = 4
BAR_SHAPES: Final = {
    "failed": "M{x} 4l4-4 4 4-4 4z",
    "partial": "M{x} 8l4-8 4 8z",
    "interrupted": "M{x} 1h7v7h-7z",
    "cancelled": "M{x} 4h8v2h-8z",
    "running": "M{x} 0l8 4-8 4z",
}
"""The mark above a bar, by status; a successful run has none."""


@dataclass(frozen=True, slots=True)
class RunBar:
    """A run.

    Attributes:
        status: Its status, which is also a CSS class.
        seconds: Its duration.
        url: Where more about it is.
        label: All of it in words.
    """

    status: str
    seconds: float
    url: str
    label: str


@dataclass(frozen=True, slots=True)
class _Shape:
    """The outlines of a bar."""

    run: RunBar
    touch_x: int
    path: str


def run_bars(runs: Sequence[RunBar], name: str) -> Markup:
    """Draw runs as bars, each a link.

    Args:
        runs: The runs, oldest first.
        name: What they are, for those who do not see them.
    """
    longest = max((run.seconds for run in runs), default=0.0) or 1.0
    shapes = [_shape(run, place, longest) for place, run in enumerate(runs)]
    return render(
        "charts/run_bars.html",
        shapes=shapes,
        name=name,
        width=max(len(runs), 1) * _STEP,
        height=_HEIGHT,
    )


def _shape(run: RunBar, place: int, longest: float) -> _Shape:
    x = place * _STEP + (_STEP - _WIDTH) // 2
    height = max(_LEAST, round((_HEIGHT - _TOP) * min(run.seconds / longest, 1.0)))
    mark = BAR_SHAPES.get(run.status, "").format(x=x)
    return _Shape(run, place * _STEP, f"{mark}M{x} {_HEIGHT}v-{height}h{_WIDTH}v{height}z")
