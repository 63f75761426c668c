"""Expectations and pauses as the command line prints them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Final

from canvas_sync_exporter.judge.expectation import Expectation, ExpectationSource
from canvas_sync_exporter.schedules.durations import format_duration
from canvas_sync_exporter.schedules.pause import Pause
from canvas_sync_exporter.schedules.schedule import Schedule

__all__ = ["describe_pause", "expectation_lines", "format_local"]

_SHOWN_DUE_TIMES: Final = 3
_SOURCES: Final = {
    ExpectationSource.ENVIRONMENT: "from CANVAS_SYNC_EXPECTED_INTERVALS",
    ExpectationSource.FILE: "from the configuration file",
    ExpectationSource.LEARNED: "learned from its runs",
}


def format_local(moment: datetime, zone: tzinfo) -> str:
    """Format a time in a zone: ``Mon 2026-11-30 02:00``, with seconds unless they are zero."""
    local = moment.astimezone(zone)
    return f"{local:%a %Y-%m-%d %H:%M:%S}".removesuffix(":00")


def expectation_lines(expected: Expectation, now: datetime, zone: tzinfo) -> Iterator[str]:
    """Yield lines that describe what is expected of a sync type."""
    yield f"{expected.sync_type}: {expected.schedule.describe()}, {_SOURCES[expected.source]}"
    due = [format_local(each, zone) for each in _next_due(expected.schedule, now)]
    yield f"  due {', '.join(due)}" if due else "  nothing is due in the coming week"
    promises = [f"a run may start {format_duration(expected.grace)} late"]
    if expected.max_duration is not None:
        promises.append(f"may take {format_duration(expected.max_duration)}")
    for item, age in expected.max_age.items():
        promises.append(f"{item} items may be {format_duration(age)} old")
    yield f"  {'; '.join(promises)}"


def describe_pause(pause: Pause, zone: tzinfo) -> str:
    """Describe a pause in one line."""
    names = ", ".join(sorted(pause.sync_types)) or "all sync types"
    origin = "the configuration file" if pause.id is None else f"{pause.author}, number {pause.id}"
    start, end = format_local(pause.start, zone), format_local(pause.end, zone)
    return f"{names}: {start} to {end}, {pause.reason} ({origin})"


def _next_due(schedule: Schedule, now: datetime) -> Sequence[datetime]:
    found: list[datetime] = []
    due = schedule.next_due(now)
    while due is not None and len(found) < _SHOWN_DUE_TIMES:
        found.append(due)
        due = schedule.next_due(due)
    return found
