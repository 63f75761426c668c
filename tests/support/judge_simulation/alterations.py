"""What faults do to runs, and to the other facts that the judge reads."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.messages.failing_channel import FailingChannel
from canvas_sync_exporter.judge.facts import (
    CleanupFacts,
    ClockFacts,
    DatabaseFacts,
    DroppedTelemetry,
    Facts,
    LogFolderFacts,
    OtherExporter,
    Sample,
    TokenFacts,
)
from canvas_sync_exporter.judge.runs import EndedRun

from .fault import Alter

__all__ = [
    "away",
    "backlog",
    "dead_channel",
    "disk",
    "drops",
    "empty_lists",
    "expiring",
    "fails",
    "half",
    "low_quota",
    "no_cleanup",
    "nothing_for_a_third",
    "outage",
    "part_of_calls",
    "refused",
    "silent_exporter",
    "slow_canvas",
    "slow_database",
    "spool",
    "takes",
    "twice",
    "unwritable",
    "wrong_clock",
]

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
GIBIBYTE = 1024.0**3


def takes(run: EndedRun, seconds: float, **changes: Any) -> EndedRun:
    """The run with another duration."""
    end = run.start + timedelta(seconds=seconds)
    return replace(run, end=end, duration=seconds, **changes)


def fails(error: str, message: str, share: float = 1.0, **changes: Any) -> Alter:
    """Let a share of the runs fail."""

    def alter(run: EndedRun, noise: random.Random) -> EndedRun:
        if noise.random() >= share:
            return run
        values = {"status": RunStatus.FAILED, "error_type": error, "error_message": message}
        return takes(run, run.duration / 2, **{**values, **changes})

    return alter


def outage(run: EndedRun, _: random.Random) -> EndedRun:
    """Canvas answers 503 to all calls."""
    failed = replace(run, status=RunStatus.FAILED, items=0, api_calls=6, api_failed=6)
    message = "503 Server Error: Service Unavailable"
    return takes(failed, 30.0, error_type="HTTPError", error_message=message)


def refused(run: EndedRun, _: random.Random) -> EndedRun:
    """Canvas refuses the token."""
    failed = replace(run, status=RunStatus.FAILED, items=0, api_calls=1, api_failed=1)
    message = "Expired access token."
    return takes(failed, 1.0, error_type="InvalidAccessToken", error_message=message)


def empty_lists(run: EndedRun, _: random.Random) -> EndedRun:
    """All lists are empty: nothing follows the first two calls."""
    received = replace(run, items=0, api_items=0, api_bytes=4, api_calls=2, api_seconds=0.2)
    return takes(received, 0.1)


def nothing_for_a_third(run: EndedRun, noise: random.Random) -> EndedRun:
    """A role was taken away from a third of the users."""
    return empty_lists(run, noise) if (run.user_id or 0) % 3 == 0 else run


def half(run: EndedRun, _: random.Random) -> EndedRun:
    """A filter lets only a third through."""
    return replace(
        run,
        items=run.items // 3,
        api_items=(run.api_items or 0) // 3,
        api_bytes=(run.api_bytes or 0) // 3,
    )


def part_of_calls(share: float, *, is_throttled: bool = False) -> Alter:
    """A share of the calls fails, or is throttled."""

    def alter(run: EndedRun, _: random.Random) -> EndedRun:
        count = round(run.api_calls * share)
        throttled = count if is_throttled else 0
        return replace(run, api_failed=count, api_throttled=throttled)

    return alter


def slow_canvas(run: EndedRun, _: random.Random) -> EndedRun:
    """Canvas takes five times as long."""
    more = run.api_seconds * 4
    return takes(run, run.duration + more / 10, api_seconds=run.api_seconds + more)


def slow_database(run: EndedRun, _: random.Random) -> EndedRun:
    """The app's database takes ten times as long."""
    return replace(run, db_seconds=run.db_seconds * 10)


def twice(run: EndedRun, _: random.Random) -> list[EndedRun]:
    """Two schedulers start it, one a minute after the other, and each takes longer for it."""
    first = takes(run, run.duration * 2.5)
    later = first.start + MINUTE
    second = replace(first, id=f"{run.id}-2", start=later, end=later + (first.end - first.start))
    return [first, second]


def drops(facts: Facts, begin: datetime) -> Facts:
    lost = DroppedTelemetry("log", "disk_full", 40, begin, min(facts.now, begin + HOUR))
    return replace(facts, dropped=[lost])


def growing(base: float, a_second: float) -> Callable[[Facts, datetime], tuple[Sample, ...]]:
    def samples(facts: Facts, begin: datetime) -> tuple[Sample, ...]:
        times = [facts.now - timedelta(minutes=5 * number) for number in range(90, -1, -1)]
        return tuple(
            Sample(time, base + a_second * max(0.0, (time - begin).total_seconds()))
            for time in times
        )

    return samples


def spool(facts: Facts, begin: datetime) -> Facts:
    return replace(facts, spool=growing(0, 500.0)(facts, begin))


def backlog(facts: Facts, begin: datetime) -> Facts:
    return replace(facts, rollup_backlog=growing(0, 5.0)(facts, begin))


def disk(facts: Facts, begin: datetime) -> Facts:
    return replace(facts, disk_free=growing(60 * GIBIBYTE, -GIBIBYTE / 900)(facts, begin))


def away(facts: Facts, begin: datetime) -> Facts:
    down = DatabaseFacts(is_reachable=False, since=begin, reason="connection refused")
    return replace(facts, database=down)


def unwritable(facts: Facts, begin: datetime) -> Facts:
    return replace(facts, log_folder=LogFolderFacts("/logs", "/logs cannot be written.", begin))


def no_cleanup(facts: Facts, begin: datetime) -> Facts:
    assert facts.cleanup is not None
    last = begin.replace(hour=2, minute=0) - (DAY if begin.hour < 2 else timedelta())
    return replace(facts, cleanup=CleanupFacts(facts.cleanup.due, last, "No space left."))


def low_quota(facts: Facts, begin: datetime) -> Facts:
    return replace(
        facts, tokens=[TokenFacts("3f2a91c0", None, 30.0, 700.0, facts.now, low_since=begin)]
    )


def expiring(facts: Facts, begin: datetime) -> Facts:
    return replace(facts, tokens=[TokenFacts("nightly", begin + 14 * DAY)])


def wrong_clock(facts: Facts, begin: datetime) -> Facts:
    return replace(facts, clock=ClockFacts(26 * 3600.0, facts.now))


def dead_channel(facts: Facts, begin: datetime) -> Facts:
    return replace(facts, failing_channels=[FailingChannel("slack", begin, 3, 0, "404 Not Found")])


def silent_exporter(facts: Facts, begin: datetime) -> Facts:
    return replace(facts, host="sync-2", others=[OtherExporter("sync-1", begin)])
