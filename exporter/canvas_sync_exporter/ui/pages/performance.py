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
"""A figure that changed by less is about the same."""


@dataclass(frozen=True, slots=True)
class Change:
    """A figure of this range of time beside that of the one before it.

    Attributes:
        share: The change as a share of the figure before; None if that is unknown or 0.
        verdict: ``better``, ``worse`` or ``same``; empty if more is neither better nor worse.
    """

    name: str
    now: str
    before: str
    share: float | None
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
    since, until = view.period.since, view.period.until
    before = since - (until - since)
    end = None if view.period.is_open else until
    now_durations = context.rollups.performance(since, view.zone, end)
    now_counts = context.rollups.summary(since, end)
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
        _change("Runs", *(each.total for each in runs), write=_number),
        _change(
            "Success rate", *(each.success_rate for each in runs), write=format_percent, good=1
        ),
        _change("API calls", *calls, write=_number),
        _change("Failed API calls", *failed, write=format_percent, good=-1),
        _change("Throttled API calls", *throttled, write=format_percent, good=-1),
    ]


def _durations(now: Performance, before: Performance) -> Sequence[Change]:
    measures = (
        ("Duration of a run", now.duration, before.duration),
        ("Latency of Canvas", now.api_latency, before.api_latency),
        ("Database time of a run", now.db_time, before.db_time),
    )
    return [
        _change(
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


def _change(
    name: str,
    now: float | None,
    before: float | None,
    *,
    write: Callable[[float], str],
    good: int = 0,
) -> Change:
    """Compare two figures.

    Args:
        name: What they count.
        now: The figure of this range of time; None if there is none.
        before: That of the range before.
        write: Formats a figure.
        good: 1 if more is better, -1 if less is, 0 if neither.
    """
    share = (now - before) / before if now is not None and before else None
    is_notable = share is not None and abs(share) >= _NOTABLE
    verdict = "" if share is None or not good else "same"
    if share is not None and good and is_notable:
        verdict = "better" if share * good > 0 else "worse"
    now_text, before_text = ("-" if value is None else write(value) for value in (now, before))
    return Change(name, now_text, before_text, share, verdict)


def _number(value: float) -> str:
    return format_number(round(value))


PAGE: Final = Page(
    "performance", "performance", "Performance", "ui/performance.html", performance, period="30d"
)
