"""Faults that are put into the healthy school, and what the judge has to say about each."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from canvas_sync_core.names import IncidentKind, RunStatus
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

__all__ = ["FAULTS", "Fault"]

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
GIBIBYTE = 1024.0**3

Alter = Callable[[EndedRun, random.Random], EndedRun | list[EndedRun] | None]
"""What becomes of a run while the fault is there: another one, several, or none."""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong for a while.

    Attributes:
        kind: What the judge has to find; nothing else may be found.
        subject: About what.
        cause: A part of the cause that it has to name.
        syncs: The sync types whose runs change.
        alter: What becomes of their runs.
        change: What becomes of the other facts, by when the fault began and when it is.
        begin: When it begins, after the start of the watched days.
        length: How long it lasts.
        certain: How long after the end of the first run that it changes (after the start of one
            that does not come or hangs; without runs after its beginning) it can be known at all.
        interval: The expected interval of what is affected: it is told within two.
    """

    name: str
    kind: IncidentKind
    subject: str
    cause: str = ""
    syncs: tuple[str, ...] = ()
    alter: Alter | None = None
    change: Callable[[Facts, datetime], Facts] | None = None
    begin: timedelta = timedelta(hours=9)
    length: timedelta = timedelta(hours=24)
    certain: timedelta = timedelta()
    interval: timedelta = timedelta(days=1)

    def runs(
        self, runs: Iterable[EndedRun], begin: datetime, noise: random.Random
    ) -> Iterator[EndedRun]:
        """Return the runs as the fault makes them."""
        for run in runs:
            is_hit = begin <= run.start < begin + self.length and run.sync_type in self.syncs
            if not is_hit or self.alter is None:
                yield run
                continue
            altered = self.alter(run, noise)
            if isinstance(altered, list):
                yield from altered
            elif altered is not None:
                yield altered


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


QUARTER = timedelta(minutes=15)
NIGHT = timedelta(hours=1)
"""The fault begins on Tuesday at 00:00 UTC plus ``begin``; nights are at 01:00 UTC and later."""
K = IncidentKind
HOST = "canvas.example.edu"
EVENING = timedelta(hours=-1)

FAULTS = (
    Fault(
        "the cron job of the night is gone",
        K.MISSED,
        "full",
        "scheduler",
        ("full",),
        lambda run, _: None,
        begin=EVENING,
        length=2 * DAY,
        certain=HOUR,
    ),
    Fault(
        "the scheduler of working hours dies",
        K.MISSED,
        "incremental",
        "scheduler",
        ("incremental",),
        lambda run, _: None,
        length=4 * HOUR,
        interval=QUARTER,
        certain=20 * MINUTE,
    ),
    Fault(
        "all schedulers die",
        K.MISSED,
        "incremental",
        "scheduler",
        ("full", "incremental", "per_user", "small", "quick"),
        lambda run, _: None,
        begin=timedelta(hours=7, minutes=50),
        length=30 * HOUR,
        interval=QUARTER,
        certain=20 * MINUTE,
    ),
    Fault(
        "somebody stops it every night",
        K.OVERDUE,
        "full",
        "cancelled",
        ("full",),
        lambda run, _: takes(run, 60.0, status=RunStatus.CANCELLED),
        begin=EVENING,
        length=3 * DAY,
        certain=28 * HOUR,
    ),
    Fault(
        "one night fails",
        K.FAILING,
        "full",
        "KeyError",
        ("full",),
        fails("KeyError", "'term'"),
        begin=EVENING,
    ),
    Fault(
        "every run fails after a deploy",
        K.FAILING,
        "incremental",
        "TypeError",
        ("incremental",),
        fails("TypeError", "unexpected keyword"),
        length=3 * HOUR,
        interval=QUARTER,
    ),
    Fault(
        "most users' runs fail",
        K.FAILING,
        "per_user",
        "KeyError",
        ("per_user",),
        fails("KeyError", "'sis_id'", 0.7),
        begin=EVENING,
    ),
    Fault(
        "a part is left out every night",
        K.PARTIAL,
        "full",
        "grades",
        ("full",),
        lambda run, _: replace(
            run, status=RunStatus.PARTIAL, error_type="Partial", error_message="grades of 3 courses"
        ),
        begin=EVENING,
        length=3 * DAY,
    ),
    Fault(
        "the process is killed",
        K.INTERRUPTED,
        "full",
        "Interrupted",
        ("full",),
        lambda run, _: takes(
            run,
            900.0,
            status=RunStatus.INTERRUPTED,
            error_type="Interrupted",
            error_message="Process ended.",
        ),
        begin=EVENING,
    ),
    Fault(
        "the night hangs",
        K.STUCK,
        "full",
        "usually take",
        ("full",),
        lambda run, _: takes(run, 6 * 3600.0),
        begin=EVENING,
        certain=160 * MINUTE,
    ),
    Fault(
        "a run in working hours hangs",
        K.STUCK,
        "incremental",
        "usually take",
        ("incremental",),
        lambda run, _: takes(run, 3 * 3600.0) if run.start.minute < 15 else None,
        begin=timedelta(hours=9, minutes=-1),
        length=HOUR,
        interval=QUARTER,
        certain=27 * MINUTE,
    ),
    Fault(
        "two schedulers start it",
        K.OVERLAPPING,
        "incremental",
        "previous run",
        ("incremental",),
        twice,
        length=3 * HOUR,
        interval=QUARTER,
    ),
    Fault(
        "three times slower",
        K.SLOW,
        "quick",
        "slow",
        ("quick",),
        lambda run, _: takes(run, run.duration * 3),
        begin=timedelta(hours=7),
        length=2 * HOUR,
        interval=4 * HOUR,
    ),
    Fault(
        "all lists are empty, hooks alone",
        K.SUSPECT,
        "small",
        "API calls",
        ("small",),
        empty_lists,
        begin=EVENING,
    ),
    Fault(
        "all lists are empty in working hours",
        K.SUSPECT,
        "incremental",
        "few_calls",
        ("incremental",),
        empty_lists,
        length=3 * HOUR,
        interval=QUARTER,
    ),
    Fault("two thirds are missing", K.SUSPECT, "full", "few_items", ("full",), half, begin=EVENING),
    Fault(
        "a third of the users get nothing",
        K.SUSPECT,
        "per_user",
        "0 items",
        ("per_user",),
        nothing_for_a_third,
        begin=EVENING,
    ),
    Fault(
        "the token expires",
        K.TOKEN_REFUSED,
        "3f2a91c0",
        "expired",
        ("full", "incremental", "per_user", "small", "quick"),
        refused,
        length=20 * HOUR,
        interval=QUARTER,
    ),
    Fault("a token is about to expire", K.TOKEN_EXPIRING, "nightly", change=expiring),
    Fault(
        "the quota is used up all the time",
        K.QUOTA_LOW,
        "3f2a91c0",
        "30 of 700",
        change=low_quota,
        length=2 * HOUR,
        certain=2 * MINUTE,
    ),
    Fault(
        "Canvas throttles",
        K.THROTTLED,
        HOST,
        "quota",
        ("full",),
        part_of_calls(0.3, is_throttled=True),
        begin=EVENING,
    ),
    Fault(
        "a fifth of the calls fails",
        K.API_FAILING,
        HOST,
        "",
        ("full", "quick"),
        part_of_calls(0.2),
        begin=EVENING,
    ),
    Fault(
        "a fifth of a small school's calls fails",
        K.API_FAILING,
        HOST,
        "",
        ("small",),
        part_of_calls(0.2),
        begin=EVENING,
    ),
    Fault(
        "Canvas is down",
        K.API_FAILING,
        HOST,
        "503",
        ("incremental", "quick"),
        outage,
        length=3 * HOUR,
        interval=QUARTER,
    ),
    Fault("Canvas is slow", K.API_SLOW, HOST, "slow", ("full",), slow_canvas, begin=EVENING),
    Fault(
        "lists are left early",
        K.LIST_TRUNCATED,
        "full",
        "",
        ("full",),
        lambda run, _: replace(run, api_truncated=4),
        begin=EVENING,
    ),
    Fault(
        "it crashes inside a list",
        K.FAILING,
        "full",
        "ValueError",
        ("full",),
        fails("ValueError", "bad date", api_truncated=1),
        begin=EVENING,
    ),
    Fault(
        "grades no longer come in",
        K.STALE_ITEMS,
        "full",
        "no such items",
        ("full",),
        lambda run, _: replace(run, error_type="no grades"),
        begin=EVENING,
        length=3 * DAY,
        certain=5 * HOUR,
    ),
    Fault(
        "a tenth of the statements fails",
        K.DB_FAILING,
        "database of the app",
        "",
        ("full",),
        lambda run, _: replace(run, db_failed=run.db_operations // 10),
        begin=EVENING,
    ),
    Fault(
        "the app's database is down",
        K.DB_FAILING,
        "database of the app",
        "OperationalError",
        ("incremental",),
        fails("OperationalError", "connection refused", db_operations=1, db_failed=1),
        length=3 * HOUR,
        interval=QUARTER,
    ),
    Fault(
        "the app's database is slow",
        K.DB_SLOW,
        "database of the app",
        "",
        ("full",),
        slow_database,
        begin=EVENING,
    ),
    Fault(
        "the database is unreachable for 15 minutes",
        K.DATABASE_UNREACHABLE,
        "database",
        "refused",
        change=away,
        length=15 * MINUTE,
    ),
    Fault(
        "rows do not reach the database",
        K.SPOOL_GROWING,
        "spool",
        "",
        change=spool,
        length=3 * HOUR,
        certain=15 * MINUTE,
    ),
    Fault(
        "the log folder is read-only",
        K.LOG_FOLDER_UNWRITABLE,
        "log folder",
        "/logs",
        change=unwritable,
        length=3 * HOUR,
    ),
    Fault(
        "a sync cannot write its logs",
        K.LOG_FOLDER_UNWRITABLE,
        "log folder",
        "user 1001",
        ("full",),
        lambda run, _: replace(run, telemetry_fault="/logs: not for user 1001"),
        begin=EVENING,
    ),
    Fault(
        "log lines are lost",
        K.TELEMETRY_DROPPED,
        "log",
        "disk full",
        change=drops,
        length=20 * HOUR,
    ),
    Fault(
        "the rollups fall behind",
        K.ROLLUPS_BEHIND,
        "exporter",
        "",
        change=backlog,
        length=5 * HOUR,
        certain=45 * MINUTE,
    ),
    Fault(
        "the cleanup fails",
        K.CLEANUP_MISSED,
        "exporter",
        "No space",
        change=no_cleanup,
        begin=timedelta(hours=1),
        certain=3 * HOUR,
    ),
    Fault(
        "the disk fills",
        K.DISK_FILLING,
        "disk of the logs",
        "",
        change=disk,
        length=10 * HOUR,
        certain=6 * HOUR,
    ),
    Fault(
        "the clock is 26 hours ahead",
        K.CLOCK_WRONG,
        "clock",
        "",
        change=wrong_clock,
        length=5 * HOUR,
    ),
    Fault(
        "a channel cannot deliver messages",
        K.MESSAGES_FAILING,
        "slack",
        "404",
        change=dead_channel,
        length=5 * HOUR,
        certain=HOUR,
    ),
    Fault(
        "the exporter of another host dies",
        K.EXPORTER_SILENT,
        "sync-1",
        "stopped",
        change=silent_exporter,
        length=5 * HOUR,
        certain=5 * MINUTE,
    ),
)
