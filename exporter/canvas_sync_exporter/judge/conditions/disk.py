"""The disk with the logs: full, or about to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from statistics import linear_regression
from typing import Final

from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_exporter.judge.facts import Facts, Sample
from canvas_sync_exporter.judge.finding import Finding
from canvas_sync_exporter.schedules.durations import format_duration

__all__ = ["disk_filling"]

_LITTLE_BYTES: Final = 200 * 1024 * 1024
"""With less free space, the incident is critical whatever the trend."""
_HISTORY: Final = timedelta(hours=6)
"""How much history a trend needs: one of ten minutes paged with 67 GiB free."""
_CRITICAL_SECONDS: Final = 4 * 3600.0
"""With less time until the disk is full, the incident is critical."""
_WARNING_SECONDS: Final = 24 * 3600.0
"""With more time until the disk is full, there is no incident."""
_FEWEST_SAMPLES: Final = 12
"""Fewer samples in the second half of the history do not confirm a trend."""
_GIBIBYTE: Final = 1024**3


def disk_filling(facts: Facts) -> Iterable[Finding]:
    """Detect that the disk is full or, at the rate of the last six hours, soon will be."""
    if not facts.disk_free:
        return
    newest = facts.disk_free[-1]
    free = f"{newest.value / _GIBIBYTE:,.1f} GiB are free on the disk with the logs"
    if newest.value < _LITTLE_BYTES:
        summary, severity = f"Only {free}.", Severity.CRITICAL
    else:
        left = _seconds_left(facts)
        if left is None or left > _WARNING_SECONDS:
            return
        severity = Severity.CRITICAL if left <= _CRITICAL_SECONDS else Severity.WARNING
        until = format_duration(timedelta(minutes=round(left / 60)))
        summary = f"{free}; at the current rate it will be full in {until}."
    yield Finding(
        kind=IncidentKind.DISK_FILLING,
        subject="disk of the logs",
        severity=severity,
        since=newest.time,
        summary=summary,
        cause="Once it is full, log lines, metrics and rows waiting for the database are lost.",
    ).on(facts.host)


def _seconds_left(facts: Facts) -> float | None:
    """Return the seconds until the disk is full at the current rate; None if it is not filling."""
    begin = facts.now - _HISTORY
    if facts.disk_free[0].time > begin:
        return None
    window = [each for each in facts.disk_free if each.time >= begin]
    half = [each for each in window if each.time >= facts.now - _HISTORY / 2]
    if len(half) < _FEWEST_SAMPLES:
        return None
    # A backup that used much space at once is not a trend: the last half must confirm it.
    pace = max(_pace(window), _pace(half))
    return window[-1].value / -pace if pace < 0 else None


def _pace(samples: Sequence[Sample]) -> float:
    """Return the change of the free space in bytes per second."""
    start = samples[0].time
    seconds = [(each.time - start).total_seconds() for each in samples]
    return linear_regression(seconds, [each.value for each in samples]).slope
