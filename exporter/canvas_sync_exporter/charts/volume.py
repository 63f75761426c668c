"""A chart of how many lines the logs have, as bars that are links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from canvas_sync_exporter.formatting import format_number
from canvas_sync_exporter.rendering import render

from .scales import spread_labels, ticks

__all__ = ["VolumeBar", "volume_chart"]

_HEIGHT: Final = 64
_SHARE: Final = 0.82  # of a step that its bar takes


@dataclass(frozen=True, slots=True)
class VolumeBar:
    """The lines of a time bucket.

    Attributes:
        name: When it begins, as the axis has it.
        hint: All of it in words.
        url: The bucket alone.
        parts: Number of lines by kind, which is also a CSS class, from the foot up.
    """

    name: str
    hint: str
    url: str
    parts: Sequence[tuple[str, int]]

    @property
    def lines(self) -> int:
        """Number of lines."""
        return sum(lines for _, lines in self.parts)


@dataclass(frozen=True, slots=True)
class _Shape:
    """A bar; ``x`` is in percent, the rest in pixels."""

    bar: VolumeBar
    x: str
    rects: Sequence[tuple[str, str, str]]


def volume_chart(
    bars: Sequence[VolumeBar], name: str, hatched: tuple[float, float], time: tuple[int, int]
) -> Markup:
    """Draw bars, each a link.

    Args:
        bars: The bars, oldest first, at least one.
        name: What they are, for those who do not see them.
        hatched: From where to where, as shares of the axis, they are hatched.
        time: Start of the axis in seconds since the Unix epoch, and the length of a bucket.
    """
    top = ticks(max(bar.lines for bar in bars), least=1)[-1]
    step = 100 / len(bars)
    low, high = hatched
    return render(
        "charts/volume.html",
        shapes=[_shape(bar, place * step, top) for place, bar in enumerate(bars) if bar.lines],
        name=name,
        top=format_number(round(top)),
        height=_HEIGHT,
        step=_round(step),
        width=_round(step * _SHARE),
        labels=[bars[place].name for place in spread_labels(len(bars))],
        hatched=(_round(100 * low), _round(100 * (high - low))) if high > low else None,
        time=time,
        count=len(bars),
    )


def _shape(bar: VolumeBar, x: float, top: float) -> _Shape:
    rects, floor = [], float(_HEIGHT)
    for kind, lines in bar.parts:
        if lines:
            height = max(1.0, lines / top * _HEIGHT)
            floor -= height
            rects.append((kind, _round(floor), _round(height)))
    return _Shape(bar, _round(x), rects)


def _round(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
