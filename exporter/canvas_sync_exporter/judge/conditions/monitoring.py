"""The monitoring itself: its database, folders, spool, rollups, cleanup and clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_core.store.spool.own_file import SPOOL_LIMIT
from canvas_sync_exporter.judge.facts import Facts, Sample
from canvas_sync_exporter.judge.finding import MOST_LISTED_RUNS, Finding
from canvas_sync_exporter.judge.runs import EndedRun
from canvas_sync_exporter.judge.timing import counted_rounds
from canvas_sync_exporter.schedules.durations import format_duration

__all__ = [
    "EXPORTER",
    "cleanup_missed",
    "clock_wrong",
    "database_away",
    "exporter_silent",
    "log_folder_unwritable",
    "messages_failing",
    "rollups_behind",
    "spool_growing",
    "telemetry_dropped",
]

EXPORTER: Final = "exporter"
_DATABASE: Final = "database"
_UNREACHABLE_FOR: Final = timedelta(minutes=1)
"""A restart takes less time than this."""
_FOLDER_FOR: Final = timedelta(minutes=1)
"""A problem with the log folder counts only if it has lasted this long."""
_SPOOL_WINDOW: Final = timedelta(minutes=10)
"""How long rows have to wait, without getting fewer."""
_FEWEST_SPOOL_BYTES: Final = 64 * 1024
"""Fewer waiting bytes at any moment of that window are not an incident."""
_CRITICAL_SPOOL_BYTES: Final = SPOOL_LIMIT / 2
"""From here on the incident is critical: half of what the file of one process may hold."""
_BACKLOG_WINDOW: Final = timedelta(minutes=30)
"""How long runs have to wait to be rolled up, without getting fewer."""
_FEWEST_BACKLOG_RUNS: Final = 2_000
"""Fewer waiting runs at any moment of that window are not an incident."""
_SHRUNK_SHARE: Final = 0.9
"""A backlog that is down to this share of what it was when the window began is shrinking."""
_DROPS_FOR: Final = timedelta(hours=26)
"""How long a loss is reported if no later run starts."""
_CLEANUP_PATIENCE: Final = timedelta(hours=2)
"""How long after its due time, or the start of the exporter, the cleanup may succeed."""
_DELIVERY_PATIENCE: Final = timedelta(hours=1)
"""How long a channel may deliver nothing while messages wait, if none was given up."""
_SILENT_FOR: Final = timedelta(minutes=5)
"""An upgrade or a reboot takes less time than this."""
_SKEW_SECONDS: Final = 60.0
"""A smaller difference between our clock and Canvas's is not an incident."""
_SEVERE_SKEW_SECONDS: Final = 600.0
"""From here on the incident is critical, and nothing that depends on time is judged."""


def database_away(facts: Facts) -> Iterable[Finding]:
    """Detect that the runs database is down."""
    database = facts.database
    if not database.is_reachable and facts.now - database.since >= _UNREACHABLE_FOR:
        yield Finding(
            kind=IncidentKind.DATABASE_AWAY,
            subject=_DATABASE,
            severity=Severity.CRITICAL,
            since=database.since,
            summary="The runs database is unreachable. Runs wait on disk until it is back.",
            cause=database.reason,
        )


def spool_growing(facts: Facts) -> Iterable[Finding]:
    """Detect that rows wait for the database and their number does not shrink."""
    window = _window(facts.spool, facts.now - _SPOOL_WINDOW)
    if window is None or min(each.value for each in window) < _FEWEST_SPOOL_BYTES:
        return
    waiting = window[-1].value
    if waiting < window[0].value:
        return
    yield Finding(
        kind=IncidentKind.SPOOL_GROWING,
        subject="spool",
        severity=Severity.CRITICAL if waiting >= _CRITICAL_SPOOL_BYTES else Severity.WARNING,
        since=window[0].time,
        summary=f"{waiting / 1024:,.0f} KiB of rows are waiting for the database.",
        cause="The syncs cannot reach the database, or it rejects their rows.",
    ).on(facts.host)


def log_folder_unwritable(facts: Facts) -> Iterable[Finding]:
    """Detect that the exporter or a sync cannot write logs or metrics."""
    runs = list(_runs_with_fault(facts))
    problem, since = _folder_problem(facts)
    if not runs and not problem:
        return
    host = facts.host if problem else ""  # runs of all hosts are known on each
    yield Finding(
        kind=IncidentKind.LOG_FOLDER_UNWRITABLE,
        subject="log folder",
        severity=Severity.WARNING,
        since=min([*(run.start for run in runs), *([since] if since else [])]),
        summary="The syncs cannot write their logs or metrics.",
        cause=problem or next(run.telemetry_fault or "" for run in runs),
        runs=tuple(run.id for run in runs[:MOST_LISTED_RUNS]),
        run_count=len(runs),
        affects=frozenset(run.sync_type for run in runs),
    ).on(host)


def telemetry_dropped(facts: Facts) -> Iterable[Finding]:
    """Detect lost telemetry, until a later run ends without a loss."""
    ended = _newest_run(facts)
    for drop in facts.dropped:
        is_over = ended is not None and ended.start > drop.last
        if is_over or facts.now - drop.last > _DROPS_FOR:
            continue
        yield Finding(
            kind=IncidentKind.TELEMETRY_DROPPED,
            subject=drop.sink,
            severity=Severity.WARNING,
            since=drop.since,
            summary=f"{drop.count:,} records for {drop.sink} were lost.",
            cause=f"The reason is: {drop.reason.replace('_', ' ')}. The syncs are not affected.",
            counts={drop.reason: drop.count},
        ).on(facts.host)


def rollups_behind(facts: Facts) -> Iterable[Finding]:
    """Detect that runs wait to be rolled up and their number does not shrink."""
    window = _window(facts.rollup_backlog, facts.now - _BACKLOG_WINDOW)
    if window is None or min(each.value for each in window) < _FEWEST_BACKLOG_RUNS:
        return
    waiting = window[-1].value
    if waiting <= window[0].value * _SHRUNK_SHARE:
        return
    yield Finding(
        kind=IncidentKind.ROLLUPS_BEHIND,
        subject=EXPORTER,
        severity=Severity.WARNING,
        since=window[0].time,
        summary=f"{waiting:,.0f} runs are waiting to be rolled up, and not getting fewer.",
        cause="The exporter lacks permission to write the rollups, or cannot keep up.",
    )


def cleanup_missed(facts: Facts) -> Iterable[Finding]:
    """Detect that the nightly log cleanup did not run."""
    cleanup = facts.cleanup
    if cleanup is None:
        return
    due = max(cleanup.due, facts.started)
    is_done = cleanup.last_success is not None and cleanup.last_success >= cleanup.due
    if is_done or facts.now - due < _CLEANUP_PATIENCE:
        return
    last = cleanup.last_success
    known = (
        f"It last succeeded on {last:%Y-%m-%d %H:%M} UTC." if last else "It has never succeeded."
    )
    yield Finding(
        kind=IncidentKind.CLEANUP_MISSED,
        subject=EXPORTER,
        severity=Severity.WARNING,
        since=due,
        summary=f"The nightly log cleanup, due at {due:%Y-%m-%d %H:%M} UTC, has not run.",
        cause=cleanup.failure or known,
    ).on(facts.host)


def clock_wrong(facts: Facts) -> Iterable[Finding]:
    """Detect that our clock and Canvas's differ by more than a minute."""
    clock = facts.clock
    if clock is None or abs(clock.skew) < _SKEW_SECONDS:
        return
    off = format_duration(timedelta(seconds=round(abs(clock.skew))))
    side = "ahead of" if clock.skew > 0 else "behind"
    yield Finding(
        kind=IncidentKind.CLOCK_WRONG,
        subject="clock",
        severity=Severity.CRITICAL if is_severe_skew(facts) else Severity.WARNING,
        since=clock.measured,
        summary=f"The clock of this machine is {off} {side} Canvas's.",
        cause="Start and end times of runs are off by as much. Check time synchronization (NTP).",
    )


def messages_failing(facts: Facts) -> Iterable[Finding]:
    """Detect channels that have lost a message for anyone, or delivered nothing for an hour."""
    for each in facts.failing_channels:
        is_lost = each.given_up or each.partly_sent
        if not is_lost and facts.now - each.since < _DELIVERY_PATIENCE:
            continue
        counts = {
            "given up": each.given_up,
            "waiting": each.waiting,
            "sent to some": each.partly_sent,
        }
        trouble = "do not reach all recipients" if each.reaches_some else "cannot be delivered"
        yield Finding(
            kind=IncidentKind.MESSAGES_FAILING,
            subject=each.channel,
            severity=Severity.WARNING,
            since=each.since,
            summary=f"Messages to {each.channel} {trouble}.",
            cause=each.reason,
            counts={name: count for name, count in counts.items() if count},
        )


def exporter_silent(facts: Facts) -> Iterable[Finding]:
    """Detect that the exporter of another host has stopped, since nobody watches that host then."""
    database = facts.database.since
    # While the database was unreachable, no exporter could note that it judges.
    back = database if database > facts.started else None
    for other in facts.others:
        since = other.judged or facts.started
        if facts.now - max(since, back or since) < _SILENT_FOR:
            continue
        if other.judged is None:
            summary = f"No exporter on {other.host} has judged with this database in the last week."
            cause = "It does not run, uses another database, or its host has another name."
        else:
            summary = f"The exporter on {other.host} last judged at {since:%Y-%m-%d %H:%M} UTC."
            cause = (
                "It has stopped, or its host is down. Nobody watches the logs and the disk there."
            )
        yield Finding(
            kind=IncidentKind.EXPORTER_SILENT,
            subject=other.host,
            severity=Severity.CRITICAL,
            since=since,
            summary=summary,
            cause=cause,
        )


def is_severe_skew(facts: Facts) -> bool:
    """Return whether the clock is too wrong to judge anything that depends on time."""
    return facts.clock is not None and abs(facts.clock.skew) >= _SEVERE_SKEW_SECONDS


def _folder_problem(facts: Facts) -> tuple[str, datetime | None]:
    """Return a lasting problem with the log folder, and since when it exists."""
    folder = facts.log_folder
    if folder is None or folder.since is None or facts.now - folder.since < _FOLDER_FOR:
        return "", None
    return folder.problem, folder.since if folder.problem else None


def _runs_with_fault(facts: Facts) -> Iterator[EndedRun]:
    for sync in facts.syncs.values():
        for each in counted_rounds(facts, sync)[:1]:
            yield from (run for run in each.notable.values() if run.telemetry_fault)


def _newest_run(facts: Facts) -> EndedRun | None:
    newest = (sync.runs[0] for sync in facts.syncs.values() if sync.runs)
    return max(newest, key=lambda run: run.start, default=None)


def _window(samples: Sequence[Sample], since: datetime) -> Sequence[Sample] | None:
    """Return the samples since a time; None if the history does not reach back that far."""
    if not samples or samples[0].time > since:
        return None
    return [each for each in samples if each.time >= since] or None
