"""How long runs, Canvas and the database took, in this range of time and in the one before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from canvas_sync_core.store.query_results import Performance, Summary
from canvas_sync_core.store.rollups.series import RunSeries
from canvas_sync_exporter.formatting import format_number, format_percent, format_seconds
from canvas_sync_exporter.ui.page import Page
from canvas_sync_exporter.ui.series import read_series
from canvas_sync_exporter.ui.view import View
from canvas_sync_exporter.web.context import WebContext

__all__ = ["PAGE", "PerformancePage"]

_NOTABLE: Final = 0.1
"""An amount that changed by a smaller share is about the same."""
_NOTABLE_POINTS: Final = 0.005
"""The same for a rate, whose change is a difference: half a percentage point."""
_MULTIPLE: Final = 3.0
"""An amount that grew more than this is described as a multiple, not by a percentage."""


@dataclass(frozen=True, slots=True)
class Change:
    """A figure of this range of time beside that of the one before it.

    Attributes:
        change: The change, such as ``+12 %`` or ``218 times`` of an amount, or ``-1.5 points``
            (percentage points) of a rate; empty if it is unknown, or if the amount was 0.
        verdict: ``better``, ``worse`` or ``same``; empty if more is neither better nor worse.
    """

    name: str
    now: str
    before: str
    change: str
    verdict: str


@dataclass(frozen=True, slots=True)
class PerformancePage:
    """Everything on the page.

    Attributes:
        changes: Figures of this range of time and of the one of the same length before it.
        performance: Durations in this range of time.
        series: The same over time.
        summary: Counts in this range of time, by sync type.
    """

    changes: list[Change]
    performance: Performance
    series: RunSeries | None
    summary: Summary


def performance(context: WebContext, view: View) -> PerformancePage:
    """Read everything on the page."""
    end = None if view.period.is_open else view.period.until
    now_durations = context.rollups.performance(view.period.since, view.zone, end)
    now_counts = context.rollups.summary(view.period.since, end)
    since = now_counts.since  # that of a whole bucket, so that no run is in both ranges
    before = since - ((now_counts.until or view.period.until) - since)
    durations = context.rollups.performance(before, view.zone, since)
    counts = context.rollups.summary(before, since)
    changes = [*_counts(now_counts, counts), *_durations(now_durations, durations)]
    return PerformancePage(changes, now_durations, read_series(context, view), now_counts)


def _counts(now: Summary, before: Summary) -> Sequence[Change]:
    runs, totals = (now.runs, before.runs), (now.totals, before.totals)
    calls = [each.api_calls for each in totals]
    failed = _shares([each.api_failed for each in totals], calls)
    throttled = _shares([each.api_throttled for each in totals], calls)
    return [
        _amounts("Runs", *(each.total for each in runs), write=_number),
        _rates("Success rate", *(each.success_rate for each in runs), good=1),
        _amounts("API calls", *calls, write=_number),
        _rates("Failed API calls", *failed, good=-1),
        _rates("Throttled API calls", *throttled, good=-1),
    ]


def _durations(now: Performance, before: Performance) -> Sequence[Change]:
    measures = (
        ("Duration of a run", now.duration, before.duration),
        ("Latency of Canvas", now.api_latency, before.api_latency),
        ("Database time of a run", now.db_time, before.db_time),
    )
    return [
        _amounts(
            f"{name}, {part}",
            getattr(this, part),
            getattr(that, part),
            write=format_seconds,
            good=-1,
        )
        for name, this, that in measures
        for part in ("p50", "p95")
    ]


def _shares(parts: Sequence[int], wholes: Sequence[int]) -> list[float | None]:
    return [part / whole if whole else None for part, whole in zip(parts, wholes, strict=True)]


def _amounts(
    name: str,
    now: float | None,
    before: float | None,
    *,
    write: Callable[[float], str],
    good: int = 0,
) -> Change:
    """Compare two amounts, as the share by which the earlier one changed.

    Args:
        name: What they are.
        now: The amount in this range of time; None if there is none.
        before: That in the range before.
        write: Formats an amount.
        good: 1 if more is better, -1 if less is, 0 if neither.
    """
    if now is None or not before:
        return _unknown(name, now, before, write)
    share = (now - before) / before
    verdict = _verdict(share, good, _NOTABLE)
    return Change(name, write(now), write(before), _written(share), verdict)


def _rates(name: str, now: float | None, before: float | None, *, good: int) -> Change:
    """Compare two rates, by their difference: a share of a rate says little if that is small."""
    if now is None or before is None:
        return _unknown(name, now, before, format_percent)
    points = now - before
    verdict = _verdict(points, good, _NOTABLE_POINTS)
    change = f"{100 * points:+z.1f} points"
    return Change(name, format_percent(now), format_percent(before), change, verdict)


def _unknown(
    name: str, now: float | None, before: float | None, write: Callable[[float], str]
) -> Change:
    now_text, before_text = ("-" if value is None else write(value) for value in (now, before))
    return Change(name, now_text, before_text, change="", verdict="")


def _written(share: float) -> str:
    times = share + 1
    if times < _MULTIPLE:
        return f"{100 * share:+z.0f} %"
    return f"{times:,.0f} times" if times >= 10 else f"{times:.1f} times"


def _verdict(change: float, good: int, notable: float) -> str:
    if not good:
        return ""
    if abs(change) < notable:
        return "same"
    return "better" if change * good > 0 else "worse"


def _number(value: float) -> str:
    return format_number(round(value))


PAGE: Final = Page(
    "performance", "performance", "Performance", "ui/performance.html", performance, period="30d"
)
