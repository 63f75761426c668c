"""A school whose syncs run all year: what each run does when nothing is wrong."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from canvas_sync_core.names import RunStatus
from canvas_sync_exporter.judge.expectation import Pause
from canvas_sync_exporter.judge.runs import EndedRun
from canvas_sync_exporter.schedules.cron import CronSchedule

__all__ = ["BREAKS", "SYNCS", "Sync", "config_text", "pauses", "plan_runs"]

BERLIN = "Europe/Berlin"
NEW_YORK = "America/New_York"
STRAYS = 0.002

BREAKS = (
    (datetime(2026, 2, 14, tzinfo=UTC), datetime(2026, 2, 22, 12, tzinfo=UTC)),
    (datetime(2026, 4, 3, tzinfo=UTC), datetime(2026, 4, 12, 12, tzinfo=UTC)),
    (datetime(2026, 7, 18, tzinfo=UTC), datetime(2026, 8, 30, 12, tzinfo=UTC)),
    (datetime(2026, 12, 19, tzinfo=UTC), datetime(2027, 1, 7, 12, tzinfo=UTC)),
)
LEVELS = (
    (datetime(2025, 1, 1, tzinfo=UTC), 1.0),
    (datetime(2026, 2, 23, tzinfo=UTC), 0.6),
    (datetime(2026, 4, 20, tzinfo=UTC), 0.84),
    (datetime(2026, 9, 7, tzinfo=UTC), 1.176),
)
"""How many are enrolled, from when on: four times 40 % less or more."""


@dataclass(frozen=True, slots=True)
class Sync:
    """A sync type.

    Attributes:
        items: Items of a usual run; ``spread`` is by how much they vary, as a share.
        received_only: Whether the app uses the hooks alone, and records no items.
        is_changes: Whether it brings what has changed since the last run, more by day.
        users: How many users have a run each; 0 for one run without a user.
        breaks: Whether it stands still in breaks.
    """

    name: str
    cron: str
    zone: str
    seconds: float
    items: float
    calls: int
    spread: float = 0.05
    received_only: bool = False
    is_changes: bool = False
    users: int = 0
    breaks: bool = True


SYNCS = (
    Sync("full", "0 2 * * *", BERLIN, 2400.0, 4000.0, 1200),
    Sync("incremental", "*/15 7-18 * * 1-5", BERLIN, 90.0, 30.0, 40, 0.4, is_changes=True),
    Sync("per_user", "30 3 * * *", NEW_YORK, 6.0, 25.0, 12, 0.15, users=30),
    Sync("small", "15 4 * * *", NEW_YORK, 40.0, 600.0, 150, 0.1, received_only=True),
    Sync("quick", "5 */4 * * *", "UTC", 300.0, 200.0, 90, 0.25, breaks=False),
)


def config_text(syncs: tuple[Sync, ...] = SYNCS) -> str:
    """The configuration file of the school."""
    return "\n".join(
        f'[syncs.{each.name}]\nschedule = "{each.cron}"\ntimezone = "{each.zone}"\n'
        + ('max_age = { grade = "26h" }\n' if each.name == "full" else "")
        for each in syncs
    )


def pauses() -> list[Pause]:
    """The breaks, announced."""
    names = frozenset(each.name for each in SYNCS if each.breaks)
    return [Pause(names, begin, end, "break") for begin, end in BREAKS]


def plan_runs(
    sync: Sync, begin: datetime, end: datetime, noise: random.Random, *, breaks: bool = True
) -> Iterator[EndedRun]:
    """Make the runs of a sync type that start in a time, in order."""
    schedule = CronSchedule(sync.cron, ZoneInfo(sync.zone))
    last: datetime | None = None
    for due in schedule.due_between(begin, end):
        if breaks and sync.breaks and any(first <= due < until for first, until in BREAKS):
            continue
        gap = (due - last) if last else timedelta()
        last = due
        start = due + timedelta(seconds=noise.uniform(1, 20))
        if due.weekday() == 2 and due.hour == 10:  # a deploy keeps the scheduler busy
            start += timedelta(seconds=noise.uniform(0, 200))
        for user in range(sync.users) or (None,):
            yield _run(sync, start, gap, user, noise)
            start += timedelta(seconds=sync.seconds / 2)


def _run(
    sync: Sync, start: datetime, gap: timedelta, user: int | None, noise: random.Random
) -> EndedRun:
    factor = _level(start) * _activity(sync, start)
    usual = sync.items * factor * (0.4 + user % 7 / 5 if user is not None else 1.0)
    work = 1.0
    if sync.is_changes and gap > timedelta(hours=1):  # all that changed meanwhile
        work = min(20.0, gap / timedelta(hours=1))
    items = _count(usual * work * noise.lognormvariate(0, sync.spread), noise)
    calls = max(2, _count(sync.calls * (0.5 + items / max(1.0, sync.items) / 2), noise) or 2)
    failures = sum(noise.random() < STRAYS for _ in range(min(calls, 300)))
    latency = 0.2 * noise.lognormvariate(0, 0.15)
    seconds = sync.seconds * (0.6 + 0.4 * calls / sync.calls) * noise.lognormvariate(0, 0.12)
    run = EndedRun(
        id=f"{sync.name}-{start:%y%m%d-%H%M%S}",
        sync_type=sync.name,
        status=RunStatus.SUCCESS,
        start=start,
        end=start + timedelta(seconds=seconds),
        duration=seconds,
        user_id=user,
        canvas_host="canvas.example.edu",
        items=0 if sync.received_only else items,
        api_calls=calls,
        api_failed=failures,
        api_retried=failures,
        api_seconds=calls * latency,
        api_items=items,
        api_bytes=round(items * 400 * noise.lognormvariate(0, 0.1)) + 500,
        db_operations=0 if sync.received_only else items + 10,
        db_seconds=0.0 if sync.received_only else (items + 10) * 0.004 * noise.uniform(0.8, 1.2),
    )
    if user is not None and noise.random() < STRAYS:
        failed = replace(run, status=RunStatus.FAILED, api_failed=failures + 1)
        return replace(failed, error_type="ReadTimeout", error_message="Read timed out.")
    return run


def _count(mean: float, noise: random.Random) -> int:
    return max(0, round(noise.gauss(mean, math.sqrt(max(mean, 0.0)))))


def _level(time: datetime) -> float:
    return next(level for begin, level in reversed(LEVELS) if time >= begin)


def _activity(sync: Sync, time: datetime) -> float:
    """How much is going on: less in the morning and the evening, and on Fridays."""
    if not sync.is_changes:
        return 1.0
    local = time.astimezone(ZoneInfo(sync.zone))
    hour = local.hour + local.minute / 60
    return (0.3 + max(0.0, math.sin((hour - 6) / 14 * math.pi))) * (
        0.7 if local.weekday() == 4 else 1.0
    )
