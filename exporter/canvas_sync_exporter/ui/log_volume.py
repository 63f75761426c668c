"""The volume of the logs over time, as a chart whose bars narrow the search."""

from __future__ import annotations

import datetime as dt
from typing import Final

from markupsafe import Markup

from canvas_sync_core.wording import counted
from canvas_sync_exporter.charts.volume import VolumeBar, volume_chart
from canvas_sync_exporter.logs.search import Order
from canvas_sync_exporter.logs.volume import Volume, VolumeBucket

from .view import View

__all__ = ["draw_volume", "most_bars"]

_MOST_BARS: Final = 50
_FEWEST_BARS: Final = 8
_BAR_BYTES: Final = 17_000
_BAR_MARKUP: Final = 260
_DAY_LABELS: Final = 21_600
"""From this length of a bucket on, in seconds, the axis has days instead of clock times."""


def most_bars(view: View) -> int:
    """Return how many bars of the volume fit on the page; each has a link with all filters."""
    return min(_MOST_BARS, max(_FEWEST_BARS, _BAR_BYTES // (_BAR_MARKUP + len(view.here()))))


def draw_volume(view: View, volume: Volume, searched_to: dt.datetime | None) -> Markup:
    """Draw the volume over time; what has not been searched yet is hatched.

    Args:
        view: The page of the logs.
        volume: The volume.
        searched_to: The time up to which the logs have been searched; None if all have been.
    """
    buckets, step = volume.buckets, volume.step_seconds
    start = int(buckets[0].start.timestamp())
    base = view.here(since=None, to=None, cursor=None, position=None)
    base += "&" if "?" in base else "?"
    bars = [_bar(view, base, each, step) for each in buckets]
    hatched = (0.0, 0.0)
    if searched_to is not None:
        reached = (searched_to.timestamp() - start) / (step * len(buckets))
        reached = min(max(reached, 0.0), 1.0)
        hatched = (0.0, reached) if view.values["order"] is Order.NEWEST else (reached, 1.0)
    return volume_chart(bars, "Lines over time", hatched, (start, step))


def _bar(view: View, base: str, bucket: VolumeBucket, step: int) -> VolumeBar:
    start, end = bucket.start, bucket.start + dt.timedelta(seconds=step)
    local = start.astimezone(view.zone)
    day, clock = f"{local:%b} {local.day}", f"{local:%H:%M}" if step >= 60 else f"{local:%H:%M:%S}"
    bad = sum(bucket.levels.get(level, 0) for level in ("ERROR", "CRITICAL"))
    warnings = bucket.levels.get("WARNING", 0)
    about = "about " if bucket.is_estimate else ""
    notes = [f"{about}{counted(bucket.lines, 'line')}"]
    notes += [counted(bad, "error")] if bad else []
    notes += [counted(warnings, "warning")] if warnings else []
    return VolumeBar(
        day if step >= _DAY_LABELS else clock,
        f"{day} {clock}: {', '.join(notes)}",
        f"{base}from={_short(start, step)}&to={_short(end, step)}",
        (("bad", bad), ("warning", warnings), ("good", bucket.lines - bad - warnings)),
    )


def _short(moment: dt.datetime, step: int) -> str:
    utc = moment.astimezone(dt.UTC)
    return f"{utc:%Y-%m-%dT%H:%MZ}" if step >= 60 else f"{utc:%Y-%m-%dT%H:%M:%SZ}"
